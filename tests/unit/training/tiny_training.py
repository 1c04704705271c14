"""A training small enough to run in milliseconds: a linear map, fitted to noisy pairs."""

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from mouse_facelift.settings import GuardPolicy, TrainingPlan
from mouse_facelift.training.guard import Guard
from mouse_facelift.training.leaving import Deadline
from mouse_facelift.training.loop import train
from mouse_facelift.training.outcome import StepOutcome
from mouse_facelift.training.state import StateFolder, StepMetrics
from mouse_facelift.training.update import StepLoss

NEVER = Deadline(math.inf)
ALREADY = Deadline(-math.inf)
PLAN = TrainingPlan(
    steps=12,
    batch=1,
    accumulate=1,
    learning_rate=0.05,
    warmup_steps=3,
    weight_decay=0.1,
    gradient_clip=1.0,
    precision="float32",
    checkpoint_activations=False,
    ema=None,
    seed=4,
    checkpoint_every=5,
)
POLICY = GuardPolicy.model_validate(
    {
        "window": 10,
        "least": 5,
        "every": 4,
        "slower": 0.5,
        "roll_backs": 2,
        "near_white": 0.9,
        "scale_edges": (0.01, 0.1),
        "not_finite": {"patience": 3, "action": "roll_back"},
        "loss": {"limit": 11.0, "patience": 3, "action": "roll_back"},
        "gradient_norm": {"limit": 11.0, "patience": 3, "action": "roll_back"},
        "update_ratio": {"limit": 0.2, "patience": 2, "action": "roll_back"},
        "white": {"limit": 0.5, "patience": 4, "action": "stop"},
        "opacity": {"limit": 5.0, "patience": 4, "action": "stop"},
        "scales": {"limit": 0.6, "patience": 4, "action": "stop"},
        "held_out": None,
    }
)
Wrap = Callable[[StepLoss], StepLoss]


def fresh_model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.LayerNorm(8), nn.Linear(8, 2))


def fitting(model: nn.Module) -> StepLoss:
    def step(generator: torch.Generator, number: int) -> StepOutcome:
        inputs = torch.randn(4, 3, generator=generator)
        loss = (model(inputs) - inputs[:, :2]).square().mean()
        return StepOutcome(loss, -10 * math.log10(loss.item()))

    return step


def run(
    folder: Path,
    plan: TrainingPlan,
    deadline: Deadline = NEVER,
    wrap: Wrap = lambda step: step,
    identity: str = "this",
    guard: Guard | None = None,
) -> tuple[dict[str, Tensor], list[StepMetrics]]:
    """Train a fresh model; its tensors and the metrics."""
    model = fresh_model()
    metrics = train(model, [wrap(fitting(model))], plan, StateFolder(folder, identity), deadline, guard=guard)
    return model.state_dict(), metrics
