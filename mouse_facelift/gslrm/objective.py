"""What one training step lowers: the difference between renderings of predicted Gaussians and the pictures."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.gslrm.losses import l2, psnr
from mouse_facelift.gslrm.network import Gslrm
from mouse_facelift.gslrm.reconstruct import reconstruct
from mouse_facelift.gslrm.sources import SampleSource
from mouse_facelift.rendering.render import Backend, render

LEAST_ERROR = 1e-10  # 100 dB


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
        gaussians = reconstruct(self.model, samples, [order[:given] for order in orders])
        errors = [
            self._error(gaussians[number], sample, self._targets(order))
            for number, (sample, order) in enumerate(zip(samples, orders, strict=True))
        ]
        loss = torch.stack(errors).mean()
        return loss, psnr(loss.detach().double().clamp(min=LEAST_ERROR)).item()

    def _targets(self, order: Int[Tensor, " view"]) -> Int[Tensor, " target"]:
        """Views to compare: half of them went in (the first of the order), as far as there are others.

        Input views teach color and outline at once, the others depth (FaceLift, arXiv:2412.17812, compares both).
        """
        seen = min(self.target_views, len(order)) // 2
        return torch.cat([order[:seen], order[seen:][seen - self.target_views :]])

    def _error(self, gaussians: Gaussians, sample: Sample, views: Int[Tensor, " target"]) -> Float[Tensor, ""]:
        rendered = render(gaussians, sample.cameras[views.tolist()], self.backend)
        return l2(rendered.rgb, sample.over_white()[views].to(rendered.rgb))
