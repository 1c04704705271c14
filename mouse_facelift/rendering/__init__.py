"""Pictures of 3D Gaussians, by gsplat on a CUDA device and by the project's own rasterizer on a CPU."""

from mouse_facelift.rendering.backends import rasterize

__all__ = ["rasterize"]
