"""The loop: a loss a step, clipping, an update, a state now and then."""

import logging
import math
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import nn
from tqdm import tqdm

from mouse_facelift.settings import TrainingPlan
from mouse_facelift.training.guard import Guard
from mouse_facelift.training.outcome import StepOutcome
from mouse_facelift.training.schedule import cosine_rate
from mouse_facelift.training.state import StateFolder, StepMetrics

log = logging.getLogger(__name__)

BETAS = (0.9, 0.95)  # FaceLift's stage configurations
OUT_OF_TIME = 75  # EX_TEMPFAIL: the same command goes on where it stopped
LOG_EVERY = 25
MARGIN = 0.1  # of a job's time, kept for the last step and for saving
LONGEST_MARGIN = 180.0  # s

StepLoss = Callable[[torch.Generator], StepOutcome]


@dataclass(frozen=True)
class Deadline:
    """Moment (time.monotonic) after which a training saves its state and leaves."""

    moment: float

    @classmethod
    def in_minutes(cls, minutes: int) -> "Deadline":
        """A little before a job that starts now and may take so many minutes is stopped from outside."""
        seconds = 60 * minutes
        return cls(time.monotonic() + seconds - min(MARGIN * seconds, LONGEST_MARGIN))

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self.moment


def adamw(model: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """Build AdamW that decays every trained tensor of two or more axes and no other.

    Source: weijielyu/FaceLift, which decays matrices and learned tokens, but not the weights of norms.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=BETAS)


def train(
    model: nn.Module,
    step_loss: StepLoss,
    plan: TrainingPlan,
    folder: StateFolder,
    deadline: Deadline,
    guard: Guard | None = None,
) -> list[StepMetrics]:
    """Train `model` in place, from the folder's latest state if there is one; return the metrics of every step.

    Randomness of step n comes from a generator seeded by (plan.seed, n) alone, so an interrupted run ends with the
    numbers of one in one piece. An update whose loss or gradient is not finite is left out and counted. A guard may
    leave out others, take the model back, or stop the training, which then ends with the best weights it saw.

    Raises:
        ValueError: the state folder is held by another trainer or belongs to another training.
        SystemExit: with code 75 when the deadline passed; the state was saved and the same call goes on from it. Every
            call takes one step at least.
    """
    with folder.locked():
        optimizer = adamw(model, plan.learning_rate, plan.weight_decay)
        start, metrics = folder.resume(model, optimizer, guard)
        if guard is not None:
            guard.begin({"model": model, "optimizer": optimizer})
        if start:
            log.info("resuming at step %d of %d", start, plan.steps)
        progress = tqdm(range(start, plan.steps), initial=start, total=plan.steps, desc="training", disable=None)
        for step in progress:
            if guard is not None and guard.stopped is not None:
                break
            row = _one_step(model, optimizer, step_loss, plan, step, guard)
            metrics.append(row)
            progress.set_postfix(psnr=f"{row['psnr']:.2f}", loss=f"{row['loss']:.5f}")
            done = step + 1
            finished = done == plan.steps or (guard is not None and guard.stopped is not None)
            if finished or done % LOG_EVERY == 0:
                _log_recent(metrics, plan.steps)
            leaving = deadline.passed and not finished
            if finished or leaving or done % plan.checkpoint_every == 0:
                folder.save(done, model, optimizer, metrics, guard)
            if leaving:
                log.info("out of time at step %d of %d; the same command goes on from here", done, plan.steps)
                sys.exit(OUT_OF_TIME)
        if guard is not None and guard.stopped is not None:
            guard.keep_best()
        return metrics


def _one_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    step_loss: StepLoss,
    plan: TrainingPlan,
    step: int,
    guard: Guard | None,
) -> StepMetrics:
    rate = cosine_rate(step + 1, plan.learning_rate, plan.warmup_steps, plan.steps + 1)
    if guard is not None:
        rate *= guard.rate
    for group in optimizer.param_groups:
        group["lr"] = rate
    outcome = step_loss(torch.Generator().manual_seed(_step_seed(plan.seed, step)))
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(outcome.loss)
    norm = float(nn.utils.clip_grad_norm_(model.parameters(), plan.gradient_clip))
    loss = outcome.loss.item()
    updated = math.isfinite(norm) and math.isfinite(loss)
    if guard is not None:
        updated = guard.allows(step + 1, loss, norm)
    elif not updated:
        log.warning("step %d: loss %g, gradient norm %g: update left out", step + 1, loss, norm)
    if updated:
        with nullcontext() if guard is None else guard.measuring_update(model):
            optimizer.step()
    row: StepMetrics = {
        "step": step + 1,
        "loss": loss,
        "psnr": outcome.psnr,
        "grad_norm": norm,
        "learning_rate": rate,
        "updated": float(updated),
    }
    if guard is not None:
        row |= guard.judge(step + 1, outcome.seen, last=step + 1 == plan.steps)
    return row


def _log_recent(metrics: list[StepMetrics], steps: int) -> None:
    recent = metrics[-LOG_EVERY:]
    psnr = sum(row["psnr"] for row in recent) / len(recent)
    last = recent[-1]
    loss = sum(row["loss"] for row in recent) / len(recent)
    log.info(
        "step %d of %d: loss %.5f, psnr %.2f dB, gradient norm %.3g", last["step"], steps, loss, psnr, last["grad_norm"]
    )


def _step_seed(seed: int, step: int) -> int:
    """One 63-bit seed for each pair: odd multipliers keep the steps of a seed apart (Weyl sequence)."""
    return (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + 1) % 2**63
