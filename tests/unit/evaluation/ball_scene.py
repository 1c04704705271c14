"""A ball seen by a ring of cameras, written as a sample table, and predictions of known quality."""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from mouse_facelift.formats.licensed import LicensedWeights
from mouse_facelift.formats.predictions import PredictionRow, PredictionTable, Renderings, turns
from mouse_facelift.formats.sample_folder import Sample, write_sample
from mouse_facelift.formats.sample_table import SampleRow, SampleTable
from mouse_facelift.formats.whole import sha256
from mouse_facelift.geometry.cameras import Cameras

VIEWS = 6
NAMES = tuple(f"Camera{view + 1}" for view in range(VIEWS))
SIZE = 48
RADIUS = 0.6
CENTERS = {"walk_000": (0.0, 0.0, 0.0), "walk_001": (0.1, 0.0, -0.05)}
SUPERSAMPLES = 4
INPUT_ERROR, HELD_OUT_ERROR = 1 / 64, 1 / 8  # half precision stores white less these exactly

ORIGIN = LicensedWeights(file="checkpoints/ball.safetensors", sha256="0" * 64, license="CC-BY-4.0")

Predict = Callable[[Sample, tuple[int, ...]], Renderings]


def ring(views: int, size: int) -> Cameras:
    """Contract cameras around the origin, at elevations that alternate."""
    poses = torch.zeros(views, 4, 4, dtype=torch.float64)
    for view in range(views):
        azimuth, elevation = 2 * math.pi * view / views, math.radians(15 + 25 * (view % 2))
        back = torch.tensor(
            [
                math.cos(azimuth) * math.cos(elevation),
                math.sin(azimuth) * math.cos(elevation),
                math.sin(elevation),
            ],
            dtype=torch.float64,
        )
        right = torch.linalg.cross(-back, torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64))
        right = right / torch.linalg.vector_norm(right)
        poses[view, :3, :3] = torch.stack([right, torch.linalg.cross(-back, right), -back], dim=1)
        poses[view, :3, 3] = 2.7 * back
        poses[view, 3, 3] = 1
    focal = 548.9937 * size / 512
    K = torch.tensor([[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1]], dtype=torch.float64)
    return Cameras(poses, K.expand(views, 3, 3).clone(), size, size)


def ball(name: str, cameras: Cameras, radius: float = RADIUS, center: tuple[float, float, float] = (0, 0, 0)) -> Sample:
    """A ball whose color follows its normal, ray-cast with several rays a pixel."""
    fine = cameras.width * SUPERSAMPLES
    steps = (torch.arange(fine, dtype=torch.float64) + 0.5) / SUPERSAMPLES
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    pixels = torch.stack([x, y, torch.ones_like(x)], dim=-1)
    images = []
    for pose, K in zip(cameras.camera_to_world, cameras.intrinsics, strict=True):
        rays = torch.nn.functional.normalize(pixels @ torch.linalg.inv(K).T @ pose[:3, :3].T, dim=-1)
        start = pose[:3, 3] - torch.tensor(center, dtype=torch.float64)
        along = -(rays @ start)
        inside = radius**2 - (start @ start - along**2)
        hit = (inside > 0).double()[..., None]
        normals = (start + (along - inside.clamp(min=0).sqrt())[..., None] * rays) / radius
        rgba = torch.cat([(0.5 + 0.35 * normals) * hit, hit], dim=-1)
        mean = torch.nn.functional.avg_pool2d(rgba.permute(2, 0, 1), SUPERSAMPLES).permute(1, 2, 0)
        straight = torch.cat([mean[..., :3] / mean[..., 3:].clamp(min=1e-9), mean[..., 3:]], dim=-1)
        images.append((straight * 255).round().to(torch.uint8))
    return Sample(name, cameras, torch.stack(images))


def ball_depths(cameras: Cameras, radius: float = RADIUS, center: tuple[float, float, float] = (0, 0, 0)) -> Tensor:
    """How far along each camera's axis a ball's surface is at pixels' centers; 0 beside it."""
    steps = torch.arange(cameras.width, dtype=torch.float64) + 0.5
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    pixels = torch.stack([x, y, torch.ones_like(x)], dim=-1)
    depths = []
    for pose, K in zip(cameras.camera_to_world, cameras.intrinsics, strict=True):
        rays = pixels @ torch.linalg.inv(K).T @ pose[:3, :3].T  # one unit along the axis
        start = pose[:3, 3] - torch.tensor(center, dtype=torch.float64)
        a, b, c = (rays * rays).sum(-1), rays @ start, start @ start - radius**2
        inside = b * b - a * c
        depths.append(torch.where(inside > 0, (-b - inside.clamp(min=0).sqrt()) / a, 0.0))
    return torch.stack(depths)


def write_table(folder: Path, samples: list[Sample], violations: tuple[str, ...] = ()) -> Path:
    rows = []
    for number, sample in enumerate(samples):
        place = folder / "samples" / f"folder_{number}"  # a sample's name need not be its folder's
        place.mkdir(parents=True)
        write_sample(place, sample, NAMES[: len(sample.cameras)])
        rows.append(
            SampleRow(
                name=sample.name,
                folder=f"samples/{place.name}",
                split="test",
                capture="walk",
                frame=number,
                millimeters_per_unit=100.0,
                subject_center=(0.0, 0.0, 0.0),
                subject_radius=RADIUS,
                views=tuple(range(len(sample.cameras))),
                view_names=NAMES[: len(sample.cameras)],
                checksums={
                    file.relative_to(place).as_posix(): sha256(file)
                    for file in sorted(place.rglob("*"))
                    if file.is_file()
                },
            )
        )
    table = SampleTable(
        dataset="real",
        normalization="contract",
        view_count=len(samples[0].cameras),
        contract="0" * 12,
        violations=violations,
        samples=tuple(rows),
    )
    path = folder / "samples.json"
    table.write(path)
    return path


def write_predictions(
    path: Path, samples: list[Sample], inputs: int, predict: Predict, experiment: str = "zero_shot"
) -> Path:
    """Predictions of all samples of the table `../samples.json`."""
    rows = []
    for sample in samples:
        for turn, given in enumerate(turns(len(sample.cameras), inputs)):
            name = f"renderings/{sample.name}_{turn}.npz"
            predict(sample, given).write(path.parent / name)
            rows.append(PredictionRow(sample=sample.name, turn=turn, inputs=given, renderings=name, model=None))
    PredictionTable(
        experiment=experiment,
        dataset="real",
        normalization="contract",
        samples="../samples.json",
        view_count=len(samples[0].cameras),
        input_views=inputs,
        status="complete",
        weights="0" * 64,
        origins=(ORIGIN,),
        rows=tuple(rows),
    ).write(path)
    return path


def darker_held_out_views(sample: Sample, inputs: tuple[int, ...]) -> Renderings:
    """Wrong by a little in views that were given, by more in those held out; silhouettes are right."""
    depth = ball_depths(sample.cameras, center=CENTERS[sample.name]).float()
    error = torch.tensor([INPUT_ERROR if view in inputs else HELD_OUT_ERROR for view in range(len(sample.cameras))])
    return Renderings(sample.over_white() - error[:, None, None, None], sample.alpha, depth)


def copies(rgb: Tensor, alpha: Tensor) -> Predict:
    return lambda sample, inputs: Renderings(rgb, alpha, torch.zeros_like(alpha))
