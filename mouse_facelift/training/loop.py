"""The loop: a loss a step, clipping, an update, a state now and then."""

import logging
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm import tqdm

from mouse_facelift.settings import FullFinetune
from mouse_facelift.training.schedule import cosine_rate
from mouse_facelift.training.state import StateFolder

log = logging.getLogger(__name__)

BETAS = (0.9, 0.95)  # FaceLift's stage configurations
OUT_OF_TIME = 75  # EX_TEMPFAIL: the same command goes on where it stopped
LOG_EVERY = 25

# The loss of one step, to be lowered, and its peak signal to noise ratio (dB) for the log.
StepLoss = Callable[[torch.Generator], tuple[Tensor, float]]


@dataclass(frozen=True)
class Deadline:
    """Moment (time.monotonic) after which a training saves its state and leaves."""

    moment: float

    @classmethod
    def in_minutes(cls, minutes: float) -> "Deadline":
        return cls(time.monotonic() + 60 * minutes)

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
    model: nn.Module, step_loss: StepLoss, plan: FullFinetune, folder: StateFolder, deadline: Deadline
) -> list[dict[str, float]]:
    """Train `model` in place, from the folder's latest state if there is one; return a row of metrics a step.

    Randomness of step n comes from a generator seeded by (plan.seed, n) alone, so an interrupted run ends with the
    numbers of one in one piece. An update whose loss or gradient is not finite is left out and counted.

    Raises:
        ValueError: the state folder is held by another trainer or belongs to another training.
        SystemExit: with code 75 when the deadline passed; the state was saved and the same call goes on from it.
    """
    with folder.locked():
        optimizer = adamw(model, plan.learning_rate, plan.weight_decay)
        start, metrics = folder.resume(model, optimizer)
        if start:
            log.info("resuming at step %d of %d", start, plan.steps)
        progress = tqdm(range(start, plan.steps), initial=start, total=plan.steps, desc="training", disable=None)
        for step in progress:
            rate = cosine_rate(step + 1, plan.learning_rate, plan.warmup_steps, plan.steps + 1)
            row = _one_step(model, optimizer, step_loss, plan, step, rate)
            metrics.append(row)
            progress.set_postfix(psnr=f"{row['psnr']:.2f}", loss=f"{row['loss']:.5f}")
            done = step + 1
            if done % LOG_EVERY == 0 or done == plan.steps:
                recent = metrics[-LOG_EVERY:]
                psnr = sum(row["psnr"] for row in recent) / len(recent)
                log.info("step %d of %d: psnr %.2f dB, gradient norm %.3g", done, plan.steps, psnr, row["grad_norm"])
            if done % plan.checkpoint_every == 0 or done == plan.steps:
                folder.save(done, model, optimizer, metrics)
            elif deadline.passed:
                folder.save(done, model, optimizer, metrics)
                log.info("out of time at step %d of %d; the same command goes on from here", done, plan.steps)
                sys.exit(OUT_OF_TIME)
        return metrics


def _one_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    step_loss: StepLoss,
    plan: FullFinetune,
    step: int,
    rate: float,
) -> dict[str, float]:
    for group in optimizer.param_groups:
        group["lr"] = rate
    generator = torch.Generator().manual_seed(_step_seed(plan.seed, step))
    loss, psnr = step_loss(generator)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = float(nn.utils.clip_grad_norm_(model.parameters(), plan.gradient_clip))
    updated = math.isfinite(norm) and math.isfinite(loss.item())
    if updated:
        optimizer.step()
    return {
        "step": step + 1,
        "loss": loss.item(),
        "psnr": psnr,
        "grad_norm": norm,
        "learning_rate": rate,
        "updated": float(updated),
    }


def _step_seed(seed: int, step: int) -> int:
    """One 63-bit seed for each pair: an odd multiplier keeps pairs apart (Weyl sequence)."""
    return (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + 1) % 2**63
