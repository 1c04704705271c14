"""gsplat, on a CUDA device."""

from torch import Tensor


def rasterize_with_gsplat(
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
    """`mouse_facelift.rendering.rasterize` for checked float32 tensors on a CUDA device."""
    from gsplat import rasterization

    # gsplat appends the depth to the colors before it draws, and wants no background for it.
    pictures, alpha, _ = rasterization(
        means,
        quats,
        scales,
        opacities,
        colors,
        viewmats,
        Ks,
        width,
        height,
        near_plane=near_plane,
        far_plane=far_plane,
        eps2d=eps2d,
        backgrounds=backgrounds,
        render_mode="RGB+ED",
        rasterize_mode="classic",
    )
    return pictures[..., :3], alpha, pictures[..., 3:]
