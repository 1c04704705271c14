"""The loop: a loss a step, clipping, an update, a state now and then."""

import logging
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from torch import nn
from tqdm import tqdm

from mouse_facelift.settings import TrainingPlan
from mouse_facelift.training.guard import Guard
from mouse_facelift.training.leaving import Deadline, signals_ask
from mouse_facelift.training.outcome import StepLoss
from mouse_facelift.training.processes import ALONE, Processes
from mouse_facelift.training.schedule import constant_rate, cosine_rate
from mouse_facelift.training.state import StateFolder, StepMetrics
from mouse_facelift.training.update import Updater, if_finite

log = logging.getLogger(__name__)

OUT_OF_TIME = 75  # EX_TEMPFAIL: the same command goes on where it stopped
LOG_EVERY = 25


@dataclass(frozen=True)
class Looks:
    """What is measured of the weights as they would be written, for the metrics alone, after some steps."""

    steps: tuple[int, ...]
    measure: Callable[[], Mapping[str, float]]


def train(
    model: nn.Module,
    parts: Sequence[StepLoss],
    plan: TrainingPlan,
    folder: StateFolder,
    deadline: Deadline,
    processes: Processes = ALONE,
    guard: Guard | None = None,
    looks: Looks | None = None,
) -> list[StepMetrics]:
    """Train `model` in place, from the folder's latest state if there is one; return the metrics of every step.

    `parts` are this process's shares of every step's batch, computed one after another. Where the plan averages
    weights, the model has the averaged ones at the end.

    Randomness of step n comes from a generator seeded by (plan.seed, n) alone, so an interrupted run ends with the
    numbers of one in one piece. An update whose loss or gradient is not finite is left out and counted. A guard may
    leave out others, take the model back, or stop the training, which then ends with the best weights it saw. `looks`
    add numbers to the metrics of their steps.

    Raises:
        ValueError: the state folder is held by another trainer or belongs to another training.
        SystemExit: with code 75 when the deadline passed, or SIGTERM or SIGUSR1 came; the state was saved and the same
            call goes on from it. Every call takes one step at least.
    """
    with folder.locked() if processes.writes else nullcontext(), signals_ask() as asked:
        updater = Updater(model, plan, processes)
        start, metrics = folder.resume(model, updater, guard)
        processes.wait()  # so that nobody saves, and drops old states, while another still reads
        if guard is not None:
            guard.begin({"model": model, "updater": updater}, updater.averaged)
        if start and processes.writes:
            log.info("resuming at step %d of %d", start, plan.steps)
        quiet = None if processes.writes else True
        progress = tqdm(range(start, plan.steps), initial=start, total=plan.steps, desc="training", disable=quiet)
        for step in progress:
            if _stopped(guard):
                break
            row = _one_step(updater, parts, plan, step, guard)
            if looks is not None and step + 1 in looks.steps:
                with updater.averaged():
                    row |= looks.measure()
            metrics.append(row)
            progress.set_postfix(_told(row))
            done = step + 1
            finished = done == plan.steps or _stopped(guard)
            must_leave = deadline.passed or asked.by is not None
            leaving = processes.mean([float(must_leave)])[0] > 0 and not finished
            if processes.writes and (finished or done % LOG_EVERY == 0):
                _log_recent(metrics, plan.steps)
            if processes.writes and (finished or leaving or done % plan.checkpoint_every == 0):
                folder.save(done, model, updater, metrics, guard)
            if leaving:
                why = "out of time" if asked.by is None else f"asked to leave by {asked.by.name}"
                log.info("%s at step %d of %d; the same command goes on from here", why, done, plan.steps)
                sys.exit(OUT_OF_TIME)
        if guard is not None and guard.stopped is not None:
            guard.keep_best()
        else:
            updater.finish()
        return metrics


def _stopped(guard: Guard | None) -> bool:
    return guard is not None and guard.stopped is not None


def _one_step(
    updater: Updater, parts: Sequence[StepLoss], plan: TrainingPlan, step: int, guard: Guard | None
) -> StepMetrics:
    rate = constant_rate(step + 1, plan.learning_rate, plan.warmup_steps)
    if plan.rate_falls:
        rate = cosine_rate(step + 1, plan.learning_rate, plan.warmup_steps, plan.steps + 1)
    if guard is not None:
        rate *= guard.rate
    allowed = if_finite if guard is None else guard.at(step + 1)
    update = updater.update(parts, step, rate, _step_seed(plan.seed, step), allowed)
    if not update.made:
        log.warning("step %d: loss %g, gradient norm %g: update left out", step + 1, update.loss, update.grad_norm)
    row: StepMetrics = {
        "step": step + 1,
        "loss": update.loss,
        "psnr": update.psnr,
        **{f"loss_{name}": value for name, value in update.terms.items()},
        "grad_norm": update.grad_norm,
        "learning_rate": rate,
        "update_ratio": update.ratio,
        "updated": float(update.made),
    }
    if guard is not None:
        row |= guard.judge(step + 1, update.ratio, update.seen, last=step + 1 == plan.steps)
    return row


def _told(row: StepMetrics) -> dict[str, str]:
    """What the progress bar tells of a step; some trainings render nothing."""
    psnr = {"psnr": f"{row['psnr']:.2f}"} if math.isfinite(row["psnr"]) else {}
    return psnr | {"loss": f"{row['loss']:.5f}"}


def _log_recent(metrics: list[StepMetrics], steps: int) -> None:
    recent = metrics[-LOG_EVERY:]
    psnr = sum(row["psnr"] for row in recent) / len(recent)
    last = recent[-1]
    loss = sum(row["loss"] for row in recent) / len(recent)
    drawn = f"psnr {psnr:.2f} dB, " if math.isfinite(psnr) else ""
    log.info("step %d of %d: loss %.5f, %sgradient norm %.3g", last["step"], steps, loss, drawn, last["grad_norm"])


def _step_seed(seed: int, step: int) -> int:
    """One 63-bit seed for each pair: odd multipliers keep the steps of a seed apart (Weyl sequence)."""
    return (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + 1) % 2**63
