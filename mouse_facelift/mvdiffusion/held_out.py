"""Views drawn of a few samples that teach nothing: what a guard compares with step 0, and whether they are copies."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from mouse_facelift.formats.predictions import spread
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.mvdiffusion.collapse import collapse
from mouse_facelift.mvdiffusion.generator import Generator
from mouse_facelift.settings import HeldOut, ViewGenerator
from mouse_facelift.training.guard import HeldOutPsnr
from mouse_facelift.training.honesty import load_teaching_sample
from mouse_facelift.training.scores import psnr

FOREGROUND = 0.5  # alpha above it is animal


@dataclass(frozen=True)
class DrawnViews:
    """Samples, the first view of each the reference, and the generator to measure."""

    generator: Generator
    samples: Sequence[Sample]
    row: ViewGenerator

    def __call__(self) -> HeldOutPsnr:
        """Mean PSNR over the samples' views without the references, over white and of the animal; and the collapse."""
        networks = self.generator.trained
        was_training = networks.training
        networks.eval()
        cameras = [sample.cameras for sample in self.samples]
        drawn = self.generator.draw(self.samples, cameras, self.row.sampling, self.row.sampling.seed)[:, 1:].cpu()
        networks.train(was_training)
        true = torch.stack([sample.over_white() for sample in self.samples])
        animals = torch.stack([sample.alpha for sample in self.samples])[:, 1:, None].expand_as(drawn) > FOREGROUND
        whole = [
            psnr(view, target) for view, target in zip(drawn.flatten(0, 1), true[:, 1:].flatten(0, 1), strict=True)
        ]
        animal = [
            psnr(drawn[number][animals[number]], true[number, 1:][animals[number]])
            for number in range(len(drawn))
            if animals[number].any()
        ]
        copies = collapse(drawn, true[:, 1:], true[:, 0]).share
        mean = statistics.fmean(whole)
        return HeldOutPsnr(mean, statistics.fmean(animal) if animal else mean, copies)


def drawn_views(
    generator: Generator, samples: SampleTable, table: Path, looked_at: HeldOut, row: ViewGenerator, field: str
) -> DrawnViews:
    """Read the samples that a guard looks at. `field` is where the configuration says which.

    Where references are rotated, each sample's is another view.

    Raises ValueError if the table has no samples of that split.
    """
    rows = samples.of_split(looked_at.split)
    if not rows:
        raise ValueError(
            f"{field}.split: {table} has no samples of split {looked_at.split!r}; see datasets.*.split in the config"
        )
    chosen = []
    for number, found in enumerate(spread(rows, looked_at.samples)):
        sample = load_teaching_sample(samples, table, found)
        order = reference_first(len(sample.cameras), number if row.references == "rotated" else 0)
        chosen.append(Sample(sample.name, sample.cameras[order], sample.images[order]))
    return DrawnViews(generator, chosen, row)


def reference_first(views: int, reference: int) -> list[int]:
    """All views, the reference first and the others in their order; references are counted around."""
    first = reference % views
    return [first, *(view for view in range(views) if view != first)]
