"""What a page shows: frames of Gaussians, the cameras and pictures of each, and numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Picture:
    """An encoded picture."""

    content: bytes
    media_type: str
    """such as image/png"""


@dataclass(frozen=True)
class SceneCamera:
    """A pinhole and the picture that it took."""

    name: str
    role: Literal["input", "held_out"] | None
    words: str
    """what is known of the rendering through it, to read"""
    camera_to_world: Float[Tensor, "4 4"]
    """OpenCV axes"""
    fxfycxcy: Float[Tensor, "4"]
    """px, principal point from the picture's outer corner"""
    width: int
    height: int
    picture: Picture
    """with alpha where the background is to be seen through"""


@dataclass(frozen=True)
class SceneFrame:
    """Gaussians of one moment."""

    sequence: str
    """frames of one sequence are played after one another"""
    label: str
    gaussians: int
    spz: bytes
    """of all of them, an .spz file"""
    cameras: tuple[SceneCamera, ...]


@dataclass(frozen=True)
class SceneTable:
    """Numbers beside the picture; cells are plain text."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@runtime_checkable
class Counted(Protocol):
    """Gaussians of a frame: `predicted`, taken away as too faint or as outside, and kept."""

    @property
    def predicted(self) -> int: ...
    @property
    def faint(self) -> int: ...
    @property
    def outside(self) -> int: ...
    @property
    def kept(self) -> int: ...


def count_table(frames: Sequence[Counted]) -> SceneTable:
    """What became of the Gaussians of all frames."""
    counts = {
        "predicted": sum(frame.predicted for frame in frames),
        "too faint": sum(frame.faint for frame in frames),
        "beside a silhouette": sum(frame.outside for frame in frames),
        "shown": sum(frame.kept for frame in frames),
    }
    rows = tuple((name, f"{count:,}") for name, count in counts.items())
    return SceneTable(f"Gaussians of {len(frames)} frames", ("", ""), rows)


@dataclass(frozen=True)
class Scene:
    title: str
    subtitle: str
    center: tuple[float, float, float]
    """world units, around which the view turns; z is up"""
    distance: float
    """world units, of the cameras from it"""
    radius: float
    """world units around it that the subject fills"""
    frames: tuple[SceneFrame, ...]
    tables: tuple[SceneTable, ...]
    poster: Picture | None
    """shown where the browser draws no Gaussians"""
