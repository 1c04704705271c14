"""Rule `finetune_gslrm`: a pretrained network goes on learning from a sample table."""

import logging
from pathlib import Path

import torch
from safetensors.torch import save

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.formats.whole import sha256, whole_file
from mouse_facelift.gslrm.loading import load_gslrm
from mouse_facelift.gslrm.network import Gslrm
from mouse_facelift.gslrm.objective import ReconstructionStep
from mouse_facelift.gslrm.sources import TableSource
from mouse_facelift.provenance import commit
from mouse_facelift.settings import CameraContract, Compute, FullFinetune, InputViews, digest
from mouse_facelift.training.loop import Deadline, train
from mouse_facelift.training.state import StateFolder

log = logging.getLogger(__name__)

LAST_STEPS = 50  # steps whose mean stands in a card


def finetune_gslrm(
    table: Path,
    checkpoint: Path,
    config: Path,
    weights: Path,
    card: Path,
    state: Path,
    experiment: str,
    views: InputViews,
    finetune: FullFinetune,
    contract: CameraContract,
    allow_broken_contract: bool,
    compute: Compute,
    code: str,
    minutes: int,
) -> None:
    """Fine-tune every parameter on the training split of `table`.

    Writes `weights` (safetensors, the published names) and `card`. `state` is a folder outside the declared outputs;
    an interrupted run goes on from it to the same numbers.

    Raises:
        ValueError: the data break the contract and the experiment does not allow it, or were made for another one;
            the checkpoint does not fit its configuration.
    """
    torch.set_num_threads(compute.threads)
    samples = SampleTable.read(table)
    require_honest(samples, table, contract, allow_broken_contract, experiment)
    model = load_gslrm(checkpoint, config)
    step = ReconstructionStep(
        model,
        TableSource(table),
        batch=finetune.batch,
        inputs=(views.inputs, views.inputs),
        target_views=finetune.target_views,
        backend=compute.renderer,
    )
    parent = sha256(checkpoint)
    identity = digest(finetune, views, sha256(table), parent, sha256(config), code)
    metrics = train(model, step, finetune, StateFolder(state, identity), Deadline.in_minutes(minutes))
    write_weights(weights, model)
    WeightsCard(
        weights_sha256=sha256(weights),
        parent=parent,
        trained_on=f"{samples.dataset}.{samples.normalization}: {len(samples.of_split('train'))} samples",
        contract=samples.contract,
        violations=samples.violations,
        settings=finetune.model_dump_json(),
        steps=finetune.steps,
        skipped_updates=sum(1 for row in metrics if not row["updated"]),
        code=code,
        commit=commit(),
        metrics={"training_psnr_of_last_steps": mean_psnr(metrics)},
    ).write(card)


def require_honest(
    samples: SampleTable, table: Path, contract: CameraContract, allow_broken_contract: bool, experiment: str
) -> None:
    """Raise ValueError if a table's cameras break the contract and the experiment does not say that they may."""
    if samples.contract != contract.hash:
        raise ValueError(
            f"{table}: contract: made for {samples.contract}, but the config's camera_contract is {contract.hash}"
        )
    if samples.violations and not allow_broken_contract:
        listed = "\n  ".join(samples.violations[:6])
        raise ValueError(
            f"experiment {experiment}: {table} (normalization {samples.normalization}) breaks the camera contract:\n"
            f"  {listed}\nset experiments.{experiment}.allow_broken_contract: true to see what that does"
        )


def write_weights(path: Path, model: Gslrm) -> None:
    """Write the network's tensors as safetensors, whole; the same tensors give the same bytes."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with whole_file(path) as partial:
        partial.write_bytes(save(tensors))


def mean_psnr(metrics: list[dict[str, float]]) -> float:
    """Mean training PSNR of the last steps, dB."""
    recent = [row["psnr"] for row in metrics[-LAST_STEPS:]]
    return sum(recent) / len(recent)
