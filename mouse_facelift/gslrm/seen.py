"""What a guard looks at in renderings and Gaussians."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.settings import GuardPolicy
from mouse_facelift.training.outcome import Seen


class Compared(NamedTuple):
    """Renderings of one sample, colors in [0, 1], beside their targets, and the color behind both."""

    rendering: Float[Tensor, "target 3 height width"]
    target: Float[Tensor, "target 3 height width"]
    background: tuple[float, float, float]


@torch.no_grad()
def look(compared: Sequence[Compared], gaussians: Gaussians, policy: GuardPolicy) -> Seen:
    """Measure the renderings of a batch beside their targets, and the Gaussians of all."""
    edges = torch.tensor(policy.scale_edges, device=gaussians.means.device)
    bins = torch.bucketize(gaussians.scales.flatten(), edges)
    counts = torch.bincount(bins, minlength=len(edges) + 1).double()
    return Seen(
        white=_empty([(one.rendering, one.background) for one in compared], policy.near_white),
        target_white=_empty([(one.target, one.background) for one in compared], policy.near_white),
        opacity=float(gaussians.opacities.mean()),
        scales=tuple((counts / counts.sum()).tolist()),
    )


def _empty(pictures: Sequence[tuple[Tensor, tuple[float, float, float]]], near_white: float) -> float:
    """Share of pixels whose three colors are as near the background as near-white ones are to white."""
    shares = []
    for picture, background in pictures:
        distance = (picture.clamp(0, 1) - picture.new_tensor(background)[:, None, None]).abs()
        shares.append((distance < 1 - near_white).all(dim=-3).double().mean())
    return float(torch.stack(shares).mean())
