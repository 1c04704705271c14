"""Posed pinhole cameras: the type that every stage after normalization passes on."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.geometry.rotations import rotation_fault


@dataclass(frozen=True)
class Cameras:
    """Posed pinhole cameras in OpenCV axes: x right, y down, z forward; one picture size for all.

    A picture spans [0, width] x [0, height] with pixel centers at +0.5.

    Raises:
        ValueError: a rotation is mirrored, scaled or sheared, a number is not finite, or a focal length not positive.
    """

    camera_to_world: Float[Tensor, "view 4 4"]
    intrinsics: Float[Tensor, "view 3 3"]
    """px, principal point from the picture's outer corner"""
    width: int
    height: int

    def __post_init__(self) -> None:
        if len(self.camera_to_world) != len(self.intrinsics):
            raise ValueError(f"{len(self.camera_to_world)} poses for {len(self.intrinsics)} intrinsics")
        for view, (pose, intrinsics) in enumerate(zip(self.camera_to_world, self.intrinsics, strict=True)):
            check_pose(pose, f"view {view}: camera_to_world")
            check_intrinsics(intrinsics, f"view {view}: intrinsics")

    def __len__(self) -> int:
        return len(self.camera_to_world)

    def __getitem__(self, views: slice | list[int]) -> "Cameras":
        """Take some views, in the order asked for."""
        return Cameras(self.camera_to_world[views], self.intrinsics[views], self.width, self.height)

    @property
    def centers(self) -> Float[Tensor, "view 3"]:
        return self.camera_to_world[:, :3, 3]

    @property
    def world_to_camera(self) -> Float[Tensor, "view 4 4"]:
        return invert_poses(self.camera_to_world)

    @property
    def fxfycxcy(self) -> Float[Tensor, "view 4"]:
        """Focal lengths and principal point, px."""
        K = self.intrinsics
        return torch.stack([K[:, 0, 0], K[:, 1, 1], K[:, 0, 2], K[:, 1, 2]], dim=-1)

    def to(self, dtype: torch.dtype) -> "Cameras":
        return Cameras(self.camera_to_world.to(dtype), self.intrinsics.to(dtype), self.width, self.height)

    def project(self, points: Float[Tensor, "point 3"]) -> Float[Tensor, "view point 2"]:
        """Project world points to pixels; points behind a camera come out mirrored and are the caller's affair."""
        world_to_camera = self.world_to_camera
        local = points @ world_to_camera[:, :3, :3].mT + world_to_camera[:, None, :3, 3]
        pixels = local @ self.intrinsics.mT
        return pixels[..., :2] / pixels[..., 2:]


def check_pose(pose: Float[Tensor, "4 4"], where: str) -> None:
    """Raise ValueError, naming `where`, unless a pose is a proper rotation and a finite translation."""
    if fault := rotation_fault(pose[:3, :3]):
        raise ValueError(f"{where}: the rotation {fault}")
    if not bool(torch.isfinite(pose).all()):
        raise ValueError(f"{where}: the translation is not finite: {pose[:3, 3].tolist()}")
    if pose[3].tolist() != [0, 0, 0, 1]:
        raise ValueError(f"{where}: the last row is {pose[3].tolist()}, expected [0, 0, 0, 1]")


def check_intrinsics(K: Float[Tensor, "3 3"], where: str) -> None:
    """Raise ValueError, naming `where`, unless K is upper triangular, finite, with positive focal lengths."""
    if not bool(torch.isfinite(K).all()):
        raise ValueError(f"{where}: numbers that are not finite: {K.tolist()}")
    if float(K[0, 0]) <= 0 or float(K[1, 1]) <= 0:
        raise ValueError(f"{where}: focal lengths {float(K[0, 0])}, {float(K[1, 1])} px must be positive")
    if K[2].tolist() != [0, 0, 1] or float(K[1, 0]) != 0:
        raise ValueError(
            f"{where}: rows {K[1].tolist()}, {K[2].tolist()} are not those of an intrinsic matrix"
            " (a principal point in the last row means that the file stores it transposed)"
        )


def invert_poses(poses: Float[Tensor, "*batch 4 4"]) -> Float[Tensor, "*batch 4 4"]:
    """Invert rigid poses exactly: R^T, -R^T t."""
    inverse = torch.zeros_like(poses)
    rotation = poses[..., :3, :3].mT
    inverse[..., :3, :3] = rotation
    inverse[..., :3, 3] = -(rotation @ poses[..., :3, 3:]).squeeze(-1)
    inverse[..., 3, 3] = 1
    return inverse
