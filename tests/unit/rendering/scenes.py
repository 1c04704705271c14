"""Small scenes for the rasterizers."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mouse_facelift.rendering import rasterize
from mouse_facelift.rendering.backends import Backend
from tests.unit.rendering.oracle import Dense, rasterize_densely

LEAVES = ("means", "quats", "scales", "opacities", "colors", "viewmats", "backgrounds")


@dataclass(frozen=True)
class Scene:
    """What `rasterize` takes, in its words."""

    means: Tensor
    quats: Tensor
    scales: Tensor
    opacities: Tensor
    colors: Tensor
    viewmats: Tensor
    Ks: Tensor
    backgrounds: Tensor
    width: int
    height: int

    def to(self, target: torch.dtype | torch.device) -> "Scene":
        return replace(self, **{name: getattr(self, name).to(target) for name in (*LEAVES, "Ks")})

    def keep(self, gaussians: Tensor) -> "Scene":
        """Take those Gaussians, in that order."""
        return replace(self, **{name: getattr(self, name)[gaussians] for name in LEAVES[:5]})

    def draw(self, backend: Backend = "cpu") -> tuple[Tensor, Tensor, Tensor]:
        return rasterize(**vars(self), backend=backend)

    def draw_densely(self) -> Dense:
        return rasterize_densely(**vars(self))

    def differentiable(self) -> "Scene":
        return replace(self, **{name: getattr(self, name).detach().clone().requires_grad_() for name in LEAVES})

    def gradients(self, pictures: tuple[Tensor, Tensor, Tensor]) -> dict[str, Tensor]:
        """Gradients of a fixed sum over the pictures, by every leaf; without the bottom row of viewmats."""
        generator = torch.Generator().manual_seed(7)
        loss = sum(
            (torch.randn(picture.shape, dtype=torch.float64, generator=generator).to(picture) * picture).sum()
            for picture in pictures
        )
        found = torch.autograd.grad(loss, [getattr(self, name) for name in LEAVES])
        gradients = dict(zip(LEAVES, found, strict=True))
        gradients["viewmats"] = gradients["viewmats"][:, :3]
        return gradients


def random_scene(
    seed: int, gaussians: int = 20, cameras: int = 2, width: int = 19, height: int = 13, size: float = 0.1
) -> Scene:
    """Gaussians around the origin, cameras 3 units away that look near it; float64.

    Some Gaussians lie beyond the pictures and their widened field of view, some are fainter than 1/255, some opaque
    enough for the cap at 0.999. `size` is about the scales, in world units. All numbers are drawn from continuous
    distributions, so that none equals a threshold.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.float64, generator=generator)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, dtype=torch.float64, generator=generator)

    rotations, _ = torch.linalg.qr(torch.eye(3, dtype=torch.float64) + 0.3 * normal(cameras, 3, 3))
    signs = torch.diagonal(rotations, dim1=-2, dim2=-1).sign()
    viewmats = torch.eye(4, dtype=torch.float64).repeat(cameras, 1, 1)
    viewmats[:, :3, :3] = rotations * signs[:, None, :]
    viewmats[:, :3, 3] = torch.tensor([0.0, 0.0, 3.0], dtype=torch.float64) + 0.1 * normal(cameras, 3)
    focals = max(width, height) * (0.9 + 0.4 * uniform(cameras, 2))
    Ks = torch.eye(3, dtype=torch.float64).repeat(cameras, 1, 1)
    Ks[:, 0, 0], Ks[:, 1, 1] = focals.unbind(-1)
    Ks[:, 0, 2], Ks[:, 1, 2] = (torch.tensor([width, height]) * (0.4 + 0.2 * uniform(cameras, 2))).unbind(-1)
    return Scene(
        means=0.8 * normal(gaussians, 3),
        quats=normal(gaussians, 4),
        scales=size * torch.exp(0.7 * normal(gaussians, 3)),
        opacities=1 - 1.05 * uniform(gaussians) ** 3 * uniform(gaussians),
        colors=uniform(gaussians, 3),
        viewmats=viewmats,
        Ks=Ks,
        backgrounds=uniform(cameras, 3),
        width=width,
        height=height,
    )
