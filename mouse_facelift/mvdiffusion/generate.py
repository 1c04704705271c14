"""Rule `generate_views`: views drawn from one picture each, as a sample table."""

import logging
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from tqdm import tqdm

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.licensed import LicensedWeights, once_each
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleTable, load_sample
from mouse_facelift.formats.whole import whole_folder
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.contract import contract_violations
from mouse_facelift.mvdiffusion.canonical import released_cameras
from mouse_facelift.mvdiffusion.drawn_sample import joined_cameras, own_seed, turned_to_first, write_drawn_sample
from mouse_facelift.mvdiffusion.generator import Generator, load_generator
from mouse_facelift.mvdiffusion.loading import find_weights
from mouse_facelift.mvdiffusion.prompts import RELEASED_VIEWS
from mouse_facelift.rendering.backends import device_of, use_threads
from mouse_facelift.settings import CameraContract, Compute, GeneratedDataset, SamplingPlan
from mouse_facelift.training.trained import read_card_on

log = logging.getLogger(__name__)


def generate_views(
    samples: Path,
    start: Path,
    prompts: Path,
    unet: Path,
    card: Path,
    table: Path,
    dataset_name: str,
    dataset: GeneratedDataset,
    sampling: SamplingPlan,
    contract: CameraContract,
    compute: Compute,
    ray_film: Path | None = None,
) -> None:
    """Draw the views of every sample of the table `samples` from its first view, and write them as a sample table.

    Their cameras are those that the generator was told. `released`: the released rig, whose front stands at the first
    view's azimuth, at elevation 0 and the contract's distance, wherever the first view's camera stands. `captured`: the
    sample's own, told by rays. A generator that is told rays is told those of the first view beside the released ones,
    so its front is drawn anew; else the front is its copy of the first view. `ray_film` is what reads rays, if anything
    does.

    The first view itself is no part of a sample. The other captured views are: as witnesses, which measure alone. Drawn
    views are opaque wherever they lack `dataset.white` of white. The table stands beside its folders, written last.

    Each sample has its own random numbers, by `sampling.seed` and its name, so that neither order nor number matters.

    Raises:
        FileNotFoundError: a file is absent.
        ValueError: `unet` is not the one that `card` is of, or does not fit its start, or that the contract.
    """
    use_threads(compute.threads)
    whole = load_drawing(start, prompts, unet, ray_film, card, contract)
    drawn_by = drawing_weights(unet, card)
    whole.to(device_of(compute.renderer))
    source = SampleTable.read(samples)
    rows, violations = [], dict.fromkeys(source.violations)
    folder = table.parent / "drawn"
    table.unlink(missing_ok=True)
    with whole_folder(folder) as partial:
        for row in tqdm(source.samples, desc=dataset_name, unit="sample", disable=None):
            sample = load_sample(samples, row)
            drawn = draw_sample(whole, sample, row.name, dataset, sampling)
            violations |= dict.fromkeys(contract_violations(drawn.cameras, contract))
            names = RELEASED_VIEWS if dataset.cameras == "released" else row.view_names
            rows.append(write_drawn_sample(partial, folder.name, drawn, names, sample, row))
    SampleTable(
        dataset=dataset_name,
        normalization=source.normalization,
        view_count=len(drawn.cameras),
        contract=contract.hash,
        violations=tuple(violations),
        samples=tuple(rows),
        drawn_by=once_each(source.drawn_by, drawn_by),
    ).write_with_lists(table)
    log.info("%s: %d samples of %d drawn views", table, len(rows), len(drawn.cameras))


def draw_sample(
    generator: Generator, sample: Sample, name: str, dataset: GeneratedDataset, sampling: SamplingPlan
) -> Sample:
    """Draw the views of one sample from its first view, over white, with the cameras that the generator is told.

    Its random numbers follow from `sampling.seed` and `name`.
    """
    seed = own_seed(sampling.seed, name)
    if dataset.cameras == "captured":
        drawn = generator.draw([sample], [sample.cameras], sampling, seed)[0]
        return Sample(sample.name, sample.cameras, _opaque(drawn, dataset.white))
    rig = rig_about(sample.cameras, generator.contract)
    if generator.film is None:
        drawn = generator.draw([sample], [rig], sampling, seed)[0]
    else:
        told = joined_cameras(sample.cameras[[0]], rig)
        drawn = generator.draw([sample], [told], sampling, seed)[0, 1:]
    return Sample(sample.name, rig, _opaque(drawn, dataset.white))


def rig_about(cameras: Cameras, contract: CameraContract) -> Cameras:
    """The released rig, turned about z until its front stands at the azimuth of the first of the cameras."""
    return turned_to_first(released_cameras(contract), cameras)


def load_drawing(
    start: Path, prompts: Path, unet: Path, ray_film: Path | None, card: Path, contract: CameraContract
) -> Generator:
    """Load a trained generator, once its weights are those of its card and made for this contract."""
    read_card_on(find_weights(unet), card, contract)
    return load_generator(start, prompts, unet, ray_film, contract)


def drawing_weights(unet: Path, card: Path) -> tuple[LicensedWeights, ...]:
    """A trained generator's weights with their license, and what they come of."""
    weights, told = find_weights(unet), WeightsCard.read(card)
    itself = LicensedWeights(file=str(weights), sha256=told.weights_sha256, license=told.license)
    return once_each([itself], told.origins)


def _opaque(drawn: Float[Tensor, "view 3 height width"], white: float) -> UInt8[Tensor, "view height width 4"]:
    """Pictures as RGBA: opaque, but for pixels that lack less than `white` of white in all colors."""
    colors = (255 * drawn.cpu()).round().to(torch.uint8).permute(0, 2, 3, 1)
    shown = ((1 - drawn.cpu()).amax(dim=1) >= white)[..., None]
    return torch.cat([colors, 255 * shown.to(torch.uint8)], dim=-1)
