"""The verdict on a capture: where its cameras stand, how well they agree, and which conventions were undone."""

from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from mouse_facelift.formats.frames import Frames
from mouse_facelift.formats.manifest import Manifest, Record, Vector
from mouse_facelift.settings import VerdictLine

Light = Literal["green", "amber", "red"]


class Line(Record):
    """One thing that was measured, against its limits."""

    name: VerdictLine
    light: Light
    value: float | None
    """the worst over cameras, in `unit`; None: nothing could be measured"""
    unit: str
    amber: float | None
    red: float | None
    """limits; None where there are none"""
    says: str
    """what was found, naming the camera"""
    accepted: bool
    """red, but the configuration lets it pass"""


class Cause(Record):
    """What one camera would have to be changed by to agree with the others, each cause alone."""

    turn: Vector
    """degrees about its x, y and z"""
    turn_error: float
    """degrees, standard error"""
    late: float | None
    """frames; None: the frames read are too far apart to tell"""
    late_error: float | None
    focal: float
    """of the true focal length over the file's, less 1"""
    focal_error: float


class Finding(Record):
    """A camera that is off."""

    camera: str
    cause: Literal["rotation", "time", "focal"]
    size: float
    """degrees, frames, or part of the focal length"""
    explained: float
    """part of all disagreement between silhouettes that goes away with it"""
    says: str


class AxisGaps(Record):
    """Gaps in azimuth if another axis of the file is taken for up, or the file's origin for the animal."""

    axis: str
    middle: str
    gaps: tuple[float, ...]
    wrong_by: float
    """degrees between this axis and up"""


class CameraVerdict(Record):
    """One camera, about the mean place of the animal. Angles in degrees."""

    name: str
    width: int
    height: int
    focal: tuple[float, float]
    """px, fx and fy"""
    field_of_view: tuple[float, float]
    """across width and height, of the lens without its distortion"""
    distance: float
    """mm"""
    elevation: float
    azimuth: float
    """-180 to 180, counterclockwise seen from above, from +x once up is +z"""
    roll: float
    """about the optical axis; 0 is upright, positive when the picture's right side points up"""
    aim: float
    """between the optical axis and the animal"""
    ray_miss_p50: float
    """mm, distance of this camera's rays from the points where all rays meet"""
    ray_miss_p95: float
    mask_area_p50: float
    """px"""
    mask_share_least: float
    """least part of a mask that its largest component makes up; far below 1 the mask holds more than the animal"""
    mask_whole: float
    """part of the frames in which the mask does not reach the picture's edge"""
    center_residual: float
    """px, median: from the mask's center to where all other views' rays meet"""
    tangent_residual: float | None
    """px, median: by which planes through this camera and another that touch the other's mask miss this one's; None:
    the camera shares no tangents with any other"""
    hull_iou: float
    """median, of the mask and the hull of all other views"""
    hull_cover: float
    """median part of the mask that this hull covers"""
    off: Cause


class RefusedVerdict(Manifest):
    """A capture whose files contradict each other or themselves: there is nothing to measure."""

    capture: str
    calibration: str
    light: Literal["red"]
    lines: tuple[Line, ...]
    """one, `reading`"""
    refusal: str


class Verdict(Manifest):
    capture: str
    calibration: str
    """the file"""
    light: Light
    """the worst of all lines, accepted ones aside"""
    lines: tuple[Line, ...]
    findings: tuple[Finding, ...]
    """the one that explains most first"""
    readings: tuple[AxisGaps, ...]
    """the file's axes taken for up in turn"""
    frames: int
    """how many were read"""
    first_frame: int
    last_frame: int
    recorded_frames: int | None
    """frames of the videos; None for single pictures"""
    rate: float | None
    """frames a second, of the videos"""
    up: Vector
    """unit vector, file's world"""
    subject: Vector
    """mm, file's world: mean place of the animal"""
    subject_range: Vector
    """mm, by how much that place changes along each axis"""
    cameras: tuple[CameraVerdict, ...]
    order: tuple[str, ...]
    """cameras by rising azimuth"""
    gaps: tuple[float, ...]
    """from each camera of `order` to the next; their sum is 360"""
    ray_miss_p50: float
    """mm, of the root mean square over a frame's rays"""
    ray_miss_p95: float
    notes: tuple[str, ...]
    """pixel origin, rotations, units, up: what the file said and what was undone"""


class Found(Manifest):
    """What `read_capture` hands to `admit_capture`."""

    frames: Frames | None
    """None: refused; the verdict says why"""


def read_verdict(path: Path) -> Verdict | RefusedVerdict:
    """Read a verdict of either kind.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: names the file: it is neither.
    """
    adapter: TypeAdapter[Verdict | RefusedVerdict] = TypeAdapter(Verdict | RefusedVerdict)
    try:
        return adapter.validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise ValueError(f"{path}: not a verdict: {error.errors()[0]['msg']}") from None
