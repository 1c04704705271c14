"""A rasterizer too simple to be wrong: every Gaussian at every pixel, in plain torch, gradients by autograd.

It states the conventions of gsplat 1.5.3 (`rasterize_mode="classic"`, `render_mode="RGB+ED"`) once, without tiles,
boxes or lists. Memory and time grow with Gaussians times pixels: for small scenes only.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

LEAST_ALPHA = 1 / 255
MAX_ALPHA = 0.999
LEAST_TRANSMITTANCE = 1e-4
FIELD_OF_VIEW_MARGIN = 0.15


@dataclass(frozen=True)
class Dense:
    """What the cameras see, and how near the scene lies to a decision that rounding could turn."""

    rgb: Float[Tensor, "camera height width 3"]
    alpha: Float[Tensor, "camera height width 1"]
    depth: Float[Tensor, "camera height width 1"]
    margin: float
    """least relative distance of any alpha, transmittance, depth or slope to the threshold it is compared with"""


def rasterize_densely(
    means: Float[Tensor, "gaussian 3"],
    quats: Float[Tensor, "gaussian 4"],
    scales: Float[Tensor, "gaussian 3"],
    opacities: Float[Tensor, " gaussian"],
    colors: Float[Tensor, "gaussian 3"],
    viewmats: Float[Tensor, "camera 4 4"],
    Ks: Float[Tensor, "camera 3 3"],
    width: int,
    height: int,
    backgrounds: Float[Tensor, "camera 3"],
    near_plane: float = 0.01,
    far_plane: float = 1e10,
    eps2d: float = 0.3,
) -> Dense:
    """Draw as `mouse_facelift.rendering.rasterize` does, for finite numbers."""
    half_axes = rotation_matrices(quats) * scales[:, None, :]
    views = [
        _draw(means, half_axes, opacities, colors, viewmat, K, width, height, near_plane, far_plane, eps2d)
        for viewmat, K in zip(viewmats, Ks, strict=True)
    ]
    color, through, weighted_depth = (torch.stack([view[i] for view in views]) for i in range(3))
    alpha = 1 - through
    return Dense(
        rgb=color + through * backgrounds[:, None, None, :],
        alpha=alpha,
        depth=weighted_depth / alpha.clamp(min=1e-10),
        margin=min(view[3] for view in views),
    )


def _draw(
    means: Tensor,
    half_axes: Tensor,
    opacities: Tensor,
    colors: Tensor,
    viewmat: Tensor,
    K: Tensor,
    width: int,
    height: int,
    near_plane: float,
    far_plane: float,
    eps2d: float,
) -> tuple[Tensor, Tensor, Tensor, float]:
    """Premultiplied color, transmittance and weighted depth of one camera, and the margin."""
    rotation, translation = viewmat[:3, :3], viewmat[:3, 3]
    all_z = means @ rotation[2] + translation[2]
    margins = [_least_margin(all_z, near_plane), _least_margin(all_z, far_plane), _least_margin(opacities, LEAST_ALPHA)]
    kept = (all_z >= near_plane) & (all_z <= far_plane) & (opacities >= LEAST_ALPHA)
    order = torch.argsort(all_z, stable=True)
    order = order[kept[order]]
    margins.append(_least_gap(all_z[order]))
    opacities, colors, half_axes = opacities[order], colors[order], half_axes[order]

    x, y, z = (means[order] @ rotation.T + translation).unbind(-1)
    fx, fy, cx, cy = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    slope_x, margin_x = _within_view(x / z, fx, cx, width)
    slope_y, margin_y = _within_view(y / z, fy, cy, height)
    margins += [margin_x, margin_y]
    zero = torch.zeros_like(z)
    jacobian_x = torch.stack([fx / z, zero, -fx * slope_x / z], dim=-1)
    jacobian_y = torch.stack([zero, fy / z, -fy * slope_y / z], dim=-1)
    jacobian = torch.stack([jacobian_x, jacobian_y], dim=-2)
    projected_axes = jacobian @ (rotation @ half_axes)
    covariance = projected_axes @ projected_axes.mT + eps2d * torch.eye(2, dtype=z.dtype)
    inverse = torch.linalg.inv(covariance)

    columns = torch.arange(width, dtype=z.dtype) + 0.5
    rows = torch.arange(height, dtype=z.dtype) + 0.5
    dx = (fx * x / z + cx)[:, None, None] - columns[None, None, :]
    dy = (fy * y / z + cy)[:, None, None] - rows[None, :, None]
    xx, xy, yy = (inverse[:, i, j, None, None] for i, j in ((0, 0), (0, 1), (1, 1)))
    sigma = 0.5 * (xx * dx * dx + yy * dy * dy) + xy * dx * dy
    uncapped = opacities[:, None, None] * torch.exp(-sigma)
    alpha = uncapped.clamp(max=MAX_ALPHA)
    margins += [_least_margin(uncapped, MAX_ALPHA), _least_margin(uncapped, LEAST_ALPHA)]

    alpha = torch.where((sigma >= 0) & (alpha >= LEAST_ALPHA), alpha, torch.zeros_like(alpha))
    would_leave = torch.cumprod(1 - alpha.detach(), dim=0)
    margins.append(_least_margin(would_leave, LEAST_TRANSMITTANCE))
    alpha = torch.where(would_leave > LEAST_TRANSMITTANCE, alpha, torch.zeros_like(alpha))
    after = torch.cumprod(1 - alpha, dim=0)
    before = torch.cat([torch.ones_like(columns).expand(1, height, width), after])
    weights = alpha * before[:-1]
    return (
        torch.einsum("nhw, nc -> hwc", weights, colors),
        before[-1][..., None],
        torch.einsum("nhw, n -> hw", weights, z)[..., None],
        min(margins),
    )


def rotation_matrices(quats: Float[Tensor, "gaussian 4"]) -> Float[Tensor, "gaussian 3 3"]:
    """Rotations of quaternions wxyz of any length but zero."""
    w, x, y, z = (quats / quats.norm(dim=-1, keepdim=True)).unbind(-1)
    entries = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, dim=-1) for row in entries], dim=-2)


def _within_view(slope: Tensor, focal: Tensor, center: Tensor, size: int) -> tuple[Tensor, float]:
    beyond = FIELD_OF_VIEW_MARGIN * size / focal
    low, high = -(center / focal + beyond), (size - center) / focal + beyond
    margin = min(_least_margin(slope, float(low)), _least_margin(slope, float(high)))
    return torch.minimum(torch.maximum(slope, low), high), margin


def _least_margin(values: Tensor, threshold: float) -> float:
    if values.numel() == 0:
        return float("inf")
    return float((values.detach() - threshold).abs().min()) / abs(threshold)


def _least_gap(ascending: Tensor) -> float:
    if len(ascending) < 2:
        return float("inf")
    return float((ascending.detach().diff() / ascending.detach()[1:]).min())
