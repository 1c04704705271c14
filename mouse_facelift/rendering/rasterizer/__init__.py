"""A rasterizer of 3D Gaussians for CPUs, with gradients: the numbers of gsplat, which has no CPU path."""

from mouse_facelift.rendering.rasterizer.function import rasterize_on_cpu

__all__ = ["rasterize_on_cpu"]
