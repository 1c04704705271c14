"""Pictures of one moment with a laboratory's calibration: judged as a capture of one frame, then normalized."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from mouse_facelift.formats.sample_folder import read_sample
from mouse_facelift.formats.verdict import Line, Verdict, standing_red, tell_lines
from mouse_facelift.formats.views import Views
from mouse_facelift.normalization.normalize import normalize_views
from mouse_facelift.settings import CalibrationFile, Capture, Normalization, Settings, VerdictLine
from mouse_facelift.verbs.judged import judge
from mouse_facelift.verbs.moments import Moment
from mouse_facelift.verbs.subject import SubjectInWorld

NAME = "pictures"  # of the capture
FRAME = 0


@dataclass(frozen=True)
class PosedPictures:
    """A picture for each of three or more cameras; each file's stem is the camera's name."""

    pictures: tuple[Path, ...]
    masks: tuple[Path, ...] | None
    """in the order of the pictures; None: their alpha"""
    threshold: int
    """of 255; a pixel above it is animal"""
    calibration: CalibrationFile
    normalization_name: str
    normalization: Normalization
    accept_red: tuple[VerdictLine, ...]
    settings: Settings

    @property
    def files(self) -> list[Path]:
        path = Path(self.calibration.path)
        calibration = sorted(filter(Path.is_file, path.rglob("*"))) if path.is_dir() else [path]
        return [*self.pictures, *(self.masks or ()), *calibration]

    def __len__(self) -> int:
        return 1

    def moments(self) -> Iterator[Moment]:
        """Judge the cameras, then bring the views to the contract. Raises as `Source.moments`."""
        with tempfile.TemporaryDirectory(prefix="mouse-facelift-") as scratch:
            given = _link(self.pictures, self.masks, Path(scratch))
            try:
                yield self._normalize(Path(scratch))
            except ValueError as error:
                raise ValueError(_in_given_names(str(error), given)) from error

    def _normalize(self, scratch: Path) -> Moment:
        capture = self._capture(scratch)
        judged = judge(NAME, capture, {self.normalization_name: self.normalization}, self.settings, scratch)
        verdict = judged.verdict
        self._require_no_red(verdict.lines)
        assert isinstance(verdict, Verdict) and judged.found.frames is not None, "what is refused has a red line"
        frames, views = scratch / "frames.json", scratch / "views" / "manifest.json"
        judged.found.frames.write(frames)
        contract, work = self.settings.camera_contract, self.settings.normalization_work
        normalize_views(frames, views, 0, self.normalization, self.normalization_name, contract, work)
        posed = Views.read(views).samples[0]
        sample = read_sample(views.parent / posed.folder)
        left = [name for name in capture.cameras if name not in posed.view_names]
        return Moment(
            source=", ".join(map(str, self.pictures)),
            sample=sample,
            view_names=posed.view_names,
            subject_radius=SubjectInWorld(posed.subject_center, posed.subject_radius).reach,
            residuals=posed.residuals,
            photograph=None,
            verdict=verdict,
            remarks=(
                *(
                    f"camera {name} is not used: it does not show the animal, or contradicts the others"
                    for name in left
                ),
                *(f"verdict: {line.name}: {line.says}" for line in verdict.lines if line.light != "green"),
            ),
        )

    def _require_no_red(self, lines: Sequence[Line]) -> None:
        """Raise ValueError with the verdict's words if a red line stands in the way."""
        red = standing_red(lines)
        if not red:
            return
        measured = any(line.name != "reading" for line in red)
        advice = "\naccept_red (--accept-red) lets lines pass by name" if measured else ""
        said = f"{tell_lines(red)}{advice}"
        raise ValueError(f"{self.calibration.path}: the verdict on these pictures and cameras is red\n{said}")

    def _capture(self, scratch: Path) -> Capture:
        """The pictures as a recording of one frame."""
        kind = {"kind": "alpha"} if self.masks is None else {"kind": "images", "path": _pattern(scratch, "masks")}
        try:
            return Capture.model_validate(
                {
                    "cameras": [path.stem for path in self.pictures],
                    "calibration": self.calibration,
                    "pictures": _pattern(scratch, "pictures"),
                    "masks": {**kind, "threshold": self.threshold},
                    "key_points": None,
                    "frames": [FRAME],
                    "accept_red": self.accept_red,
                }
            )
        except ValidationError as error:
            said = "; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors())
            raise ValueError(f"{self.pictures[0].parent}: pictures whose stems are cameras' names: {said}") from error


def _pattern(scratch: Path, kind: str) -> str:
    return f"{scratch}/{kind}/{{camera}}_{{frame}}"


def _link(pictures: Sequence[Path], masks: Sequence[Path] | None, scratch: Path) -> dict[str, Path]:
    """Let files of any folder and suffix stand where one pattern finds them; says which is which."""
    given: dict[str, Path] = {}
    for kind, paths in (("pictures", pictures), ("masks", masks)):
        if paths is None:
            continue
        (scratch / kind).mkdir()
        for picture, path in zip(pictures, paths, strict=True):
            pattern = _pattern(scratch, kind).replace("{camera}", picture.stem)
            link = pattern.replace("{frame}", str(FRAME))
            Path(link).symlink_to(path.resolve())
            given |= {pattern: path, link: path}
    return given


def _in_given_names(message: str, given: dict[str, Path]) -> str:
    for link, path in given.items():
        message = message.replace(link, str(path))
    return message
