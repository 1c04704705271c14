"""Rule `pretrain_mvdiffusion`: the shipped view generator learns from procedural animals, from nothing."""

import logging
from pathlib import Path

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.tensors import write_tensors
from mouse_facelift.formats.whole import sha256, whole_folder
from mouse_facelift.mvdiffusion.fresh import write_fresh_generator
from mouse_facelift.mvdiffusion.generator import Generator, load_start
from mouse_facelift.mvdiffusion.loading import find_weights
from mouse_facelift.mvdiffusion.measure import mean_picture, measure_unseen_objects
from mouse_facelift.mvdiffusion.ray_film import fresh_ray_film, write_ray_film
from mouse_facelift.mvdiffusion.step import GenerationStep
from mouse_facelift.provenance import commit
from mouse_facelift.rendering.backends import device_of, use_threads
from mouse_facelift.settings import CameraContract, Compute, GeneratorPretraining, digest
from mouse_facelift.training.leaving import Deadline
from mouse_facelift.training.loop import train
from mouse_facelift.training.precision import require_precision
from mouse_facelift.training.samples import AnimalSource, read_packs
from mouse_facelift.training.state import StateFolder
from mouse_facelift.training.trained import skipped_updates

log = logging.getLogger(__name__)

MEAN_OF = 500  # animals, whose views are the mean picture
FOLDER, PROMPTS, FILM, CARD = "pipeckpts", "prompts.pt", "ray_film.safetensors", "card.json"


def pretrain_mvdiffusion(
    animals: Path,
    generator: Path,
    state: Path,
    held_out: int,
    pretraining: GeneratorPretraining,
    contract: CameraContract,
    compute: Compute,
    code: str,
    minutes: int,
) -> None:
    """Train a fresh view generator on the packs in folder `animals`, all but the last `held_out` of them.

    Writes the folder `generator`: a `pipeckpts/` folder, the prompts, what reads rays, and the card, which tells what
    the generator is worth on the animals held out; the UNet in half precision. `state` is a folder outside the declared
    outputs; an interrupted run goes on from it to the same numbers.

    Raises:
        FileNotFoundError: there are no packs.
        ValueError: sizes do not fit the contract's pictures.
        SystemExit: with code 75 a little before `minutes` are over; the same call goes on.
    """
    deadline = Deadline.in_minutes(minutes)
    use_threads(compute.threads)
    plan, device = pretraining.training, device_of(compute.renderer)
    require_precision(device, plan.precision, "generator_pretraining.training.precision")
    packs = read_packs(animals)
    count = sum(len(pack.images) for pack in packs) - held_out
    source = AnimalSource(packs, 0, count)
    with whole_folder(generator) as partial:
        write_fresh_generator(partial / FOLDER, partial / PROMPTS, pretraining.size, contract.image_size)
        pipeline, prompts = load_start(partial / FOLDER, partial / PROMPTS, contract)
        film = fresh_ray_film(pipeline.unet, plan.seed, pretraining.conditioning.width).to(device)
        whole = Generator(pipeline.to(device), prompts, film, contract)
        views = [list(range(source.view_count(index))) for index in range(len(source))]
        step = GenerationStep(whole, source, views, plan, "rotated", pretraining.conditioning)
        folder = StateFolder(state, digest(pretraining, contract, code))
        metrics = train(whole.trained.train(), step.shares(plan.accumulate), plan, folder, deadline)
        whole.trained.eval()
        worth = measure_unseen_objects(
            whole,
            AnimalSource(packs, count, count + held_out),
            mean_picture(source, MEAN_OF),
            pretraining.sampling,
        )
        log.info("held-out animals: %s", worth)
        weights = find_weights(partial / FOLDER / "unet")
        write_tensors(weights, {name: tensor.half() for name, tensor in pipeline.unet.state_dict().items()})
        write_ray_film(partial / FILM, film)
        WeightsCard(
            weights_sha256=sha256(weights),
            domain=pretraining.size.domain,
            license=pretraining.size.license,
            origins=(),
            network=pipeline.unet.released_config.model_dump_json(by_alias=True),
            parent="none",
            trained_on=f"{count} procedural animals, none of them the mouse; {held_out} others held out",
            contract=contract.hash,
            violations=(),
            settings=pretraining.model_dump_json(),
            steps=plan.steps,
            skipped_updates=skipped_updates(metrics),
            status="complete",
            adapters="none",
            code=code,
            commit=commit(),
            metrics=worth,
        ).write(partial / CARD)
    folder.finish()
