"""A fresh generator for pictures of 16 px, and a ring of views to learn from."""

import json
from pathlib import Path
from typing import Any

import torch

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.contract import contract_intrinsics
from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.mvdiffusion.fresh import write_fresh_generator
from mouse_facelift.mvdiffusion.generator import Generator, load_start
from mouse_facelift.mvdiffusion.ray_film import fresh_ray_film
from mouse_facelift.settings import CameraContract, DiffusionPlan, FreshGenerator

CONTRACT = CameraContract(
    image_size=16, focal=17.156055450439453, distance=2.7, distance_range=(1.8, 3.6), subject_radius=1.0
)
SIZE = FreshGenerator(
    kind="fresh",
    domain="procedural",
    license="MIT",
    codec_factor=2,
    codec_scale=3.0,
    widths=(16, 16),
    attending_from=1,
    head_width=8,
    layers_per_block=1,
    text_width=8,
    seed=0,
)
VIEWS = 5


def plan(**changes: Any) -> DiffusionPlan:
    settings = {
        "steps": 4, "batch": 4, "accumulate": 1, "learning_rate": 1.0e-3, "warmup_steps": 1, "weight_decay": 0.01,
        "gradient_clip": 1.0, "precision": "float32", "checkpoint_activations": False, "ema": 0.9, "seed": 0,
        "checkpoint_every": 2, "schedule": "constant", "target_views": 3, "reference_weight": 0.5,
        "condition_drop": 0.05, "snr_gamma": 5.0, "backgrounds": ["white", "black"], "mirrored": True,
        "brightness": 0.2, "guard": None, "least_timestep": 0,
    }  # fmt: skip
    return DiffusionPlan.model_validate_json(json.dumps(settings | changes))


def tiny_generator(folder: Path, rays: bool) -> Generator:
    write_fresh_generator(folder / "pipeckpts", folder / "prompts.pt", SIZE, CONTRACT.image_size)
    pipeline, prompts = load_start(folder / "pipeckpts", folder / "prompts.pt", CONTRACT)
    film = fresh_ray_film(pipeline.unet, seed=0, width=8) if rays else None
    return Generator(pipeline, prompts, film, CONTRACT)


class Ring:
    """Samples of random pictures, whose cameras stand around the origin at uneven azimuths."""

    def __init__(self, samples: int) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return self.samples

    def view_count(self, index: int) -> int:
        return VIEWS

    def sample(self, index: int) -> Sample:
        random = torch.Generator().manual_seed(index)
        azimuths = torch.deg2rad(torch.tensor([0.0, 60, 140, 200, 290], dtype=torch.float64))
        centers = 2.5 * torch.stack([azimuths.cos(), azimuths.sin(), 0.3 * torch.ones(VIEWS)], dim=-1)
        up = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
        poses = look_at(centers, torch.zeros(3, dtype=torch.float64), up)
        cameras = Cameras(poses, contract_intrinsics(CONTRACT).repeat(VIEWS, 1, 1), 16, 16)
        images = torch.randint(256, (VIEWS, 16, 16, 4), generator=random).to(torch.uint8)
        return Sample(f"ring_{index}", cameras, images)
