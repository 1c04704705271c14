"""Distance of two pictures in the features of a VGG-19, as FaceLift's training measures it."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from mouse_facelift.formats.tensors import load_exactly, read_tensors

_CHANNELS = (3, 64, 64, 128, 128, *[256] * 4, *[512] * 8)
_POOLED_AFTER = (2, 4, 8, 12)
# Convolutions whose output is compared, and the weight of each; the picture itself has weight 1.
_COMPARED = {2: 1 / 2.6, 4: 1 / 4.8, 6: 1 / 3.7, 10: 1 / 5.6, 14: 10 / 1.5}
_MEAN_COLOR = (123.68, 116.779, 103.939)  # of ImageNet, red, green, blue, 0..255
_PREFIX = "loss_calculator.perceptual_loss_module.net."


class PerceptualDistance(nn.Module):
    """Weighed mean absolute differences of the picture and of five feature maps, for colors in 0..1.

    Average pooling, and colors in the order red, green, blue, as in FaceLift.

    Source: weijielyu/FaceLift, gslrm/model; the idea is that of Chen and Koltun, arXiv:1707.09405.
    """

    def __init__(self) -> None:
        super().__init__()
        for number, (inputs, outputs) in enumerate(pairwise(_CHANNELS), start=1):
            self.add_module(f"conv{number}", nn.Conv2d(inputs, outputs, kernel_size=3, padding=1))

    def forward(
        self, rendering: Float[Tensor, "image 3 height width"], target: Float[Tensor, "image 3 height width"]
    ) -> Float[Tensor, ""]:
        weights = (1.0, *_COMPARED.values())
        terms = self.terms(rendering, target)
        return torch.stack([weight * term for weight, term in zip(weights, terms, strict=True)]).sum() / 255

    def terms(
        self, rendering: Float[Tensor, "image 3 height width"], target: Float[Tensor, "image 3 height width"]
    ) -> list[Float[Tensor, ""]]:
        """The six differences before their weights: of pictures in 0..255, then of features."""
        with torch.no_grad():
            targets = self._features(target)
        return [
            functional.l1_loss(found, wanted) for found, wanted in zip(self._features(rendering), targets, strict=True)
        ]

    def _features(self, pictures: Float[Tensor, "image 3 height width"]) -> list[Tensor]:
        features = 255 * pictures - pictures.new_tensor(_MEAN_COLOR)[:, None, None]
        compared = [features]
        for number in range(1, max(_COMPARED) + 1):
            features = functional.relu(self.get_submodule(f"conv{number}")(features))
            if number in _COMPARED:
                compared.append(features)
            if number in _POOLED_AFTER:
                features = functional.avg_pool2d(features, kernel_size=2)
        return compared


def load_perceptual_distance(weights: str | Path | Mapping[str, Tensor]) -> PerceptualDistance:
    """Load the network of the perceptual loss, frozen: from a released GS-LRM checkpoint, which holds it, or alone.

    Alone, tensors are named conv1.weight, conv1.bias, ... conv16.bias.

    Raises:
        FileNotFoundError: no such file.
        ValueError: lists every tensor that is missing, left over, of another shape or not finite.
    """
    source, tensors = read_tensors(weights)
    within = {name.removeprefix(_PREFIX): tensor for name, tensor in tensors.items() if name.startswith(_PREFIX)}
    with torch.device("meta"):
        distance = PerceptualDistance()
    load_exactly(distance, within or tensors, source)
    return distance.requires_grad_(False)
