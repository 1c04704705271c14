"""One similarity transform of the world, the same for every camera of a frame."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.geometry.rotations import rotation_fault


@dataclass(frozen=True)
class Similarity:
    """X' = scale * rotation (X - center): from the capture's world to the contract's.

    Raises:
        ValueError: the rotation is not proper or the scale not positive.
    """

    scale: float
    rotation: Float[Tensor, "3 3"]
    center: Float[Tensor, "3"]

    def __post_init__(self) -> None:
        if fault := rotation_fault(self.rotation):
            raise ValueError(f"similarity: the rotation {fault}")
        if not (0 < self.scale < float("inf")) or not bool(torch.isfinite(self.center).all()):
            raise ValueError(f"similarity: scale {self.scale}, center {self.center.tolist()}")

    def points(self, points: Float[Tensor, "*point 3"]) -> Float[Tensor, "*point 3"]:
        return self.scale * (points - self.center) @ self.rotation.T

    def inverse_points(self, points: Float[Tensor, "*point 3"]) -> Float[Tensor, "*point 3"]:
        return points @ self.rotation / self.scale + self.center

    def poses(self, camera_to_world: Float[Tensor, "view 4 4"]) -> Float[Tensor, "view 4 4"]:
        """Move cameras with the world: pictures do not change, lengths scale."""
        moved = camera_to_world.clone()
        moved[:, :3, :3] = self.rotation @ camera_to_world[:, :3, :3]
        moved[:, :3, 3] = self.points(camera_to_world[:, :3, 3])
        return moved
