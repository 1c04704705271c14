"""Networks of losses with drawn weights, under the names of the published ones."""

import math

import torch
from torch import Tensor, nn

from mouse_facelift.gslrm.perceptual import PerceptualDistance
from mouse_facelift.rendering.lpips import Lpips


def drawn(network: nn.Module, seed: int = 0) -> dict[str, Tensor]:
    """Weights that keep the size of features about equal from layer to layer; what weighs features is positive."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, tensor in network.state_dict().items():
        normal = torch.randn(tensor.shape, generator=generator)
        tensors[name] = normal.abs() if name.startswith("lin") else normal * math.sqrt(2 / tensor[0].numel())
    return tensors


def drawn_lpips() -> dict[str, Tensor]:
    return drawn(Lpips())


def drawn_perceptual() -> dict[str, Tensor]:
    return drawn(PerceptualDistance())
