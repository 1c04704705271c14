"""What one training step lowers: the difference between renderings of predicted Gaussians and the pictures."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.gslrm.draws import Batch, Draws
from mouse_facelift.gslrm.losses import l2, psnr
from mouse_facelift.gslrm.network import Gslrm
from mouse_facelift.gslrm.reconstruct import reconstruct
from mouse_facelift.gslrm.seen import look
from mouse_facelift.gslrm.surface import SurfaceError
from mouse_facelift.rendering.render import Backend, render
from mouse_facelift.settings import GuardPolicy, Precision
from mouse_facelift.training.outcome import StepOutcome

LEAST_ERROR = 1e-10  # 100 dB


@dataclass(frozen=True)
class ReconstructionStep:
    """Draws a batch, predicts Gaussians from some views, renders others, compares."""

    model: Gslrm
    draws: Draws
    target_views: int
    backend: Backend
    precision: Precision

    surface: SurfaceError | None = None
    """what more is asked of the Gaussians, where the scene's surface is known"""

    guard: GuardPolicy | None = None
    """by whose measures renderings and Gaussians are looked at"""

    def __call__(self, generator: torch.Generator) -> StepOutcome:
        """The loss, the PSNR in dB of the renderings, and what they look like.

        The loss is the mean squared error over colors in [0, 1], white background included, plus `surface`.
        """
        batch = self.draws(generator)
        gaussians = _predict(self.model, batch, self.precision)
        compared = [
            self._compare(gaussians[number], sample, self._targets(order))
            for number, (sample, order) in enumerate(zip(batch.samples, batch.orders, strict=True))
        ]
        error = torch.stack([l2(rendering, target) for rendering, target in compared]).mean()
        loss = error if self.surface is None else error + self.surface(gaussians, batch)
        seen = None if self.guard is None else look(compared, gaussians, self.guard)
        return StepOutcome(loss, psnr(error.detach().double().clamp(min=LEAST_ERROR)).item(), seen)

    def _targets(self, order: Int[Tensor, " view"]) -> Int[Tensor, " target"]:
        """Views to compare: half of them went in (the first of the order), as far as there are others.

        Input views teach color and outline at once, the others depth (FaceLift, arXiv:2412.17812, compares both).
        """
        seen = min(self.target_views, len(order)) // 2
        return torch.cat([order[:seen], order[seen:][seen - self.target_views :]])

    def _compare(
        self, gaussians: Gaussians, sample: Sample, views: Int[Tensor, " target"]
    ) -> tuple[Float[Tensor, "target 3 height width"], Float[Tensor, "target 3 height width"]]:
        """What cameras see of Gaussians, and the pictures."""
        rendered = render(gaussians, sample.cameras[views.tolist()], self.backend)
        return rendered.rgb, sample.over_white()[views].to(rendered.rgb)


@dataclass(frozen=True)
class SurfaceStep:
    """Draws a batch, predicts Gaussians from some views, and renders none: only their surface is compared."""

    model: Gslrm
    draws: Draws
    precision: Precision
    surface: SurfaceError

    def __call__(self, generator: torch.Generator) -> StepOutcome:
        """The loss, and NaN for the PSNR, since there are no renderings."""
        batch = self.draws(generator)
        return StepOutcome(self.surface(_predict(self.model, batch, self.precision), batch), math.nan)


def _predict(model: Gslrm, batch: Batch, precision: Precision) -> Gaussians:
    """Gaussians of a batch in single precision; `precision` is that of the matrix products inside the blocks."""
    device = model.gaussian_position_embeddings.device.type
    with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
        return reconstruct(model, batch.samples, batch.inputs)
