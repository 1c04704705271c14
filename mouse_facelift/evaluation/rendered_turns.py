"""What was rendered, beside what should have been: a prediction table joined with its targets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from mouse_facelift.evaluation.metrics import ViewScores, score_view
from mouse_facelift.formats.licensed import in_words
from mouse_facelift.formats.predictions import PredictionRow, PredictionTable, Renderings
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleRow, SampleTable, load_sample


@dataclass(frozen=True)
class RenderedTurn:
    """One turn of one sample: the renderings of all views, and the targets, of one size."""

    path: Path
    """of the renderings"""
    row: PredictionRow
    sample: Sample
    sample_row: SampleRow
    block: str
    """of time, see `SampleTable.blocks`"""
    renderings: Renderings

    @property
    def view_names(self) -> tuple[str, ...]:
        return self.sample_row.view_names

    def score(self, view: int, mask_threshold: float) -> ViewScores:
        """Score one view, as `score_view`; what it refuses is told with the file and the view."""
        try:
            return score_view(
                self.renderings.rgb[view],
                self.renderings.alpha[view],
                self.sample.over_white()[view],
                self.sample.alpha[view],
                mask_threshold,
            )
        except ValueError as error:
            raise ValueError(f"{self.path}: view {view}: {error}") from error


@dataclass(frozen=True)
class Predictions:
    """A prediction table and the sample table of its targets, which agree."""

    path: Path
    table: PredictionTable
    samples: SampleTable

    @property
    def samples_path(self) -> Path:
        return self.path.parent / self.table.samples

    @property
    def status(self) -> str:
        """The table's, which says so if the cameras of the samples break the contract."""
        return self.table.status + ("; breaks the camera contract" if self.samples.violations else "")

    @property
    def weights(self) -> str:
        """Weights behind the predictions, with their licenses, as tables of scores have them."""
        return in_words(self.table.origins)

    @property
    def task(self) -> dict[str, object]:
        """The experiment's name, and what scores must share to be comparable."""
        fields = ("experiment", "dataset", "normalization", "input_views")
        return {field: getattr(self.table, field) for field in fields}

    @classmethod
    def read(cls, path: Path) -> "Predictions":
        """Read both tables.

        Raises:
            FileNotFoundError: a table is absent.
            ValueError: names the field in which a table is wrong or the tables disagree, found and expected.
        """
        table = PredictionTable.read(path)
        samples_path = path.parent / table.samples
        if not samples_path.is_file():
            raise FileNotFoundError(f"{path}: samples: there is no {samples_path}")
        predictions = cls(path, table, SampleTable.read(samples_path))
        predictions._require_agreement()
        return predictions

    def sample_row(self, name: str) -> SampleRow:
        """The sample table's row of a sample that the prediction table names."""
        return next(row for row in self.samples.samples if row.name == name)

    def model_of(self, row: PredictionRow) -> Path:
        """Where the Gaussians of a row stand that has some.

        Raises:
            FileNotFoundError: they are absent.
        """
        assert row.model is not None
        return self._file_of(row, row.model)

    def _file_of(self, row: PredictionRow, name: str) -> Path:
        path = self.path.parent / name
        if not path.is_file():
            raise FileNotFoundError(f"{self.path}: sample {row.sample}, turn {row.turn}: there is no {path}")
        return path

    def _require_agreement(self) -> None:
        for field in ("dataset", "normalization", "view_count"):
            found, expected = getattr(self.table, field), getattr(self.samples, field)
            if found != expected:
                raise ValueError(
                    f"{self.path}: {field}: found {found}, but its targets {self.samples_path} have {expected}"
                )
        if not self.table.rows:
            raise ValueError(f"{self.path}: rows: found none, expected one for each turn of each sample")
        names = {row.name for row in self.samples.samples}
        views = set(range(self.table.view_count))
        for number, row in enumerate(self.table.rows):
            if row.sample not in names:
                raise ValueError(f"{self.path}: rows[{number}].sample: {row.sample} is not in {self.samples_path}")
            if len(set(row.inputs)) != self.table.input_views or not set(row.inputs) <= views:
                raise ValueError(
                    f"{self.path}: rows[{number}].inputs: found {row.inputs},"
                    f" expected {self.table.input_views} of the views 0 to {len(views) - 1}"
                )

    def turns(self, rows: Sequence[PredictionRow]) -> Iterator[RenderedTurn]:
        """Read the renderings and targets of some rows, in their order; rows of one sample best stand together.

        Raises:
            FileNotFoundError: a rendering or a sample is absent.
            ValueError: a rendering has other views or another size than its target, or a sample changed.
        """
        by_name, blocks = {row.name: row for row in self.samples.samples}, self.samples.blocks()
        loaded: tuple[str, Sample] | None = None
        for row in tqdm(rows, desc=self.table.experiment, unit="turn", disable=None):
            if loaded is None or loaded[0] != row.sample:
                loaded = row.sample, load_sample(self.samples_path, by_name[row.sample])
            sample = loaded[1]
            path = self._file_of(row, row.renderings)
            renderings = Renderings.read(path)
            found, expected = tuple(renderings.alpha.shape), tuple(sample.alpha.shape)
            if found != expected:
                raise ValueError(f"{path}: found (view, height, width) {found}, but sample {row.sample} has {expected}")
            yield RenderedTurn(path, row, sample, by_name[row.sample], blocks[row.sample], renderings)
