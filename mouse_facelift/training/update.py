"""One update of the weights: gradients of all parts of a batch, clipping, optimizer, average."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from mouse_facelift.settings import TrainingPlan
from mouse_facelift.training.outcome import Seen, StepLoss, StepOutcome
from mouse_facelift.training.processes import Processes

LEAST_SCALE = 1.0  # a half-precision gradient that overflows at this scale is not the scaler's affair any more

# Whether a step's update should be made, by its loss and its gradient's norm before clipping (NaN if not computed).
Allowed = Callable[[float, float], bool]


@dataclass(frozen=True)
class Update:
    """What is told of an update."""

    loss: float
    psnr: float
    """dB, of the mean error over all parts"""
    terms: dict[str, float]
    """of the loss, before their weights"""
    seen: Seen | None
    grad_norm: float
    """before clipping; NaN where the loss was not finite"""
    made: bool
    ratio: float
    """length of the change of the trained weights, times their own length; NaN where none was made"""


def if_finite(loss: float, norm: float) -> bool:
    """Allow every update that can be computed."""
    return math.isfinite(loss) and math.isfinite(norm)


class Updater:
    """Optimizer, scaler of half-precision gradients, and average of a network in training."""

    def __init__(self, model: nn.Module, plan: TrainingPlan, processes: Processes) -> None:
        self.model = model
        self.gradient_clip = plan.gradient_clip
        self.processes = processes
        self.optimizer = adamw(model, plan.learning_rate, plan.weight_decay, plan.betas)
        device = next(model.parameters()).device.type
        self.scaler = torch.amp.GradScaler(device, enabled=plan.precision == "float16")
        self.average = None if plan.ema is None else Average(model, plan.ema_decay)

    def update(
        self, parts: Sequence[StepLoss], step: int, learning_rate: float, seed: int, allowed: Allowed = if_finite
    ) -> Update:
        """Lower the mean loss of the parts of a batch once; each part gets a generator of the same seed.

        Left out if the loss is not finite, or else its gradient, or if it is not allowed. Only where the loss is finite
        have gradients been unscaled, and the scaler learns of it: it would fail at an update without, and at the next
        unscaling if it did not learn. A gradient that overflows because it was scaled is nobody else's affair.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.zero_grad(set_to_none=True)
        outcomes = []
        for part in parts:
            outcome = part(torch.Generator().manual_seed(seed), step)
            torch.autograd.backward(self.scaler.scale(outcome.loss) / len(parts))
            outcomes.append(outcome)
        loss, psnr, terms = self._together(outcomes)
        seen = [outcome.seen for outcome in outcomes if outcome.seen is not None]
        norm, made, ratio = math.nan, False, math.nan
        if math.isfinite(loss):
            self.processes.average_gradients(self.model)
            self.scaler.unscale_(self.optimizer)
            norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), self.gradient_clip))
            overflowed = self.scaler.get_scale() > LEAST_SCALE and not math.isfinite(norm)
            made = not overflowed and allowed(loss, norm)
            if made:
                ratio = self._step()
            self.scaler.update()
        else:
            allowed(loss, norm)
        return Update(loss, psnr, terms, Seen.mean(seen) if seen else None, norm, made, ratio)

    def _together(self, outcomes: Sequence[StepOutcome]) -> tuple[float, float, dict[str, float]]:
        """Mean loss, PSNR of the mean error, and mean terms over the parts of all processes."""
        names = list(outcomes[0].terms)
        rows = [
            [outcome.loss.item(), _error(outcome.psnr), *(outcome.terms[name] for name in names)]
            for outcome in outcomes
        ]
        loss, error, *terms = self.processes.mean([sum(column) / len(rows) for column in zip(*rows, strict=True)])
        alone = len(rows) == self.processes.count == 1
        return loss, outcomes[0].psnr if alone else _decibels(error), dict(zip(names, terms, strict=True))

    def _step(self) -> float:
        """Make the update, let the average follow, and return how far it went."""
        trained = [parameter for _, parameter in _trained(self.model)]
        before = [parameter.detach().clone() for parameter in trained]
        self.scaler.step(self.optimizer)
        if self.average is not None:
            self.average.follow(self.model)
        moved = [now.detach() - then for now, then in zip(trained, before, strict=True)]
        length = float(nn.utils.get_total_norm(before))
        return float(nn.utils.get_total_norm(moved)) / max(length, 1e-12)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within, the network has the weights that would be written: the averaged ones, if they are averaged."""
        if self.average is None:
            yield
            return
        own = {name: parameter.detach().clone() for name, parameter in _trained(self.model)}
        self.average.give(self.model)
        yield
        with torch.no_grad():
            for name, parameter in _trained(self.model):
                parameter.copy_(own[name])

    def finish(self) -> None:
        """Give the network its averaged weights, if they are averaged."""
        if self.average is not None:
            self.average.give(self.model)

    def state_dict(self) -> dict[str, Any]:
        """All that decides the updates to come, beside the network's tensors."""
        return {
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "average": None if self.average is None else self.average.tensors,
            "averaged": 0 if self.average is None else self.average.updates,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        if self.average is not None:
            self.average.updates = state["averaged"]
            for name, tensor in self.average.tensors.items():
                tensor.copy_(state["average"][name])


class Average:
    """Exponential moving average of the trained parameters, from their values before training on."""

    def __init__(self, model: nn.Module, decay: Callable[[int], float | None]) -> None:
        self.decay = decay
        self.updates = 0
        self.tensors = {name: parameter.detach().clone() for name, parameter in _trained(model)}

    @torch.no_grad()
    def follow(self, model: nn.Module) -> None:
        """Move towards the network's parameters by 1 - decay of the way."""
        decay = self.decay(self.updates)
        assert decay is not None, "an average without decay"
        for name, parameter in _trained(model):
            self.tensors[name].lerp_(parameter, 1 - decay)
        self.updates += 1

    @torch.no_grad()
    def give(self, model: nn.Module) -> None:
        """Put the average in the parameters' place."""
        for name, parameter in _trained(model):
            parameter.copy_(self.tensors[name])


def adamw(model: nn.Module, learning_rate: float, weight_decay: float, betas: tuple[float, float]) -> torch.optim.AdamW:
    """Build AdamW that decays every trained tensor of two or more axes and no other.

    Source: weijielyu/FaceLift, which decays matrices and learned tokens, but not the weights of norms.
    """
    trained = [parameter for _, parameter in _trained(model)]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=betas)


def _trained(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]


def _error(psnr: float) -> float:
    return float(10 ** (-psnr / 10))


def _decibels(error: float) -> float:
    return -10 * math.log10(error) if error > 0 else math.nan
