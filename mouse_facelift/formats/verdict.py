"""The verdict on a capture: where its cameras stand, how well they agree, and which conventions were undone."""

from mouse_facelift.formats.manifest import Manifest, Record, Vector


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


class Verdict(Manifest):
    capture: str
    calibration: str
    """the file"""
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
