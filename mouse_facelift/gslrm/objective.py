"""What one training step lowers: the difference between renderings of predicted Gaussians and the pictures."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.gslrm.network import Gslrm
from mouse_facelift.gslrm.sources import SampleSource
from mouse_facelift.rendering.render import Backend, render


def predict(model: Gslrm, samples: list[Sample], inputs: list[Int[Tensor, " input"]]) -> Gaussians:
    """Predict the Gaussians of a batch of samples, each from as many of its views."""
    weights = model.gaussian_position_embeddings
    images = torch.stack([s.over_white()[views] for s, views in zip(samples, inputs, strict=True)])
    poses = torch.stack([s.cameras.camera_to_world[views] for s, views in zip(samples, inputs, strict=True)])
    lenses = torch.stack([s.cameras.fxfycxcy[views] for s, views in zip(samples, inputs, strict=True)])
    predicted: Gaussians = model(images.to(weights), poses.to(weights), lenses.to(weights))
    return predicted


@dataclass(frozen=True)
class ReconstructionStep:
    """Draws a batch, predicts Gaussians from some views, renders others, compares."""

    model: Gslrm
    source: SampleSource
    batch: int
    inputs: tuple[int, int]
    """least and most views given to the network"""
    target_views: int
    backend: Backend

    def __call__(self, generator: torch.Generator) -> tuple[Tensor, float]:
        """Mean squared error over colors in [0, 1], white background included, and its PSNR in dB."""
        rows = torch.randint(len(self.source), (self.batch,), generator=generator).tolist()
        samples = [self.source.sample(row) for row in rows]
        given = int(torch.randint(self.inputs[0], self.inputs[1] + 1, (), generator=generator))
        orders = [torch.randperm(len(sample.cameras), generator=generator) for sample in samples]
        gaussians = predict(self.model, samples, [order[:given] for order in orders])
        errors = [
            # Views that did not go in are compared first: the last of the order.
            self._error(gaussians[number], sample, order[-self.target_views :])
            for number, (sample, order) in enumerate(zip(samples, orders, strict=True))
        ]
        loss = torch.stack(errors).mean()
        return loss, -10 * math.log10(max(loss.item(), 1e-10))

    def _error(self, gaussians: Gaussians, sample: Sample, views: Int[Tensor, " target"]) -> Float[Tensor, ""]:
        cameras: Cameras = sample.cameras[views.tolist()]
        target = sample.over_white()[views].to(gaussians.means)
        return functional.mse_loss(render(gaussians, cameras, self.backend).rgb, target)
