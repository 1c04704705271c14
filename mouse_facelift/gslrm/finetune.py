"""Rule `finetune_gslrm`: a pretrained network goes on learning from a sample table."""

from pathlib import Path

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.formats.whole import sha256
from mouse_facelift.gslrm.diagnose import diagnose
from mouse_facelift.gslrm.draws import Draws
from mouse_facelift.gslrm.held_out import held_out_views
from mouse_facelift.gslrm.honesty import require_honest, require_size, require_views
from mouse_facelift.gslrm.loading import load_gslrm
from mouse_facelift.gslrm.network import Gslrm
from mouse_facelift.gslrm.objective import ReconstructionStep
from mouse_facelift.gslrm.sources import TableSource
from mouse_facelift.gslrm.trained import last_psnr, skipped_updates, write_weights
from mouse_facelift.provenance import commit
from mouse_facelift.rendering.backends import device_of, use_threads
from mouse_facelift.settings import CameraContract, Compute, FullFinetune, GuardedPlan, InputViews, digest
from mouse_facelift.training.guard import Guard
from mouse_facelift.training.loop import Deadline, train
from mouse_facelift.training.state import StateFolder


def finetune_gslrm(
    table: Path,
    checkpoint: Path,
    config: Path,
    weights: Path,
    card: Path,
    diagnosis: Path,
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

    Writes `weights` (safetensors, the published names), `card`, and `diagnosis`: what the plan's guard saw and did. A
    training that it stopped is no failure: its best weights are written, and the card says so. `state` is a folder
    outside the declared outputs; an interrupted run goes on from it to the same numbers.

    Raises:
        ValueError: the data break the contract and the experiment does not allow it, or were made for another one, or
            have too few views; the checkpoint does not fit its configuration, or that the contract.
        SystemExit: with code 75 a little before `minutes` are over; the same call goes on.
    """
    deadline = Deadline.in_minutes(minutes)
    use_threads(compute.threads)
    samples = SampleTable.read(table)
    require_honest(samples, table, contract, allow_broken_contract, experiment)
    require_views(samples, table, f"experiments.{experiment}.views.inputs", views.inputs)
    require_views(samples, table, f"experiments.{experiment}.finetune.target_views", finetune.target_views)
    model = load_gslrm(checkpoint, config)
    require_size(model.config, config, contract)
    step = ReconstructionStep(
        model.to(device_of(compute.renderer)),
        Draws(TableSource(samples, table), finetune.batch, (views.inputs, views.inputs)),
        target_views=finetune.target_views,
        backend=compute.renderer,
        precision=finetune.precision,
        guard=finetune.guard,
    )
    guard = _guard(finetune, model, samples, table, views, compute, experiment)
    parent = sha256(checkpoint)
    folder = StateFolder(state, digest(finetune, views, sha256(table), parent, sha256(config), code))
    metrics = train(model, step, finetune, folder, deadline, guard)
    found = diagnose(guard, metrics, samples, table, contract, finetune, experiment)
    kept = metrics if found.stopped is None else metrics[: found.stopped.kept_step]
    found.write(diagnosis)
    write_weights(weights, model)
    WeightsCard(
        weights_sha256=sha256(weights),
        parent=parent,
        trained_on=f"{samples.dataset}.{samples.normalization}: {len(samples.of_split('train'))} samples",
        contract=samples.contract,
        violations=samples.violations,
        settings=finetune.model_dump_json(),
        steps=len(kept),
        skipped_updates=skipped_updates(kept),
        status=found.status,
        code=code,
        commit=commit(),
        metrics=last_psnr(kept),
    ).write(card)
    folder.forget_states()


def _guard(
    finetune: GuardedPlan,
    model: Gslrm,
    samples: SampleTable,
    table: Path,
    views: InputViews,
    compute: Compute,
    experiment: str,
) -> Guard | None:
    if finetune.guard is None:
        return None
    held_out = finetune.guard.held_out
    if held_out is None:
        return Guard(finetune.guard, None)
    measure = held_out_views(model, samples, table, held_out, views.inputs, compute.renderer, experiment)
    return Guard(finetune.guard, measure)
