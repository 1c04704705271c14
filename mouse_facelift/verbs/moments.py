"""What goes into the reconstructing network, a frame at a time, wherever it comes from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from jaxtyping import UInt8
from numpy import ndarray

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.verdict import Verdict
from mouse_facelift.formats.views import ViewResidual


@dataclass(frozen=True)
class Moment:
    """One frame: views on the camera contract, all of which go in."""

    source: str
    """file or folder that it was made of, as it was named; of a video with the frame's number"""
    sample: Sample
    view_names: tuple[str, ...]
    subject_radius: float
    """world units around the origin that the animal reaches, as far as is known"""
    residuals: tuple[ViewResidual, ...]
    """of each view, where it was normalized here; else none"""
    photograph: UInt8[ndarray, "height width 4"] | None
    """RGBA from which the views were drawn, as the generator was shown it; None: they were captured"""
    verdict: Verdict | None
    """on the cameras, where pictures were given with a calibration"""
    remarks: tuple[str, ...]

    def with_views(self, views: Sequence[int]) -> "Moment":
        """Take some of the views."""
        sample = self.sample
        return replace(
            self,
            sample=Sample(sample.name, sample.cameras[list(views)], sample.images[list(views)], sample.background),
            view_names=tuple(self.view_names[view] for view in views),
            residuals=tuple(self.residuals[view] for view in views) if self.residuals else (),
        )


@runtime_checkable
class Source(Protocol):
    """Frames, in the order of time."""

    @property
    def files(self) -> list[Path]:
        """All files that were given."""
        ...

    def __len__(self) -> int: ...

    def moments(self) -> Iterator[Moment]:
        """Read, and bring to the contract, a frame at a time.

        Raises:
            FileNotFoundError: a file is absent.
            ValueError: names the file: what is wrong with it.
        """
        ...
