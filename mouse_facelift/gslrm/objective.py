"""What one training step lowers: the difference between renderings of predicted Gaussians and the pictures."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.geometry.rays import nearest_point_rays
from mouse_facelift.gslrm.augmentation import augment
from mouse_facelift.gslrm.draws import Batch, Draws
from mouse_facelift.gslrm.losses import (
    Alphas,
    Foreground,
    LossNetworks,
    LossWeights,
    PixelPositions,
    gslrm_loss,
    l2,
    psnr,
)
from mouse_facelift.gslrm.network import Gslrm
from mouse_facelift.gslrm.patches import rows_to_pixels
from mouse_facelift.gslrm.reconstruct import reconstruct
from mouse_facelift.gslrm.seen import Compared, look
from mouse_facelift.gslrm.surface import FOREGROUND, SurfaceError
from mouse_facelift.rendering.render import Backend, render
from mouse_facelift.settings import GuardPolicy, Precision, RenderedPlan
from mouse_facelift.training.outcome import StepOutcome
from mouse_facelift.training.precision import mixed_precision

LEAST_ERROR = 1e-10  # 100 dB

Terms = dict[str, Float[Tensor, ""]]


@dataclass(frozen=True)
class ReconstructionStep:
    """Draws a batch, varies it, predicts Gaussians from some views, renders others, compares."""

    model: Gslrm
    draws: Draws
    plan: RenderedPlan
    backend: Backend
    networks: LossNetworks
    surface: SurfaceError | None = None
    """what more is asked of the Gaussians, where the scene's surface is known"""
    guard: GuardPolicy | None = None
    """by whose measures renderings and Gaussians are looked at"""

    def __call__(self, generator: torch.Generator, step: int) -> StepOutcome:
        """The loss; and of the renderings the PSNR in dB, background included, each term, and what they look like.

        The loss is the mean over samples of what `plan.losses` weighs in this step (from 0), plus `surface`.
        """
        batch = self.draws(generator)
        if self.plan.augmentation is not None:
            batch = augment(batch, self.plan.augmentation, generator)
        weights = LossWeights(**self.plan.losses.at(step))
        gaussians = _predict(self.model, batch, self.plan.precision)
        compared, scored = [], []
        for number in range(len(batch.samples)):
            pair, terms = self._compare(gaussians[number], batch, number, weights)
            compared.append(pair)
            scored.append(terms)
        means = {name: torch.stack([terms[name] for terms in scored]).mean() for name in scored[0]}
        error, loss = means.pop("error"), means.pop("total")
        if self.surface is not None:
            means["surface"] = self.surface(gaussians, batch)
            loss = loss + means["surface"]
        return StepOutcome(
            loss,
            psnr(error.double().clamp(min=LEAST_ERROR)).item(),
            {name: value.item() for name, value in means.items()},
            None if self.guard is None else look(compared, gaussians, self.guard),
        )

    def _targets(self, order: Int[Tensor, " view"]) -> Int[Tensor, " target"]:
        """Views to compare: half of them went in (the first of the order), as far as there are others.

        Input views teach color and outline at once, the others depth (FaceLift, arXiv:2412.17812, compares both).
        """
        seen = min(self.plan.target_views, len(order)) // 2
        return torch.cat([order[:seen], order[seen:][seen - self.plan.target_views :]])

    def _compare(self, gaussians: Gaussians, batch: Batch, number: int, weights: LossWeights) -> tuple[Compared, Terms]:
        """What cameras see of Gaussians beside the pictures; `total`, its terms, and `error`.

        The error is the mean squared difference of colors, background included.
        """
        sample, views = batch.samples[number], self._targets(batch.orders[number])
        rendered = render(gaussians, sample.cameras[views.tolist()], self.backend, sample.background)
        target = sample.over_background()[views].to(rendered.rgb)
        alpha = sample.alpha[views].to(rendered.alpha)
        placed = None
        if weights.pixelalign > 0 or weights.pointsdist > 0:
            placed = self._placed(gaussians, sample, batch.inputs[number])
        foreground = None
        if self._masked:
            foreground = Foreground(alpha > FOREGROUND, target.new_tensor(sample.background))
        alphas = Alphas(rendered.alpha, alpha)
        terms = gslrm_loss(rendered.rgb, target, weights, self.networks, placed, alphas, foreground)
        error = l2(rendered.rgb.detach(), target)
        return Compared(rendered.rgb.detach(), target, sample.background), {"error": error, **terms}

    @property
    def _masked(self) -> bool:
        return self.plan.losses.masked

    def _placed(self, gaussians: Gaussians, sample: Sample, views: Int[Tensor, " input"]) -> PixelPositions:
        """Where one scene's Gaussians of input pixels are, and those pixels' rays."""
        config, means = self.model.config, gaussians.means
        cameras = sample.cameras[views.tolist()]
        rays = nearest_point_rays(
            cameras.camera_to_world.to(means), cameras.fxfycxcy.to(means), cameras.height, cameras.width
        )
        rows = means[None, config.gaussians.n_gaussians :]
        patch = config.image_tokenizer.patch_size
        positions = rows_to_pixels(rows, patch, len(views), cameras.height, cameras.width)[0]
        mask = sample.alpha[views][:, None].to(means) if self._masked else None
        return PixelPositions(positions, rays, mask)


@dataclass(frozen=True)
class SurfaceStep:
    """Draws a batch, predicts Gaussians from some views, and renders none: only their surface is compared."""

    model: Gslrm
    draws: Draws
    precision: Precision
    surface: SurfaceError

    def __call__(self, generator: torch.Generator, step: int) -> StepOutcome:
        """The loss, and NaN for the PSNR, since there are no renderings."""
        batch = self.draws(generator)
        return StepOutcome(self.surface(_predict(self.model, batch, self.precision), batch), math.nan)


def _predict(model: Gslrm, batch: Batch, precision: Precision) -> Gaussians:
    """Gaussians of a batch in single precision; `precision` is that of the matrix products inside the blocks."""
    with mixed_precision(model.gaussian_position_embeddings.device, precision):
        return reconstruct(model, batch.samples, batch.inputs)
