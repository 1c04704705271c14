"""Rule `finetune_gslrm`: a pretrained network goes on learning from a sample table."""

from pathlib import Path

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.licensed import licenses_of, once_each
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.formats.whole import sha256, write_text_whole
from mouse_facelift.gslrm.adapters import ADAPTERS_FILE, write_adapters
from mouse_facelift.gslrm.causes import causes
from mouse_facelift.gslrm.declared import require_as_declared, require_size
from mouse_facelift.gslrm.draws import Draws
from mouse_facelift.gslrm.held_out import held_out_views
from mouse_facelift.gslrm.loading import load_gslrm
from mouse_facelift.gslrm.losses import compared_in, load_loss_networks
from mouse_facelift.gslrm.methods import prepare
from mouse_facelift.gslrm.network import Gslrm
from mouse_facelift.gslrm.objective import ReconstructionStep
from mouse_facelift.provenance import commit
from mouse_facelift.rendering.backends import device_of, use_threads
from mouse_facelift.settings import (
    CameraContract,
    Compute,
    DeclaredWeights,
    FinetunePlan,
    InputViews,
    Lora,
    TrainedMethod,
    digest,
)
from mouse_facelift.training.diagnose import diagnose
from mouse_facelift.training.guard import Guard
from mouse_facelift.training.honesty import require_honest, require_views
from mouse_facelift.training.leaving import Deadline
from mouse_facelift.training.loop import Looks, train
from mouse_facelift.training.lora import merge_lora
from mouse_facelift.training.precision import require_precision
from mouse_facelift.training.processes import Processes, joined_processes, require_shares, threads_of_each
from mouse_facelift.training.samples import TableSource
from mouse_facelift.training.state import StateFolder, metrics_csv
from mouse_facelift.training.trained import last_psnr, skipped_updates, weights_behind, write_weights


def finetune_gslrm(
    table: Path,
    checkpoint: Path,
    config: Path,
    declared: DeclaredWeights,
    domain: str,
    weights: Path,
    card: Path,
    diagnosis: Path,
    metrics: Path,
    state: Path,
    experiment: str,
    views: InputViews,
    finetune: TrainedMethod,
    contract: CameraContract,
    allow_broken_contract: bool,
    compute: Compute,
    code: str,
    minutes: int,
) -> None:
    """Fine-tune a network on the training split of `table`, by the method that `finetune` names.

    Writes `weights` (safetensors, the published names), `card`, `diagnosis`: what the plan's guard saw and did, and
    `metrics`, a row a step. A training that the guard stopped is no failure: its best weights are written, and the card
    says so. Adapters are merged into the weights, and also stand alone beside them.

    `state` is a folder outside the declared outputs; an interrupted run goes on from it to the same numbers. `declared`
    is of the checkpoint, `domain` of the table. Processes started by `torch.distributed.run` share the work; the first
    of them writes.

    Raises:
        FileNotFoundError: no file of a network that a loss compares with.
        ValueError: the data break the contract and the experiment does not allow it, or were made for another one, or
            have too few views; the checkpoint is not as declared, or does not fit its configuration, or that the
            contract; the method does not fit the network, the precision the device, or the batch the number of
            processes.
        SystemExit: with code 75 a little before `minutes` are over; the same call goes on.
    """
    deadline = Deadline.in_minutes(minutes)
    with joined_processes() as processes:
        use_threads(threads_of_each(compute.threads))
        samples = SampleTable.read(table)
        require_honest(samples, table, contract, allow_broken_contract, experiment)
        require_views(samples, table, f"experiments.{experiment}.views.inputs", views.most)
        require_views(samples, table, f"experiments.{experiment}.finetune.target_views", finetune.target_views)
        require_shares(f"experiments.{experiment}.finetune.batch", finetune.batch, processes)
        device = device_of(compute.renderer)
        require_precision(device, finetune.precision, f"experiments.{experiment}.finetune.precision")
        start = require_as_declared(checkpoint, config, declared)
        model = load_gslrm(checkpoint, config, finetune.checkpoint_activations)
        require_size(model.config, config, contract)
        prepare(model, finetune)
        model.to(device)
        networks = load_loss_networks(finetune.losses, device)
        parts = [
            ReconstructionStep(model, share, finetune, compute.renderer, networks, guard=finetune.guard)
            for share in _shares(TableSource(samples, table), views, finetune, processes)
        ]
        guard = _guard(finetune, model, samples, table, views, compute, experiment, processes)
        judges = compared_in(finetune.losses)
        parent = sha256(checkpoint)
        origins = once_each(weights_behind(checkpoint, start, declared), samples.drawn_by, judges)
        seen = [sha256(table), parent, sha256(config), code, *(judge.sha256 for judge in judges)]
        folder = StateFolder(state, digest(finetune, views, *seen))
        looks = _looks(finetune, model, samples, table, views, compute, experiment)
        rows = train(model, parts, finetune, folder, deadline, processes, guard, looks)
    if not processes.writes:
        return
    found = diagnose(guard, rows, experiment, lambda guard: causes(samples, table, contract, finetune, guard, rows))
    kept = rows if found.stopped is None else rows[: found.stopped.kept_step]
    found.write(diagnosis)
    write_text_whole(metrics, metrics_csv(rows))
    adapters = "none"
    if isinstance(finetune, Lora):
        alone = weights.with_name(ADAPTERS_FILE)
        write_adapters(alone, model, finetune.rank, finetune.alpha, finetune.targets)
        adapters = sha256(alone)
    merge_lora(model)
    write_weights(weights, model)
    WeightsCard(
        weights_sha256=sha256(weights),
        domain=domain,
        license=licenses_of(origins),
        origins=origins,
        network=model.config.model_dump_json(),
        parent=parent,
        trained_on=f"{samples.dataset}.{samples.normalization}: {len(samples.of_split('train'))} samples",
        contract=samples.contract,
        violations=samples.violations,
        settings=finetune.model_dump_json(),
        steps=len(kept),
        skipped_updates=skipped_updates(kept),
        status=found.status,
        adapters=adapters,
        code=code,
        commit=commit(),
        metrics=last_psnr(kept),
    ).write(card)
    folder.finish()


def _shares(source: TableSource, views: InputViews, finetune: FinetunePlan, processes: Processes) -> list[Draws]:
    """What this process draws of every step, in the parts that it computes one after another."""
    batch = finetune.batch * finetune.accumulate
    draws = Draws(source, batch, (views.least, views.most), random_order=finetune.random_order)
    return draws.shares(processes.count * finetune.accumulate)[processes.rank :: processes.count]


def _guard(
    finetune: FinetunePlan,
    model: Gslrm,
    samples: SampleTable,
    table: Path,
    views: InputViews,
    compute: Compute,
    experiment: str,
    processes: Processes,
) -> Guard | None:
    if finetune.guard is None:
        return None
    held_out = finetune.guard.held_out
    changes = {step + 1 for step in finetune.losses.changes}
    if held_out is None:
        return Guard(finetune.guard, None, processes, changes)
    field = f"experiments.{experiment}.finetune.guard.held_out"
    measure = held_out_views(model, samples, table, held_out, views.most, compute.renderer, field)
    return Guard(finetune.guard, measure, processes, changes)


def _looks(
    finetune: FinetunePlan,
    model: Gslrm,
    samples: SampleTable,
    table: Path,
    views: InputViews,
    compute: Compute,
    experiment: str,
) -> Looks | None:
    measured = finetune.measured
    if measured is None:
        return None
    field = f"experiments.{experiment}.finetune.measured"
    views_of = held_out_views(model, samples, table, measured, views.most, compute.renderer, field)
    return Looks(measured.steps, lambda: views_of.numbers(measured.near_white))
