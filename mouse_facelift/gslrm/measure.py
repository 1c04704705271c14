"""What a network is worth on animals kept apart: a few numbers for its card. Results are evaluation's affair."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.geometry.hull import carve_closely
from mouse_facelift.gslrm.network import Gslrm
from mouse_facelift.gslrm.objective import LEAST_ERROR
from mouse_facelift.gslrm.reconstruct import reconstruct
from mouse_facelift.rendering.painted_hull import paint_hull, render_hull
from mouse_facelift.rendering.render import Backend, render
from mouse_facelift.training.samples import SampleSource

FOREGROUND = 0.5  # alpha above it is animal
REACH = 1.2  # world units around the origin within which animals are carved
HULL_RESOLUTION = 64  # voxels an edge


@torch.no_grad()
def measure_unseen_views(model: Gslrm, source: SampleSource, inputs: int, backend: Backend) -> dict[str, float]:
    """Mean PSNR (dB) over views that did not go in, whole picture and animal alone, beside two trivial answers.

    `inputs` views, spread over each sample's order, go in. Trivial answers: a white picture, and the visual hull of
    the input views' silhouettes, painted with their colors.
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
            "white_picture": torch.ones_like(target),
            "visual_hull": _hull(sample, given.tolist(), unseen.tolist(), backend),
        }
        animal = (alpha > FOREGROUND)[:, None].expand_as(target)
        rows.append(
            {f"{name}_psnr": _psnr(answer, target) for name, answer in answers.items()}
            | {f"{name}_psnr_foreground": _psnr(answer[animal], target[animal]) for name, answer in answers.items()}
        )
    return _means(rows)


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    """Mean of each number over the rows that have it: an animal that no view shows has no foreground."""
    finite = {name: [row[name] for row in rows if math.isfinite(row[name])] for name in rows[0]}
    return {name: round(sum(values) / len(values), 3) for name, values in finite.items() if values}


def _hull(
    sample: Sample, inputs: list[int], views: list[int], backend: Backend
) -> Float[Tensor, "view 3 height width"]:
    """The painted hull of the input views as other views see it; white where the hull is empty."""
    exact = Sample(sample.name, sample.cameras.to(torch.float64), sample.images)
    center = torch.zeros(3, dtype=torch.float64)
    hull = carve_closely(exact.alpha[inputs] > FOREGROUND, exact.cameras[inputs], center, REACH, HULL_RESOLUTION)
    if not len(hull):
        return torch.ones_like(sample.over_white()[views])
    drawn = render_hull(paint_hull(hull, exact, inputs), hull.voxel_size, exact.cameras[views], backend)
    return drawn.rgb.clamp(0, 1)


def _psnr(answer: Float[Tensor, "*pixel"], target: Float[Tensor, "*pixel"]) -> float:
    error = float((answer - target).square().mean())
    return -10 * math.log10(max(error, LEAST_ERROR))
