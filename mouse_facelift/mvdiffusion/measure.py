"""What a view generator is worth on animals kept apart: a few numbers for its card. Results are evaluation's affair."""

import statistics

import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.mvdiffusion.generator import Generator
from mouse_facelift.mvdiffusion.held_out import FOREGROUND, reference_first
from mouse_facelift.settings import SamplingPlan
from mouse_facelift.training.samples import SampleSource
from mouse_facelift.training.scores import psnr

VIEWS = 6  # as the released generator draws


def mean_picture(source: SampleSource, at_most: int) -> Float[Tensor, "3 height width"]:
    """The mean, over white, of all views of the first samples."""
    pictures = [source.sample(index).over_white().mean(dim=0) for index in range(min(at_most, len(source)))]
    return torch.stack(pictures).mean(dim=0)


def measure_unseen_objects(
    generator: Generator, source: SampleSource, mean: Float[Tensor, "3 height width"], sampling: SamplingPlan
) -> dict[str, float]:
    """Mean PSNR (dB) of views drawn from one view of each object, over white and of the object alone.

    Beside them the two trivial answers: the one view again, and a mean picture. References change from object to
    object. Six views of each are looked at, the reference among them, which is not scored.
    """
    scores: dict[str, list[float]] = {}
    for index in tqdm(range(len(source)), desc="measuring", disable=None):
        whole = source.sample(index)
        order = reference_first(len(whole.cameras), index)[:VIEWS]
        sample = Sample(whole.name, whole.cameras[order], whole.images[order])
        true, alpha = sample.over_white(), sample.alpha > FOREGROUND
        drawn = generator.draw([sample], [sample.cameras], sampling, sampling.seed)[0].cpu()
        for view in range(1, len(order)):
            for name, answer in (("network", drawn[view]), ("copy", true[0]), ("mean_picture", mean)):
                scores.setdefault(f"{name}_psnr", []).append(psnr(answer, true[view]))
                if bool((animal := alpha[view]).any()):
                    inside = psnr(answer[:, animal], true[view][:, animal])
                    scores.setdefault(f"{name}_psnr_foreground", []).append(inside)
    return {name: round(statistics.fmean(values), 3) for name, values in scores.items()}
