"""Scenes like those that the network makes: pixel-aligned Gaussians of six views of a mouse built of ellipsoids.

a: as while training, 64 px, four target views, Gaussians as large as a pixel. a_init: the same at the network's start,
when all are large and faint. b: one view of 256 px. c: one view of 512 px.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

DISTANCE = 2.7  # world units, camera to subject
FIELD_OF_VIEW = math.radians(50)
ELEVATION = math.radians(20)
SOURCE_VIEWS = 6
TARGET_OFFSET = 0.37  # rad, so that no target view is a source view
# Centers and half axes of trunk, head, tail, ears.
BODY = (
    ((0.0, 0.0, 0.0), (0.55, 0.26, 0.28)),
    ((0.6, 0.0, 0.08), (0.22, 0.16, 0.17)),
    ((-0.75, 0.0, -0.1), (0.35, 0.05, 0.05)),
    ((0.62, 0.13, 0.25), (0.06, 0.03, 0.09)),
    ((0.62, -0.13, 0.25), (0.06, 0.03, 0.09)),
)


@dataclass(frozen=True)
class Recipe:
    source_size: int
    """px; every pixel of every source view has one Gaussian"""
    target_views: int
    target_size: int
    trained: bool


RECIPES = {
    "a": Recipe(source_size=64, target_views=4, target_size=64, trained=True),
    "a_init": Recipe(source_size=64, target_views=4, target_size=64, trained=False),
    "b": Recipe(source_size=129, target_views=1, target_size=256, trained=True),
    "c": Recipe(source_size=256, target_views=1, target_size=512, trained=True),
}


def build_scene(name: str) -> dict[str, Tensor | int]:
    """Arguments of `rasterize`, float32, over white."""
    recipe, generator = RECIPES[name], torch.Generator().manual_seed(0)
    world_to_camera, K = _ring(SOURCE_VIEWS, 0.0, recipe.source_size)
    views = [_gaussians_of_view(viewmat, K, recipe, generator) for viewmat in world_to_camera]
    gaussians = {key: torch.cat([view[key] for view in views]).float() for key in views[0]}
    viewmats, target_K = _ring(recipe.target_views, TARGET_OFFSET, recipe.target_size)
    return {
        **gaussians,
        "viewmats": viewmats.float(),
        "Ks": target_K.expand(recipe.target_views, 3, 3).float(),
        "backgrounds": torch.ones(recipe.target_views, 3),
        "width": recipe.target_size,
        "height": recipe.target_size,
    }


def _ring(views: int, offset: float, size: int) -> tuple[Tensor, Tensor]:
    """World to camera of cameras around the z axis that look at the origin, and their intrinsics."""
    angles = offset + 2 * math.pi * torch.arange(views, dtype=torch.float64) / views
    level = math.cos(ELEVATION)
    height = torch.full_like(angles, math.sin(ELEVATION))
    forward = -torch.stack([level * angles.cos(), level * angles.sin(), height], dim=1)
    up = torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64)
    right = torch.nn.functional.normalize(torch.linalg.cross(forward, up), dim=1)
    down = torch.linalg.cross(forward, right)
    viewmats = torch.eye(4, dtype=torch.float64).repeat(views, 1, 1)
    viewmats[:, :3, :3] = torch.stack([right, down, forward], dim=1)
    viewmats[:, 2, 3] = DISTANCE
    focal = size / 2 / math.tan(FIELD_OF_VIEW / 2)
    K = torch.tensor([[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1]], dtype=torch.float64)
    return viewmats, K


def _gaussians_of_view(viewmat: Tensor, K: Tensor, recipe: Recipe, generator: torch.Generator) -> dict[str, Tensor]:
    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64)

    steps = torch.arange(recipe.source_size, dtype=torch.float64) + 0.5
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    focal = K[0, 0]
    rays = torch.stack([(x - K[0, 2]) / focal, (y - K[1, 2]) / focal, torch.ones_like(x)], dim=-1).view(-1, 3)
    directions = rays @ viewmat[:3, :3]
    origin = -viewmat[:3, 3] @ viewmat[:3, :3]
    surface = _depth_of_body(origin, directions)
    count, on_body = len(rays), surface.isfinite()
    if recipe.trained:
        depth = torch.where(on_body, surface + 0.01 * normal(count), DISTANCE + 0.3 * normal(count))
        scales = (depth / focal)[:, None] * torch.exp(-0.5 + 0.4 * normal(count, 3))
        faint = 0.0005 + 0.0195 * uniform(count)
        opacities = torch.where(on_body, 0.3 + 0.69 * uniform(count), faint)
    else:
        depth = DISTANCE + 0.1 * normal(count)
        scales = torch.exp((-2.3 + 0.1 * normal(count, 3)).clamp(max=-1.2))
        opacities = torch.sigmoid(-2 + 0.1 * normal(count))
    return {
        "means": origin + directions * depth[:, None],
        "quats": normal(count, 4),
        "scales": scales,
        "opacities": opacities,
        "colors": uniform(count, 3),
    }


def _depth_of_body(origin: Tensor, directions: Tensor) -> Tensor:
    """How far along each ray the body begins, infinite where it is missed."""
    nearest = torch.full((len(directions),), math.inf, dtype=torch.float64)
    for center, half_axes in BODY:
        size = torch.tensor(half_axes, dtype=torch.float64)
        start, along = (origin - torch.tensor(center, dtype=torch.float64)) / size, directions / size
        a, b, c = (along**2).sum(1), along @ start, start @ start - 1
        inside = b**2 - a * c
        hit = torch.where(inside > 0, (-b - inside.clamp(min=0).sqrt()) / a, math.inf)
        nearest = torch.minimum(nearest, torch.where(hit > 0, hit, math.inf))
    return nearest
