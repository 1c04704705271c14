"""Posed frames: addresses of a recording's raw pictures and masks, its lenses, and where the animal is."""

from collections.abc import Sequence

import torch
from pydantic import model_validator

from mouse_facelift.formats.manifest import Manifest, Matrix3, Matrix4, Record, Vector, matrices, tensor
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.settings import FrameFault


class Camera(Record):
    """One lens; pixel origin and axes are OpenCV's, lengths millimeters."""

    name: str
    width: int
    height: int
    intrinsics: Matrix3
    distortion: tuple[float, ...]
    world_to_camera: Matrix4
    pictures: str
    """a video, or a pattern with {frame} (the camera's name is filled in)"""
    masks: str | None
    """likewise; None: the pictures' alpha"""


class Subject(Record):
    """Where the animal is in one frame that is not left out."""

    frame: int
    """number in the recording, from 0"""
    chunk: int
    """in whose files its hull's surface and masks are"""
    center: Vector
    """mm, file's world: smoothed middle of the hull's upright box, or of the key points"""
    radius: float
    """mm: no part of the hull lies further from there"""
    views: tuple[int, ...]
    """places, in `cameras`, of the views that show it"""


class LeftOut(Record):
    """A frame that is left out."""

    frame: int
    faults: tuple[FrameFault, ...]


class ChunkFiles(Record):
    """What `find_animal` wrote of one chunk of frames."""

    animal: str
    """see `formats.animal`"""
    masks: str
    """see `formats.mask_pack`"""


class Frames(Manifest):
    """Everything that normalization needs to know of a capture."""

    capture: str
    cameras: tuple[Camera, ...]
    up: Vector
    """unit vector, file's world"""
    calibration_notes: tuple[str, ...]
    chunks: tuple[ChunkFiles, ...]
    subjects: tuple[Subject, ...]
    left_out: tuple[LeftOut, ...]

    @model_validator(mode="after")
    def _cameras_are_sound(self) -> "Frames":
        self.calibration()  # refuses mirrored rotations and the like
        return self

    def calibration(self) -> Calibration:
        """The lenses, lengths in millimeters."""
        return calibration_of(self.cameras, self.calibration_notes)


def calibration_of(cameras: Sequence[Camera], notes: Sequence[str]) -> Calibration:
    """Bring described cameras back.

    Raises:
        ValueError: as `Calibration`.
    """
    return Calibration(
        names=[camera.name for camera in cameras],
        intrinsics=tensor([camera.intrinsics for camera in cameras]),
        distortion=tensor([camera.distortion for camera in cameras]),
        world_to_camera=tensor([camera.world_to_camera for camera in cameras]),
        image_sizes=torch.tensor([(camera.width, camera.height) for camera in cameras]),
        notes=list(notes),
    )


def describe_cameras(
    calibration: Calibration, pictures: Sequence[str], masks: Sequence[str | None]
) -> tuple[Camera, ...]:
    """Put a calibration in millimeters, with known picture sizes, beside the files of each camera."""
    assert calibration.image_sizes is not None
    rows = zip(
        calibration.names,
        calibration.image_sizes.tolist(),
        matrices(calibration.intrinsics),
        calibration.distortion.tolist(),
        matrices(calibration.world_to_camera),
        pictures,
        masks,
        strict=True,
    )
    return tuple(
        Camera.model_validate(
            {
                "name": name,
                "width": width,
                "height": height,
                "intrinsics": intrinsics,
                "distortion": distortion,
                "world_to_camera": pose,
                "pictures": picture_path,
                "masks": mask_path,
            }
        )
        for name, (width, height), intrinsics, distortion, pose, picture_path, mask_path in rows
    )
