"""The simulated mouse before the reference rig, as geometry sees it: z is up and the floor is at 0."""

from functools import lru_cache

import torch
from torch import Tensor

from mouse_facelift.simulation.motion import SequenceName, motion
from mouse_facelift.simulation.mouse import build_mouse
from mouse_facelift.simulation.reference_rig import ARENA_CENTER, reference_rig

UP = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
NOISE = 0.3  # mm


def rig_poses() -> Tensor:
    """World to camera of the reference rig's six cameras."""
    return torch.linalg.inv(torch.from_numpy(reference_rig().camera_to_world))


@lru_cache
def mouse_surfaces(sequence: SequenceName, frames: int, seed: int, count: int = 512) -> list[Tensor]:
    """Points of its surface, as a hull has them: some of all, and a little off."""
    chance = torch.Generator().manual_seed(seed)
    surfaces = []
    for step in motion(sequence, frames, seed, ARENA_CENTER[:2]):
        points = torch.from_numpy(build_mouse(step)[1].pose.surface_points(9, 16).reshape(-1, 3))
        points = points[torch.randperm(len(points), generator=chance)[:count]]
        surfaces.append(points + NOISE * torch.randn(points.shape, generator=chance, dtype=torch.float64))
    return surfaces


def angle(one: Tensor, other: Tensor) -> float:
    """Degrees between two unit vectors."""
    return float(torch.rad2deg(torch.atan2(torch.linalg.vector_norm(torch.linalg.cross(one, other)), one @ other)))
