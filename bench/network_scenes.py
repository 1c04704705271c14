"""Networks to time, with fresh weights, and pictures from a ring of cameras on the contract."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.gslrm.config import GslrmConfig

DISTANCE = 2.7  # world units, camera to subject
FIELD_OF_VIEW = math.radians(50)
ELEVATION = math.radians(20)
VIEWS = 6


@dataclass(frozen=True)
class NetworkSize:
    picture: int
    """px"""
    width: int
    head_width: int
    layers: int

    @property
    def config(self) -> GslrmConfig:
        return GslrmConfig.model_validate(
            {
                "image_tokenizer": {"image_size": self.picture, "patch_size": 8, "in_channels": 9},
                "transformer": {"d": self.width, "d_head": self.head_width, "n_layer": self.layers},
                "gaussians": {"n_gaussians": 2, "sh_degree": 0, "upsampler": {"upsample_factor": 1}},
                "add_refsrc_marker": False,
                "hard_pixelalign": True,
                "use_custom_plucker": True,
                "clip_xyz_applied": False,
                "num_input_views": VIEWS,
                "num_views": VIEWS,
            }
        )


SIZES = {
    "tiny": NetworkSize(picture=32, width=64, head_width=32, layers=2),
    "small": NetworkSize(picture=64, width=192, head_width=32, layers=6),
    "middle": NetworkSize(picture=256, width=384, head_width=64, layers=8),
    "released": NetworkSize(picture=512, width=1024, head_width=64, layers=24),
}


def ring(views: int, picture: int, turn: float = 0.0) -> Cameras:
    """Cameras evenly around the z axis that look at the origin, the first at `turn` (rad)."""
    angles = turn + 2 * math.pi * torch.arange(views, dtype=torch.float64) / views
    level, height = math.cos(ELEVATION), math.sin(ELEVATION)
    centers = DISTANCE * torch.stack([level * angles.cos(), level * angles.sin(), torch.full_like(angles, height)], 1)
    poses = look_at(centers, torch.zeros(3, dtype=torch.float64), torch.tensor([0, 0, 1], dtype=torch.float64))
    focal = picture / 2 / math.tan(FIELD_OF_VIEW / 2)
    K = torch.tensor([[focal, 0, picture / 2], [0, focal, picture / 2], [0, 0, 1]], dtype=torch.float64)
    return Cameras(poses, K.expand(views, 3, 3), picture, picture)


def posed_views(batch: int, picture: int) -> dict[str, Tensor]:
    """Arguments of a network's `forward`: noise in place of pictures, float32."""
    cameras = ring(VIEWS, picture)
    return {
        "images": torch.rand(batch, VIEWS, 3, picture, picture, generator=torch.Generator().manual_seed(0)),
        "camera_to_world": cameras.camera_to_world.float().expand(batch, VIEWS, 4, 4),
        "fxfycxcy": cameras.fxfycxcy.float().expand(batch, VIEWS, 4),
    }
