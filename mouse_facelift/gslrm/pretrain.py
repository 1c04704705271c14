"""Rule `pretrain_gslrm`: the small network from nothing, on procedural animals that are not the mouse."""

import json
import logging
from pathlib import Path

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.licensed import all_of
from mouse_facelift.formats.packs import Pack
from mouse_facelift.formats.whole import sha256, write_text_whole
from mouse_facelift.geometry.contract import require_contract
from mouse_facelift.gslrm.config import (
    RELEASED_ACTIVATIONS,
    GaussianHeads,
    GslrmConfig,
    ImageTokenizer,
    Transformer,
    Upsampler,
)
from mouse_facelift.gslrm.draws import Draws
from mouse_facelift.gslrm.losses import compared_in, load_loss_networks
from mouse_facelift.gslrm.measure import measure_unseen_views
from mouse_facelift.gslrm.network import fresh_gslrm
from mouse_facelift.gslrm.objective import ReconstructionStep, SurfaceStep
from mouse_facelift.gslrm.start import attend_to_alike
from mouse_facelift.gslrm.surface import SurfaceError
from mouse_facelift.provenance import commit
from mouse_facelift.rendering.backends import device_of, use_threads
from mouse_facelift.settings import CameraContract, Compute, Pretraining, digest
from mouse_facelift.training.leaving import Deadline
from mouse_facelift.training.loop import train
from mouse_facelift.training.precision import require_precision
from mouse_facelift.training.samples import AnimalSource, read_packs
from mouse_facelift.training.state import StateFolder
from mouse_facelift.training.trained import last_psnr, skipped_updates, write_weights

DOMAIN = "procedural"

log = logging.getLogger(__name__)


def small_config(pretraining: Pretraining, contract: CameraContract) -> GslrmConfig:
    """The released architecture at small sizes: only sizes and the bias of the log-scales differ."""
    size = pretraining.network
    return GslrmConfig(
        image_tokenizer=ImageTokenizer(image_size=contract.image_size, patch_size=size.patch_size, in_channels=9),
        transformer=Transformer(d=size.width, d_head=size.head_width, n_layer=size.layers),
        gaussians=GaussianHeads(n_gaussians=2, sh_degree=0, upsampler=Upsampler(upsample_factor=1)),
        activations=RELEASED_ACTIVATIONS.model_copy(update={"scale_bias": size.scale_bias}),
        add_refsrc_marker=False,
        hard_pixelalign=True,
        use_custom_plucker=True,
        clip_xyz_applied=False,
        num_input_views=pretraining.inputs[1],
        num_views=pretraining.animals.views,
    )


def pretrain_gslrm(
    animals: Path,
    weights: Path,
    config: Path,
    card: Path,
    state: Path,
    pretraining: Pretraining,
    contract: CameraContract,
    compute: Compute,
    code: str,
    minutes: int,
) -> None:
    """Train the small network on the packs in folder `animals`; write weights, configuration and card.

    The last `held_out` animals of the packs only measure: the card says by how much the network beats a white
    picture and the painted visual hull of the input views on their unseen views. `state` is a folder outside the
    declared outputs; an interrupted run goes on from it to the same numbers.

    `surface_training` comes first, then `training`, each with its own rates and states.

    Raises:
        FileNotFoundError: there are no packs, or no file of a network that a loss compares with.
        ValueError: the packs were made for other settings.
        SystemExit: with code 75 a little before `minutes` are over; the same call goes on.
    """
    deadline = Deadline.in_minutes(minutes)
    use_threads(compute.threads)
    packs = read_packs(animals)
    count, held_out = pretraining.animals.count, pretraining.animals.held_out
    _require_fitting(packs, animals, pretraining, contract)
    network = small_config(pretraining, contract)
    first, plan = pretraining.surface_training, pretraining.training
    model = fresh_gslrm(network, first.seed)
    attend_to_alike(model, pretraining.start, first.seed)
    device = device_of(compute.renderer)
    require_precision(device, first.precision, "pretraining.surface_training.precision")
    require_precision(device, plan.precision, "pretraining.training.precision")
    model.to(device)
    source = AnimalSource(packs, 0, count - held_out)
    surface = SurfaceError(source, network, pretraining.surface_loss)
    learned = pretraining.model_dump_json(exclude={"training"})
    folders = [StateFolder(state / "surface", digest(learned, contract, code))]
    model.checkpoint_activations = first.checkpoint_activations
    draws = Draws(source, first.batch * first.accumulate, pretraining.inputs, around=True).shares(first.accumulate)
    surface_parts = [SurfaceStep(model, share, first.precision, surface) for share in draws]
    train(model, surface_parts, first, folders[0], deadline)
    judges = compared_in(plan.losses)
    folders.append(
        StateFolder(state / "pictures", digest(pretraining, contract, code, *(judge.sha256 for judge in judges)))
    )
    model.checkpoint_activations = plan.checkpoint_activations
    draws = Draws(source, plan.batch * plan.accumulate, pretraining.inputs, around=True).shares(plan.accumulate)
    networks = load_loss_networks(plan.losses, device_of(compute.renderer))
    parts = [ReconstructionStep(model, share, plan, compute.renderer, networks, surface) for share in draws]
    metrics = train(model, parts, plan, folders[1], deadline)
    held_out_animals = AnimalSource(packs, count - held_out, count)
    # One less than the most it was trained with: as when one view of a rig is held out.
    measured = measure_unseen_views(model, held_out_animals, pretraining.inputs[1] - 1, compute.renderer)
    log.info("held-out animals: %s", measured)
    write_weights(weights, model)
    write_text_whole(config, json.dumps(network.model_dump(), indent=1) + "\n")
    WeightsCard(
        weights_sha256=sha256(weights),
        domain=DOMAIN,
        license=all_of([pretraining.license, *(judge.license for judge in judges)]),
        origins=judges,
        network=network.model_dump_json(),
        parent="none",
        trained_on=f"{count - held_out} procedural animals, none of them the mouse; {held_out} others held out",
        contract=contract.hash,
        violations=(),
        settings=pretraining.model_dump_json(),
        steps=first.steps + plan.steps,
        skipped_updates=skipped_updates(metrics),
        status="complete",
        adapters="none",
        code=code,
        commit=commit(),
        metrics=last_psnr(metrics) | measured,
    ).write(card)
    for folder in folders:
        folder.finish()


def _require_fitting(packs: list[Pack], animals: Path, pretraining: Pretraining, contract: CameraContract) -> None:
    """Raise ValueError unless there are as many animals and views as configured, seen by cameras on the contract."""
    cameras = AnimalSource(packs, 0, 1).sample(0).cameras
    counts = {
        "count": (sum(len(pack.images) for pack in packs), pretraining.animals.count),
        "views": (len(cameras), pretraining.animals.views),
    }
    for field, (found, expected) in counts.items():
        if found != expected:
            raise ValueError(f"{animals}: found {found}, expected {expected} (pretraining.animals.{field})")
    require_contract(cameras, contract, str(animals))
