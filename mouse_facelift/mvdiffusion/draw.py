"""Rule `draw_views`: what a generator makes of samples kept apart, asked from every of their views."""

import os
from pathlib import Path

import torch
from tqdm import tqdm

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.drawn import DrawnPictures, DrawnRow, DrawnTable
from mouse_facelift.formats.licensed import once_each
from mouse_facelift.formats.predictions import chosen_samples
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.mvdiffusion.canonical import degrees_from_released, nearest_released_views, relative_azimuths
from mouse_facelift.mvdiffusion.drawn_sample import own_seed
from mouse_facelift.mvdiffusion.generate import drawing_weights, load_drawing
from mouse_facelift.mvdiffusion.held_out import reference_first
from mouse_facelift.rendering.backends import device_of, use_threads
from mouse_facelift.settings import CameraContract, Compute, Evaluated, ViewGenerator
from mouse_facelift.training.honesty import load_honest_sample

PICTURES = "drawn.npz"  # beside the table


def draw_views(
    samples: Path,
    start: Path,
    prompts: Path,
    unet: Path,
    card: Path,
    drawn: Path,
    name: str,
    generator: ViewGenerator,
    evaluation: Evaluated,
    contract: CameraContract,
    compute: Compute,
    ray_film: Path | None = None,
) -> None:
    """Draw all views of the evaluated samples, from each view in turn, for the sample's own cameras.

    Without rays a view is drawn with the prompt of the released view nearest in azimuth. Raises as `generate_views`.
    """
    use_threads(compute.threads)
    whole = load_drawing(start, prompts, unet, ray_film, card, contract)
    whole.to(device_of(compute.renderer))
    table = SampleTable.read(samples)
    rows, pictures = [], []
    for row in tqdm(chosen_samples(table, evaluation.split, evaluation.samples), desc=name, disable=None):
        sample = load_honest_sample(table, samples, row)
        for reference in range(table.view_count):
            order = reference_first(table.view_count, reference)
            turned = Sample(sample.name, sample.cameras[order], sample.images[order])
            seed = own_seed(generator.sampling.seed, f"{row.name} {reference}")
            views = whole.draw([turned], [turned.cameras], generator.sampling, seed)[0].cpu()
            in_order = torch.empty_like(views)
            in_order[order] = views
            pictures.append((255 * in_order).round().to(torch.uint8))
            azimuths = relative_azimuths(sample.cameras, reference)
            apart = degrees_from_released(azimuths).gather(1, nearest_released_views(azimuths)[:, None])[:, 0]
            rows.append(
                DrawnRow(
                    sample=row.name,
                    reference=reference,
                    azimuths=tuple(azimuths.tolist()),
                    from_prompts=tuple(apart.tolist()),
                )
            )
    DrawnPictures(torch.stack(pictures)).write(drawn.with_name(PICTURES))
    DrawnTable(
        generator=name,
        conditioning=generator.conditioning.kind,
        references=generator.references,
        left_out_views=generator.left_out_views,
        samples=os.path.relpath(samples, drawn.parent),
        pictures=PICTURES,
        status=WeightsCard.read(card).status,
        origins=once_each(drawing_weights(unet, card), table.drawn_by),
        rows=tuple(rows),
    ).write(drawn)
