"""What a guard looks at in renderings and Gaussians."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.settings import GuardPolicy
from mouse_facelift.training.outcome import Seen


@torch.no_grad()
def look(compared: Sequence[tuple[Tensor, Tensor]], gaussians: Gaussians, policy: GuardPolicy) -> Seen:
    """Measure renderings beside their targets, colors (..., 3, height, width) in [0, 1], and the Gaussians of all."""
    edges = torch.tensor(policy.scale_edges, device=gaussians.means.device)
    bins = torch.bucketize(gaussians.scales.flatten(), edges)
    counts = torch.bincount(bins, minlength=len(edges) + 1).double()
    return Seen(
        white=_white([rendering for rendering, _ in compared], policy.near_white),
        target_white=_white([target for _, target in compared], policy.near_white),
        opacity=float(gaussians.opacities.mean()),
        scales=tuple((counts / counts.sum()).tolist()),
    )


def _white(pictures: Sequence[Tensor], near_white: float) -> float:
    shares = [(picture > near_white).all(dim=-3).double().mean() for picture in pictures]
    return float(torch.stack(shares).mean())
