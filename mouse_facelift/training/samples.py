"""Where training draws its samples from; a sample table is one such source."""

from pathlib import Path
from typing import Protocol, runtime_checkable

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.training.honesty import load_teaching_sample

CACHED_BYTES = 2**30


@runtime_checkable
class SampleSource(Protocol):
    """Samples by number."""

    def __len__(self) -> int: ...

    def sample(self, index: int) -> Sample: ...

    def view_count(self, index: int) -> int:
        """How many views a sample has."""


class TableSource:
    """The training split of a sample table. The first gigabyte of pictures stays in memory, others are read again.

    Raises:
        ValueError: the table has no training samples.
    """

    def __init__(self, table: SampleTable, path: Path) -> None:
        self.table = table
        self.path = path
        self.rows = table.of_split("train")
        if not self.rows:
            raise ValueError(f"{path}: no samples of split 'train' to learn from; see datasets.*.split in the config")
        self._kept: dict[int, Sample] = {}
        self._kept_bytes = 0

    def __len__(self) -> int:
        return len(self.rows)

    def view_count(self, index: int) -> int:
        return self.table.view_count

    def sample(self, index: int) -> Sample:
        if index in self._kept:
            return self._kept[index]
        sample = load_teaching_sample(self.table, self.path, self.rows[index])
        if self._kept_bytes + sample.images.nbytes <= CACHED_BYTES:
            self._kept[index] = sample
            self._kept_bytes += sample.images.nbytes
        return sample
