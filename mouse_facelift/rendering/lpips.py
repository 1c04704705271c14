"""LPIPS: distance of two pictures in the features of a VGG-16, weighed by what people told apart.

Nothing is fetched: the weights are a file that the user gives.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mouse_facelift.formats.tensors import load_exactly, read_tensors

# Output channels of the convolutions of each slice of VGG-16; a slice after the first begins with a max pooling.
_SLICES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
# Of colors in -1..1, red, green, blue: ImageNet's mean and deviation there.
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
LEAST_SIZE = 16  # px: four poolings halve a side to one
_TINY = 1e-8  # keeps the slope of a length finite where all features are 0
# In the published files beside the network: the two constants above, and a second name for each `lin`.
_DOUBLES = ("scaling_layer.", "lins.")


class Lpips(nn.Module):
    """Mean LPIPS (VGG) for colors in 0..1. Submodules bear the names of the published weights.

    Source: Zhang et al., The Unreasonable Effectiveness of Deep Features, arXiv:1801.03924; weights and numbers of
    richzhang/PerceptualSimilarity, version 0.1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.ModuleDict()
        inputs, layer = 3, 0
        for number, channels in enumerate(_SLICES, start=1):
            layers: dict[str, nn.Module] = {}
            if number > 1:
                layers[str(layer)] = nn.MaxPool2d(2)
                layer += 1
            for outputs in channels:
                layers[str(layer)] = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)
                layers[str(layer + 1)] = nn.ReLU()
                inputs, layer = outputs, layer + 2
            part = nn.Sequential()
            for name, module in layers.items():
                part.add_module(name, module)
            self.net[f"slice{number}"] = part
            weighing = nn.Conv2d(inputs, 1, kernel_size=1, bias=False)
            self.add_module(f"lin{number - 1}", nn.ModuleDict({"model": nn.ModuleDict({"1": weighing})}))

    def forward(
        self, rendering: Float[Tensor, "image 3 height width"], target: Float[Tensor, "image 3 height width"]
    ) -> Float[Tensor, ""]:
        """Mean over the pictures, which are 16 px wide and high or more."""
        distance = rendering.new_zeros(())
        for differences in self._differences(rendering, target):
            distance = distance + differences.mean()
        return distance

    def distances(
        self, rendering: Float[Tensor, "image 3 height width"], target: Float[Tensor, "image 3 height width"]
    ) -> Float[Tensor, " image"]:
        """LPIPS of each picture alone."""
        means = [differences.mean(dim=(1, 2, 3)) for differences in self._differences(rendering, target)]
        return torch.stack(means).sum(0)

    def _differences(self, rendering: Tensor, target: Tensor) -> Iterator[Tensor]:
        """Weighed differences of features, place by place, of every slice; gradients go to the rendering alone."""
        with torch.no_grad():
            wanted = self._features(target)
        for number, (a, b) in enumerate(zip(self._features(rendering), wanted, strict=True)):
            yield self.get_submodule(f"lin{number}.model.1")((a - b).square())

    def _features(self, pictures: Float[Tensor, "image 3 height width"]) -> list[Tensor]:
        """Features of every slice, of length 1 at each place."""
        shift, scale = (pictures.new_tensor(color)[:, None, None] for color in (_SHIFT, _SCALE))
        features = (2 * pictures - 1 - shift) / scale
        unit = []
        for part in self.net.values():
            features = part(features)
            unit.append(features / (features.square().sum(dim=1, keepdim=True) + _TINY).sqrt())
        return unit


def load_lpips(weights: str | Path | Mapping[str, Tensor]) -> Lpips:
    """Load the network, frozen, from the tensors of the package `lpips`: `lpips.LPIPS(net="vgg").state_dict()`.

    They may be the content of a `.safetensors` file, stand under `model` in a `.pt` file, or be given as they are.

    Raises:
        FileNotFoundError: no such file.
        ValueError: lists every tensor that is missing, left over, of another shape or not finite.
    """
    source, tensors = read_tensors(weights)
    with torch.device("meta"):
        network = Lpips()
    load_exactly(network, {name: tensor for name, tensor in tensors.items() if not name.startswith(_DOUBLES)}, source)
    return network.requires_grad_(False).eval()
