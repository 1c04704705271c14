"""The visual hull of some views, painted with their colors: the best answer that knows no animals."""

import math

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree
from torch import Tensor
from torch.nn import functional

from mouse_facelift.formats.predictions import Renderings
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.gaussians import SH_BAND_0, Gaussians
from mouse_facelift.geometry.hull import Hull, visible
from mouse_facelift.rendering.render import Backend, render

# With these a ball of 64 voxels on pictures of 64, 128 and 512 px had a silhouette with 1.007, 1.012 and 1.011 of its
# radius, and a mean alpha of 0.999 inside. Gaussians of half a voxel at the pictures' own size: 1.076, 1.042, 1.031.
VOXEL_SCALE = 0.3  # standard deviation of a voxel's Gaussian, of the voxel's edge
VOXEL_OPACITY = 0.99
SHELL = 2.5  # voxels: what lies deeper than this below the surface cannot be seen
FINE_VOXEL = 2.0  # px of the finer picture that is drawn and then averaged: smaller voxels would swell
FINEST = 8
LEAST_ALPHA = 1e-10  # as in the rasterizer: below it nothing is drawn


def paint_hull(hull: Hull, sample: Sample, inputs: list[int]) -> Gaussians:
    """Turn the voxels at and just below the surface to opaque Gaussians in the colors of `painted_surface`.

    Raises:
        ValueError: the hull is empty.
    """
    surface, colors = painted_surface(hull, sample, inputs)
    depth, nearest = cKDTree(surface.numpy()).query(hull.points.numpy(), distance_upper_bound=SHELL * hull.voxel_size)
    shell = torch.from_numpy(np.isfinite(depth))
    colors = colors[torch.from_numpy(nearest)[shell]]
    return round_gaussians(hull.points[shell], colors, VOXEL_SCALE * hull.voxel_size, VOXEL_OPACITY)


def painted_surface(
    hull: Hull, sample: Sample, inputs: list[int]
) -> tuple[Float[Tensor, "point 3"], Float[Tensor, "point 3"]]:
    """Centers of the voxels at the surface, and the mean color, in 0..1, of the input views that see them.

    Voxels that no input view sees take the color of the nearest that one sees.

    Raises:
        ValueError: the hull is empty.
    """
    surface = hull.surface()
    seen = visible(surface, sample.cameras[inputs], hull.voxel_size)
    colors, colored = _mean_colors(surface, sample, inputs, seen)
    _, nearest = cKDTree(surface[colored].numpy()).query(surface.numpy())
    return surface, colors[colored][torch.from_numpy(nearest)]


def round_gaussians(
    points: Float[Tensor, "point 3"], colors: Float[Tensor, "point 3"], scale: float, opacity: float
) -> Gaussians:
    """Put a ball of one standard deviation (world units) and opacity (between 0 and 1) at each point; float32."""
    gaussians = Gaussians(
        means=points,
        log_scales=torch.full_like(points, math.log(scale)),
        quats=torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=points.dtype).repeat(len(points), 1),
        opacity_logits=torch.full_like(points[:, 0], math.log(opacity / (1 - opacity))),
        sh=((colors - 0.5) / SH_BAND_0)[:, None],
    )
    return gaussians.to(dtype=torch.float32)


def _mean_colors(
    points: Float[Tensor, "point 3"], sample: Sample, inputs: list[int], seen: Bool[Tensor, "input point"]
) -> tuple[Float[Tensor, "point 3"], Bool[Tensor, " point"]]:
    """Mean color of each point over the views that see it, weighted by alpha, and whether any does.

    If no view's alpha is above zero at any point, the points count as seen and are black.
    """
    rgba = sample.images[inputs].permute(0, 3, 1, 2).double() / 255
    premultiplied = torch.cat([rgba[:, :3] * rgba[:, 3:], rgba[:, 3:]], dim=1)
    size = torch.tensor([sample.cameras.width, sample.cameras.height], dtype=torch.float64)
    grid = sample.cameras[inputs].project(points) / size * 2 - 1
    samples = functional.grid_sample(premultiplied, grid[:, None], align_corners=False)[:, :, 0]
    total = (samples * seen[:, None]).sum(0)
    colored = total[3] > 0
    if not bool(colored.any()):
        colored = torch.ones_like(colored)
    return (total[:3] / total[3].clamp(min=1e-9)).T, colored


def render_hull(gaussians: Gaussians, voxel_size: float, cameras: Cameras, backend: Backend) -> Renderings:
    """Draw a painted hull over white, on a picture so fine that a voxel has two pixels, and average it down."""
    depths = (cameras.world_to_camera[:, 2, :3].float() @ gaussians.means.T).mean(1)
    depths = depths + cameras.world_to_camera[:, 2, 3].float()
    voxel = voxel_size * float((cameras.fxfycxcy[:, :2].amin(1) / depths.abs()).median())  # px
    factor = min(max(math.ceil(FINE_VOXEL / voxel), 1), FINEST)
    return render_finely(gaussians, cameras, factor, backend)


def render_finely(gaussians: Gaussians, cameras: Cameras, fineness: int, backend: Backend) -> Renderings:
    """Draw over white on a picture so many times as fine, and average it down. Differentiable in the Gaussians."""
    intrinsics = cameras.intrinsics.clone()
    intrinsics[:, :2] *= fineness
    fine = Cameras(cameras.camera_to_world, intrinsics, cameras.width * fineness, cameras.height * fineness)
    drawn = render(gaussians, fine, backend)
    alpha = functional.avg_pool2d(drawn.alpha, fineness)
    depth = functional.avg_pool2d(drawn.alpha * drawn.depth, fineness) / alpha.clamp(min=LEAST_ALPHA)
    return Renderings(functional.avg_pool2d(drawn.rgb, fineness), alpha, depth)
