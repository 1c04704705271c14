"""PSNR of views that did not go in, on a few samples of one split: what a guard compares with step 0."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from mouse_facelift.formats.predictions import spread, turns
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.gslrm.honesty import load_honest_sample
from mouse_facelift.gslrm.measure import FOREGROUND
from mouse_facelift.gslrm.network import Gslrm
from mouse_facelift.gslrm.reconstruct import reconstruct
from mouse_facelift.rendering.render import Backend, render
from mouse_facelift.settings import HeldOut
from mouse_facelift.training.guard import HeldOutPsnr


@dataclass(frozen=True)
class HeldOutViews:
    """Samples, one turn of each, and the network to measure."""

    model: Gslrm
    samples: list[Sample]
    inputs: int
    backend: Backend

    @torch.no_grad()
    def __call__(self) -> HeldOutPsnr:
        """Mean PSNR over the samples; of all views where all went in, of whole pictures where none shows an animal."""
        was_training = self.model.training
        self.model.eval()
        rows = [self._measure(number, sample) for number, sample in enumerate(self.samples)]
        self.model.train(was_training)
        shown = [animal for _, animal in rows if animal is not None]
        whole = sum(whole for whole, _ in rows) / len(rows)
        return HeldOutPsnr(whole, sum(shown) / len(shown) if shown else whole)

    def _measure(self, number: int, sample: Sample) -> tuple[float, float | None]:
        given = turns(len(sample.cameras), self.inputs)
        inputs = given[number % len(given)]
        unseen = [view for view in range(len(sample.cameras)) if view not in inputs] or list(inputs)
        scene = reconstruct(self.model, [sample], [torch.tensor(inputs)])[0]
        target = sample.over_white()[unseen]
        answer = render(scene, sample.cameras[unseen], self.backend).rgb.clamp(0, 1).to(target)
        animal = (sample.alpha[unseen] > FOREGROUND)[:, None].expand_as(target)
        return _psnr(answer, target), _psnr(answer[animal], target[animal]) if bool(animal.any()) else None


def held_out_views(
    model: Gslrm, table: SampleTable, path: Path, held_out: HeldOut, inputs: int, backend: Backend, experiment: str
) -> HeldOutViews:
    """Read the samples that a guard looks at.

    Raises:
        ValueError: the table has no samples of that split.
    """
    rows = table.of_split(held_out.split)
    if not rows:
        raise ValueError(
            f"experiments.{experiment}.finetune.guard.held_out.split: {path} has no samples of split"
            f" {held_out.split!r}; see datasets.*.split in the config, or set held_out to null"
        )
    samples = [load_honest_sample(table, path, row) for row in spread(rows, held_out.samples)]
    return HeldOutViews(model, samples, inputs, backend)


def _psnr(answer: Tensor, target: Tensor) -> float:
    error = float((answer - target).double().square().mean())
    return -10 * math.log10(max(error, 1e-10)) if math.isfinite(error) else math.nan
