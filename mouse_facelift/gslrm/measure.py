"""What a network is worth on animals kept apart: a few numbers for its card. Results are evaluation's affair."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.gslrm.network import Gslrm
from mouse_facelift.gslrm.objective import LEAST_ERROR
from mouse_facelift.gslrm.reconstruct import reconstruct
from mouse_facelift.gslrm.sources import SampleSource
from mouse_facelift.rendering.render import Backend, render

FOREGROUND = 0.5  # alpha above it is animal


@torch.no_grad()
def measure_unseen_views(model: Gslrm, source: SampleSource, inputs: int, backend: Backend) -> dict[str, float]:
    """Mean PSNR (dB) over views that did not go in, whole picture and animal alone, beside two trivial answers.

    `inputs` views, spread over each sample's order, go in. Trivial answers: a white picture, and a flat picture of the
    animal's mean color in the input views, cut out with the unseen view's own mask (which no real method knows).
    """
    rows = []
    for index in tqdm(range(len(source)), desc="measuring", disable=None):
        sample = source.sample(index)
        views = torch.arange(len(sample.cameras))
        given = torch.arange(inputs) * len(views) // inputs
        unseen = views[~torch.isin(views, given)]
        gaussians = reconstruct(model, [sample], [given])[0]
        target, alpha = sample.over_white()[unseen], sample.alpha[unseen]
        answers = {
            "network": render(gaussians, sample.cameras[unseen.tolist()], backend).rgb.clamp(0, 1).to(target),
            "white": torch.ones_like(target),
            "mean_color_in_true_mask": _cut_out(_mean_color(sample, given), alpha),
        }
        animal = (alpha > FOREGROUND)[:, None].expand_as(target)
        rows.append(
            {f"{name}_psnr": _psnr(answer, target) for name, answer in answers.items()}
            | {f"{name}_psnr_foreground": _psnr(answer[animal], target[animal]) for name, answer in answers.items()}
        )
    return _mean_by_name(rows)


def _mean_by_name(rows: list[dict[str, float]]) -> dict[str, float]:
    """Means to three digits. Views without an animal have no number for it; a name without numbers is left out."""
    known = {name: [row[name] for row in rows if math.isfinite(row[name])] for name in rows[0]}
    return {name: round(sum(values) / len(values), 3) for name, values in known.items() if values}


def _mean_color(sample: Sample, views: Int[Tensor, " view"]) -> Float[Tensor, "3"]:
    seen = sample.over_white()[views].permute(0, 2, 3, 1)
    return seen[sample.alpha[views] > FOREGROUND].mean(dim=0)


def _cut_out(
    color: Float[Tensor, "3"], alpha: Float[Tensor, "view height width"]
) -> Float[Tensor, "view 3 height width"]:
    alpha = alpha[:, None]
    return color[None, :, None, None] * alpha + 1 - alpha


def _psnr(answer: Float[Tensor, "*pixel"], target: Float[Tensor, "*pixel"]) -> float:
    error = float((answer - target).square().mean())
    return -10 * math.log10(max(error, LEAST_ERROR))
