"""What procedural animals teach beside their pictures: where their surface is, and where there is none."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.gslrm.config import GslrmConfig
from mouse_facelift.gslrm.draws import Batch
from mouse_facelift.gslrm.patches import rows_to_pixels
from mouse_facelift.settings import SurfaceLoss

FOREGROUND = 0.5  # alpha above it has a surface


@runtime_checkable
class KnownDepth(Protocol):
    """Scenes whose surface is known."""

    def depth(self, index: int) -> Float[Tensor, "view height width"]:
        """Depth along each camera's axis, world units; 0 where nothing is."""


@dataclass(frozen=True)
class SurfaceError:
    """Compares pixels' Gaussians with the known surface: rendering alone finds depth slowly, by tearing blurs apart."""

    source: KnownDepth
    config: GslrmConfig
    weights: SurfaceLoss

    def __call__(self, gaussians: Gaussians, batch: Batch) -> Float[Tensor, ""]:
        """Weighted sum of the mean errors of depth and color over the animals, and of opacity over all pixels.

        `gaussians` are those of the batch's scenes, as the network lists them.
        """
        chosen = list(zip(batch.samples, batch.inputs, batch.rows, strict=True))
        alpha = torch.stack([sample.alpha[views] for sample, views, _ in chosen]).to(gaussians.means)
        depth = torch.stack([self.source.depth(row)[views] for _, views, row in chosen]).to(gaussians.means)
        poses = torch.stack([sample.cameras.camera_to_world[views] for sample, views, _ in chosen])
        poses = poses.to(gaussians.means)
        means = self._pixels(gaussians.means, alpha)
        centers, axes = poses[..., :3, 3, None, None], poses[..., :3, 2, None, None]
        found = ((means - centers) * axes).sum(dim=2)
        animal = (alpha > FOREGROUND) & (depth > 0)
        depth_error = ((found - depth).abs() * animal).sum() / animal.sum().clamp(min=1)
        colors = torch.stack([sample.over_background()[views] for sample, views, _ in chosen]).to(gaussians.means)
        color_apart = (self._pixels(gaussians.colors, alpha) - colors).abs().mean(dim=2)
        color_error = (color_apart * animal).sum() / animal.sum().clamp(min=1)
        opacity_logits = self._pixels(gaussians.opacity_logits[..., None], alpha)[:, :, 0]
        opacity_error = functional.binary_cross_entropy_with_logits(opacity_logits, alpha)
        weights = self.weights
        return weights.depth * depth_error + weights.color * color_error + weights.opacity * opacity_error

    def _pixels(
        self, rows: Float[Tensor, "batch gaussian channel"], like: Float[Tensor, "batch view height width"]
    ) -> Float[Tensor, "batch view channel height width"]:
        free = self.config.gaussians.n_gaussians
        return rows_to_pixels(rows[:, free:], self.config.image_tokenizer.patch_size, *like.shape[1:])
