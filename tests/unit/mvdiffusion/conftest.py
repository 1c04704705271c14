"""A network small enough to run in milliseconds, and what it is told."""

import pytest
import torch
from torch import Tensor

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.mvdiffusion.config import read_unet_config
from mouse_facelift.mvdiffusion.unet import MultiviewUnet
from tests.unit.mvdiffusion.released import TINY_UNET


@pytest.fixture
def unet() -> MultiviewUnet:
    torch.manual_seed(0)
    return MultiviewUnet(read_unet_config(TINY_UNET)).eval()


@pytest.fixture
def inputs() -> dict[str, Tensor]:
    """Two objects of three views each, latents of 4 x 4."""
    generator = torch.Generator().manual_seed(1)
    return {
        "sample": torch.randn(6, 8, 4, 4, generator=generator),
        "timestep": torch.tensor(300),
        "encoder_hidden_states": torch.randn(6, 5, 12, generator=generator),
        "class_labels": torch.randn(6, 20, generator=generator),
    }


def random_rig(seed: int, views: int = 4) -> Cameras:
    """Upright cameras of 64 px all around the origin, which each look a little past it, each with its own lens."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(views, generator=generator, dtype=torch.float64)

    azimuth, elevation, distance = uniform(0, 2 * torch.pi), uniform(-0.2, 1.2), uniform(2.0, 3.4)
    level = distance * elevation.cos()
    centers = torch.stack([level * azimuth.cos(), level * azimuth.sin(), distance * elevation.sin()], dim=-1)
    up = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    poses = torch.cat(
        [
            look_at(center[None], 0.1 * torch.randn(3, generator=generator, dtype=torch.float64), up)
            for center in centers
        ]
    )
    intrinsics = torch.eye(3, dtype=torch.float64).repeat(views, 1, 1)
    intrinsics[:, 0, 0], intrinsics[:, 1, 1] = uniform(60, 80), uniform(60, 80)
    intrinsics[:, 0, 2], intrinsics[:, 1, 2] = uniform(28, 36), uniform(28, 36)
    return Cameras(poses, intrinsics, 64, 64)
