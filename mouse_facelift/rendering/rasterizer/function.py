"""The CPU rasterizer as a differentiable function of tensors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mouse_facelift.rendering.rasterizer.binning import count_by_tile, list_by_tile
from mouse_facelift.rendering.rasterizer.compositing import TILE, composite, composite_backward, sum_by_gaussian
from mouse_facelift.rendering.rasterizer.projection import GAUSSIANS_PER_TASK, project, project_backward

LEAST_ALPHA = 1 / 255  # below, a Gaussian is not drawn at a pixel
FIELD_OF_VIEW_MARGIN = 0.15  # of the picture's size, where the Jacobian of the projection stops following a Gaussian


def rasterize_on_cpu(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    viewmats: Tensor,
    Ks: Tensor,
    backgrounds: Tensor,
    width: int,
    height: int,
    near_plane: float,
    far_plane: float,
    eps2d: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """`mouse_facelift.rendering.rasterize` for checked tensors on the CPU."""
    limits = (near_plane, far_plane, eps2d, LEAST_ALPHA)
    apply: Callable[..., tuple[Tensor, Tensor, Tensor]] = _Rasterize.apply
    return apply(means, quats, scales, opacities, colors, viewmats, backgrounds, Ks, width, height, limits)


class _Rasterize(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        means: Tensor,
        quats: Tensor,
        scales: Tensor,
        opacities: Tensor,
        colors: Tensor,
        viewmats: Tensor,
        backgrounds: Tensor,
        Ks: Tensor,
        width: int,
        height: int,
        limits: tuple[float, float, float, float],
    ) -> tuple[Tensor, ...]:
        dtype = _array(means).dtype
        cameras, gaussians = len(viewmats), len(means)
        lenses, bounds = _lenses(_array(Ks), width, height), np.array(limits, dtype)
        splats = np.empty((cameras, gaussians, 10), dtype)
        boxes = np.empty((cameras, gaussians, 4), np.int32)
        depths = np.empty((cameras, gaussians), dtype)
        project(
            _array(means),
            _array(quats),
            _array(scales),
            _array(opacities),
            _array(colors),
            _array(viewmats),
            lenses,
            bounds,
            width,
            height,
            splats,
            boxes,
            depths,
        )

        tiles_high, tiles_wide = -(-height // TILE), -(-width // TILE)
        order = np.empty((cameras, gaussians), np.int32)
        visible = np.zeros(cameras, np.int64)
        counts = np.zeros((cameras, tiles_high, tiles_wide), np.int64)
        depth_bits = depths.view(np.uint32 if dtype == np.float32 else np.uint64)
        count_by_tile(depth_bits, boxes, TILE, order, visible, counts)
        starts = np.zeros(counts.size + 1, np.int64)
        np.cumsum(counts.ravel(), out=starts[1:])
        members = np.empty(starts[-1], np.int32)
        list_by_tile(boxes, TILE, order, visible, starts, tiles_high, tiles_wide, members)

        rgb = np.empty((cameras, height, width, 3), dtype)
        alpha = np.empty((cameras, height, width, 1), dtype)
        depth = np.empty((cameras, height, width, 1), dtype)
        transmittance = np.empty((cameras, height, width), dtype)
        last = np.empty((cameras, height, width), np.int32)
        composite(
            splats, boxes, starts, members, bounds[3], _array(backgrounds), rgb, alpha, depth, transmittance, last
        )
        pictures = torch.from_numpy(rgb), torch.from_numpy(alpha), torch.from_numpy(depth)
        ctx.save_for_backward(means, quats, scales, viewmats, backgrounds, pictures[2])
        ctx.drawn = lenses, bounds, splats, boxes, starts, members, transmittance, last
        return pictures

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *by_pictures: Tensor) -> tuple[Tensor | None, ...]:
        means, quats, scales, viewmats, backgrounds, depth = (_array(t) for t in ctx.saved_tensors)
        lenses, bounds, splats, boxes, starts, members, transmittance, last = ctx.drawn
        by_rgb, by_alpha, by_depth = (_array(t) for t in by_pictures)
        dtype = means.dtype
        cameras, gaussians = boxes.shape[:2]
        by_members = np.empty((len(members), 10), dtype)
        by_backgrounds = np.zeros((cameras, (len(starts) - 1) // cameras, 3), dtype)
        composite_backward(
            splats,
            boxes,
            starts,
            members,
            bounds[3],
            backgrounds,
            depth,
            transmittance,
            last,
            by_rgb,
            by_alpha,
            by_depth,
            by_members,
            by_backgrounds,
        )
        by_splats = np.zeros((cameras, gaussians, 10), dtype)
        sum_by_gaussian(starts, members, by_members, by_splats)
        by_means, by_quats, by_scales = np.zeros_like(means), np.zeros_like(quats), np.zeros_like(scales)
        by_opacities, by_colors = np.zeros(gaussians, dtype), np.zeros((gaussians, 3), dtype)
        by_viewmat_parts = np.zeros((-(-gaussians // GAUSSIANS_PER_TASK), cameras, 3, 4), dtype)
        project_backward(
            means,
            quats,
            scales,
            viewmats,
            lenses,
            bounds,
            boxes,
            by_splats,
            by_means,
            by_quats,
            by_scales,
            by_opacities,
            by_colors,
            by_viewmat_parts,
        )
        by_viewmats = np.zeros((cameras, 4, 4), dtype)
        by_viewmats[:, :3] = by_viewmat_parts.sum(axis=0)
        gradients = (by_means, by_quats, by_scales, by_opacities, by_colors, by_viewmats, by_backgrounds.sum(axis=1))
        return *(torch.from_numpy(gradient) for gradient in gradients), None, None, None, None


def _array(tensor: Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().numpy())


def _lenses(Ks: np.ndarray, width: int, height: int) -> np.ndarray:
    """Of each camera: fx, fy, cx, cy, and between which slopes x/z, then y/z, the Jacobian follows a Gaussian."""
    fx, fy, cx, cy = Ks[:, 0, 0], Ks[:, 1, 1], Ks[:, 0, 2], Ks[:, 1, 2]
    beyond_x, beyond_y = FIELD_OF_VIEW_MARGIN * width / fx, FIELD_OF_VIEW_MARGIN * height / fy
    left, right = -(cx / fx + beyond_x), (width - cx) / fx + beyond_x
    top, bottom = -(cy / fy + beyond_y), (height - cy) / fy + beyond_y
    return np.stack([fx, fy, cx, cy, left, right, top, bottom], axis=1)
