"""Views that did not go in, of a few samples of one split: what a guard compares with step 0, and curves show."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from mouse_facelift.formats.predictions import spread, turns
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.gslrm.measure import FOREGROUND
from mouse_facelift.gslrm.network import Gslrm
from mouse_facelift.gslrm.reconstruct import reconstruct
from mouse_facelift.rendering.render import Backend, render
from mouse_facelift.settings import HeldOut, Measured
from mouse_facelift.training.guard import HeldOutPsnr
from mouse_facelift.training.honesty import load_teaching_sample
from mouse_facelift.training.scores import psnr


@dataclass(frozen=True)
class HeldOutViews:
    """Samples, one turn of each, and the network to measure."""

    model: Gslrm
    samples: list[Sample]
    inputs: int
    backend: Backend

    def __call__(self) -> HeldOutPsnr:
        """Mean PSNR over the samples; of all views where all went in, of whole pictures where none shows an animal."""
        return _mean_psnr(self._drawn())

    def numbers(self, near_white: float) -> dict[str, float]:
        """The same, and the shares of pixels whose three colors are above `near_white`, by their names in metrics."""
        drawn = self._drawn()
        found = _mean_psnr(drawn)
        return {
            "held_out_psnr": found.whole,
            "held_out_psnr_animal": found.animal,
            "held_out_white": _white([view.answer for view in drawn], near_white),
            "held_out_target_white": _white([view.target for view in drawn], near_white),
        }

    @torch.no_grad()
    def _drawn(self) -> list["_Drawn"]:
        was_training = self.model.training
        self.model.eval()
        drawn = [self._draw(number, sample) for number, sample in enumerate(self.samples)]
        self.model.train(was_training)
        return drawn

    def _draw(self, number: int, sample: Sample) -> "_Drawn":
        given = turns(len(sample.cameras), self.inputs)
        inputs = given[number % len(given)]
        unseen = [view for view in range(len(sample.cameras)) if view not in inputs] or list(inputs)
        scene = reconstruct(self.model, [sample], [torch.tensor(inputs)])[0]
        target = sample.over_white()[unseen]
        answer = render(scene, sample.cameras[unseen], self.backend).rgb.clamp(0, 1).to(target)
        return _Drawn(answer, target, (sample.alpha[unseen] > FOREGROUND)[:, None].expand_as(target))


class _Drawn(NamedTuple):
    answer: Tensor
    target: Tensor
    animal: Tensor


def held_out_views(
    model: Gslrm,
    table: SampleTable,
    path: Path,
    looked_at: HeldOut | Measured,
    inputs: int,
    backend: Backend,
    field: str,
) -> HeldOutViews:
    """Read the samples that a guard looks at, or that curves show. `field` is where the configuration says which.

    Raises:
        ValueError: the table has no samples of that split.
    """
    rows = table.of_split(looked_at.split)
    if not rows:
        raise ValueError(
            f"{field}.split: {path} has no samples of split {looked_at.split!r}; see datasets.*.split in the config,"
            f" or set {field.rpartition('.')[2]} to null"
        )
    samples = [load_teaching_sample(table, path, row) for row in spread(rows, looked_at.samples)]
    return HeldOutViews(model, samples, inputs, backend)


def _mean_psnr(drawn: Sequence[_Drawn]) -> HeldOutPsnr:
    whole = statistics.fmean(psnr(view.answer, view.target) for view in drawn)
    animals = [psnr(view.answer[view.animal], view.target[view.animal]) for view in drawn if view.animal.any()]
    return HeldOutPsnr(whole, statistics.fmean(animals) if animals else whole)


def _white(pictures: Sequence[Tensor], near_white: float) -> float:
    return statistics.fmean(float((picture > near_white).all(dim=1).double().mean()) for picture in pictures)
