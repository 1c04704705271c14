"""One update of the weights: gradients of all parts of a batch, clipping, optimizer, average."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mouse_facelift.settings import TrainingPlan
from mouse_facelift.training.processes import Processes

BETAS = (0.9, 0.95)  # FaceLift's stage configurations

# The loss of one part of a step's batch, to be lowered, and its peak signal to noise ratio (dB) for the log.
StepLoss = Callable[[torch.Generator], tuple[Tensor, float]]


@dataclass(frozen=True)
class Update:
    """What is told of an update."""

    loss: float
    psnr: float
    """dB, of the mean error over all parts"""
    grad_norm: float
    """before clipping; NaN where the loss was not finite"""
    made: bool


class Updater:
    """Optimizer, scaler of half-precision gradients, and average of a network in training."""

    def __init__(self, model: nn.Module, plan: TrainingPlan, processes: Processes) -> None:
        self.model = model
        self.gradient_clip = plan.gradient_clip
        self.processes = processes
        self.optimizer = adamw(model, plan.learning_rate, plan.weight_decay)
        device = next(model.parameters()).device.type
        self.scaler = torch.amp.GradScaler(device, enabled=plan.precision == "float16")
        self.average = None if plan.ema is None else Average(model, plan.ema)

    def update(self, parts: Sequence[StepLoss], learning_rate: float, seed: int) -> Update:
        """Lower the mean loss of the parts of a batch once; each part gets a generator of the same seed.

        Left out if the loss is not finite, or else its gradient. Only then have gradients been unscaled, and the
        scaler learns of it: it would fail at an update without, and at the next unscaling if it did not learn.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.zero_grad(set_to_none=True)
        losses, errors = [], []
        for part in parts:
            loss, psnr = part(torch.Generator().manual_seed(seed))
            torch.autograd.backward(self.scaler.scale(loss) / len(parts))
            losses.append(loss.item())
            errors.append(psnr)
        shared = self.processes.mean([sum(losses) / len(losses), _mean_error(errors)])
        loss_value, psnr = shared[0], _decibels(shared[1])
        if len(errors) == self.processes.count == 1:
            psnr = errors[0]
        if not math.isfinite(loss_value):
            return Update(loss_value, psnr, math.nan, made=False)
        self.processes.average_gradients(self.model)
        self.scaler.unscale_(self.optimizer)
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), self.gradient_clip))
        made = math.isfinite(norm)
        if made:
            self.scaler.step(self.optimizer)
            if self.average is not None:
                self.average.follow(self.model)
        self.scaler.update()
        return Update(loss_value, psnr, norm, made)

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
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        if self.average is not None:
            for name, tensor in self.average.tensors.items():
                tensor.copy_(state["average"][name])


class Average:
    """Exponential moving average of the trained parameters, from their values before training on."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors = {name: parameter.detach().clone() for name, parameter in _trained(model)}

    @torch.no_grad()
    def follow(self, model: nn.Module) -> None:
        """Move towards the network's parameters by 1 - decay of the way."""
        for name, parameter in _trained(model):
            self.tensors[name].lerp_(parameter, 1 - self.decay)

    @torch.no_grad()
    def give(self, model: nn.Module) -> None:
        """Put the average in the parameters' place."""
        for name, parameter in _trained(model):
            parameter.copy_(self.tensors[name])


def adamw(model: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """Build AdamW that decays every trained tensor of two or more axes and no other.

    Source: weijielyu/FaceLift, which decays matrices and learned tokens, but not the weights of norms.
    """
    trained = [parameter for _, parameter in _trained(model)]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=BETAS)


def _trained(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]


def _mean_error(psnrs: Sequence[float]) -> float:
    return sum(10 ** (-psnr / 10) for psnr in psnrs) / len(psnrs)


def _decibels(error: float) -> float:
    return -10 * math.log10(error) if error > 0 else math.nan
