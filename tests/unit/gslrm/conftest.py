"""A network small enough to run in milliseconds."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.gslrm import GslrmConfig

TINY = {
    "image_tokenizer": {"image_size": 16, "patch_size": 4, "in_channels": 9},
    "transformer": {"d": 32, "d_head": 8, "n_layer": 2},
    "gaussians": {"n_gaussians": 2, "sh_degree": 0, "upsampler": {"upsample_factor": 1}},
    "add_refsrc_marker": False,
    "hard_pixelalign": True,
    "use_custom_plucker": True,
    "clip_xyz_applied": False,
    "num_input_views": 3,
    "num_views": 3,
}


@pytest.fixture
def tiny() -> dict[str, Any]:
    """A published-style configuration, free to change."""
    return copy.deepcopy(TINY)


@pytest.fixture
def tiny_config(tiny) -> GslrmConfig:
    return GslrmConfig.model_validate(tiny)


@pytest.fixture
def views() -> dict[str, Tensor]:
    """Two samples of three views of 16 x 16 px, from cameras that look near the origin."""
    generator = torch.Generator().manual_seed(0)
    centers = torch.nn.functional.normalize(torch.randn(6, 3, generator=generator), dim=-1) * 2.7
    poses = look_at(centers, 0.2 * torch.randn(3, generator=generator), torch.tensor([0.0, 0.0, 1.0]))
    return {
        "images": torch.rand(2, 3, 3, 16, 16, generator=generator),
        "camera_to_world": poses.reshape(2, 3, 4, 4),
        "fxfycxcy": torch.tensor([17.0, 17.5, 8.0, 7.5]).expand(2, 3, 4),
    }
