"""The verdict on a capture: where its cameras stand, how well they agree, and which conventions were undone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from mouse_facelift.formats.foreseen import ForeseenWay
from mouse_facelift.formats.frames import Frames
from mouse_facelift.formats.manifest import Manifest, Record, Vector
from mouse_facelift.formats.texts import read_text
from mouse_facelift.settings import FrameFault, VerdictLine

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


class UpReport(Record):
    """Which way is up, how that is known, and where the floor is."""

    source: Literal["given", "floor_points", "hull_bottoms", "camera_ups", "hull_bottoms_and_camera_ups"]
    degrees: float | None
    """standard deviation of the direction; None: it was given, or nothing tells"""
    floor: float
    """mm along up, from the file's origin: the lowest that the animal reaches, as a rule"""
    floor_error: float | None
    """mm, standard deviation"""
    estimate_apart: float
    """degrees between up and what the recording itself says"""
    estimate_error: float | None
    """degrees, standard deviation of that estimate"""


class FaultCount(Record):
    """Frames with one fault."""

    fault: FrameFault
    frames: int
    first: int
    """number of the first of them"""
    left_out: bool


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
    seen_share: float
    """part of the frames in which it shows the animal, doubtful masks not counted"""
    doubtful_share: float
    """part of the frames in which its mask disagrees with the hull of the others"""
    confidence_p50: float
    """of its masks, 0 to 1"""
    mask_area_p50: float
    """px"""
    mask_share_least: float
    """least part of a mask that its largest component makes up; far below 1 the mask holds more than the animal"""
    mask_whole: float
    """part of the frames in which the mask does not reach the picture's edge"""
    center_residual: float | None
    """px, median: from the mask's center to where all other views' rays meet; None: too few others show it"""
    tangent_residual: float | None
    """px, median: by which planes through this camera and another that touch the other's mask miss this one's; None:
    the camera shares no tangents with any other"""
    hull_iou: float | None
    """median, of the mask and the hull of all other views; None: in none of the carved frames was the animal in view"""
    hull_cover: float | None
    """median part of the mask that this hull covers"""
    off: Cause


class Measured(Manifest):
    """What was measured of a capture, before it is judged."""

    capture: str
    calibration: str
    """the file"""
    findings: tuple[Finding, ...]
    """the one that explains most first"""
    readings: tuple[AxisGaps, ...]
    """the file's axes taken for up in turn"""
    frames: int
    """how many were read"""
    first_frame: int
    last_frame: int
    kept_frames: int
    """how many are handed on"""
    faults: tuple[FaultCount, ...]
    recorded_frames: int | None
    """frames of the videos; None for single pictures"""
    rate: float | None
    """frames a second, of the videos"""
    up: Vector
    """unit vector, file's world"""
    up_report: UpReport
    subject: Vector
    """mm, file's world: mean place of the animal"""
    subject_range: Vector
    """mm, by how much that place changes along each axis"""
    extent: Vector
    """mm, median edges of the hull's upright box"""
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
    remarks: tuple[str, ...]
    """of views that are doubtful, the first ones"""


class Refused(Manifest):
    """A capture whose files contradict each other or themselves: there is nothing to measure."""

    capture: str
    calibration: str
    refusal: str


class RefusedVerdict(Refused):
    light: Literal["red"]
    lines: tuple[Line, ...]
    """one, `reading`"""


class Verdict(Measured):
    light: Light
    """the worst of all lines, accepted ones aside"""
    lines: tuple[Line, ...]
    foreseen: tuple[ForeseenWay, ...]
    """what each normalization will do to the views"""


class Found(Manifest):
    """What `measure_capture` hands on."""

    frames: Frames | None
    """None: refused"""
    measured: Measured | Refused


def standing_red(lines: Sequence[Line]) -> list[Line]:
    """Lines that stand in the way: red, and not accepted."""
    return [line for line in lines if line.light == "red" and not line.accepted]


def tell_lines(lines: Sequence[Line]) -> str:
    """Say what lines found, each on a line of its own, set in."""
    return "\n".join(f"  {line.name}: {line.says}" for line in lines)


def read_verdict(path: Path) -> Verdict | RefusedVerdict:
    """Read a verdict of either kind.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: names the file: it is neither.
    """
    adapter: TypeAdapter[Verdict | RefusedVerdict] = TypeAdapter(Verdict | RefusedVerdict)
    try:
        return adapter.validate_json(read_text(path))
    except ValidationError as error:
        raise ValueError(f"{path}: not a verdict: {error.errors()[0]['msg']}") from None
