"""Posed frames: addresses of a recording's raw pictures and masks, its lenses, and where the animal is."""

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import model_validator

from mouse_facelift.formats.manifest import Manifest, Matrix3, Matrix4, Record, Vector, matrices, tensor
from mouse_facelift.geometry.calibration import Calibration


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
    """Where the animal is in one frame, from its masks alone."""

    frame: int
    """number in the recording, from 0"""
    center: Vector
    """mm, file's world: where the rays through the masks' centers meet"""
    ray_miss: float
    """mm, root mean square distance of those rays from the center"""
    mask_areas: tuple[int, ...]
    """px of the raw picture, per camera"""


class Frames(Manifest):
    """Everything that normalization needs to know of a capture."""

    capture: str
    cameras: tuple[Camera, ...]
    up: Vector
    """unit vector, file's world"""
    mask_threshold: int
    mask_kind: Literal["video", "images", "alpha"]
    calibration_notes: tuple[str, ...]
    subjects: tuple[Subject, ...]

    @model_validator(mode="after")
    def _cameras_are_sound(self) -> "Frames":
        self.calibration()  # refuses mirrored rotations and the like
        return self

    def calibration(self) -> Calibration:
        """The lenses, lengths in millimeters."""
        return Calibration(
            names=[camera.name for camera in self.cameras],
            intrinsics=tensor([camera.intrinsics for camera in self.cameras]),
            distortion=tensor([camera.distortion for camera in self.cameras]),
            world_to_camera=tensor([camera.world_to_camera for camera in self.cameras]),
            image_sizes=torch.tensor([(camera.width, camera.height) for camera in self.cameras]),
            notes=list(self.calibration_notes),
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
