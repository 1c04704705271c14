"""Rule `pretrain_gslrm`: the small network from nothing, on procedural animals that are not the mouse."""

import json
import logging
import math
from pathlib import Path

import torch
from tqdm import tqdm

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.whole import sha256, write_text_whole
from mouse_facelift.gslrm.config import (
    RELEASED_ACTIVATIONS,
    GaussianHeads,
    GslrmConfig,
    ImageTokenizer,
    Transformer,
    Upsampler,
)
from mouse_facelift.gslrm.finetune import mean_psnr, write_weights
from mouse_facelift.gslrm.network import Gslrm, fresh_gslrm
from mouse_facelift.gslrm.objective import ReconstructionStep, predict
from mouse_facelift.gslrm.sources import PackSource
from mouse_facelift.provenance import commit
from mouse_facelift.rendering.render import Backend, render
from mouse_facelift.settings import CameraContract, Compute, Pretraining, digest
from mouse_facelift.training.loop import Deadline, train
from mouse_facelift.training.state import StateFolder

log = logging.getLogger(__name__)

FOREGROUND = 0.5  # alpha above it is animal, in the card's numbers


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
    picture and the mean color of the input views on their unseen views.
    """
    torch.set_num_threads(compute.threads)
    count, held_out = pretraining.animals.count, pretraining.animals.held_out
    network = small_config(pretraining, contract)
    model = fresh_gslrm(network, pretraining.training.seed)
    plan = pretraining.training
    step = ReconstructionStep(
        model,
        PackSource(animals, 0, count - held_out),
        batch=plan.batch,
        inputs=pretraining.inputs,
        target_views=plan.target_views,
        backend=compute.renderer,
    )
    identity = digest(pretraining, contract, code)
    folder = StateFolder(state, identity)
    metrics = train(model, step, plan, folder, Deadline.in_minutes(minutes))
    measured = measure(model, PackSource(animals, count - held_out, count), pretraining.inputs[1] - 1, compute.renderer)
    log.info("held-out animals: %s", measured)
    write_weights(weights, model)
    write_text_whole(config, json.dumps(network.model_dump(), indent=1) + "\n")
    WeightsCard(
        weights_sha256=sha256(weights),
        parent="none",
        trained_on=f"{count - held_out} procedural animals, none of them the mouse; {held_out} others held out",
        contract=contract.hash,
        violations=(),
        settings=pretraining.model_dump_json(),
        steps=plan.steps,
        skipped_updates=sum(1 for row in metrics if not row["updated"]),
        code=code,
        commit=commit(),
        metrics={"training_psnr_of_last_steps": mean_psnr(metrics), **measured},
    ).write(card)


@torch.no_grad()
def measure(model: Gslrm, source: PackSource, inputs: int, backend: Backend) -> dict[str, float]:
    """Mean PSNR (dB) over views that did not go in, whole picture and animal alone, beside two trivial answers.

    Trivial answers: a white picture, and a flat picture of the animal's mean color in the input views, cut out with
    the unseen view's own mask (which no real method knows).
    """
    sums: dict[str, float] = {}
    for index in tqdm(range(len(source)), desc="measuring", disable=None):
        sample = source.sample(index)
        views = len(sample.cameras)
        given = torch.arange(inputs) * views // inputs
        unseen = [view for view in range(views) if view not in given.tolist()]
        gaussians = predict(model, [sample], [given])[0]
        target, alpha = sample.over_white()[unseen], sample.alpha[unseen]
        animal = (alpha > FOREGROUND)[:, None].expand_as(target)
        seen, seen_animal = sample.over_white()[given], sample.alpha[given] > FOREGROUND
        mean_color = seen.permute(0, 2, 3, 1)[seen_animal].mean(dim=0)[None, :, None, None]
        cut_out = mean_color * alpha[:, None] + 1 - alpha[:, None]
        answers = {
            "network": render(gaussians, sample.cameras[unseen], backend).rgb.clamp(0, 1),
            "white": torch.ones_like(target),
            "mean_color_in_true_mask": cut_out,
        }
        for name, answer in answers.items():
            for part, pixels in (("psnr", torch.ones_like(animal)), ("psnr_foreground", animal)):
                error = float((answer - target)[pixels].square().mean())
                key = f"{name}_{part}"
                sums[key] = sums.get(key, 0.0) - 10 * math.log10(max(error, 1e-10)) / len(source)
    return {name: round(value, 3) for name, value in sums.items()}
