"""A short fine-tuning, and the files it takes and makes."""

from pathlib import Path
from typing import NamedTuple

from mouse_facelift.settings import Compute, FullFinetune

COMPUTE = Compute(threads=1, renderer="cpu")
FINETUNE = FullFinetune(
    method="full",
    steps=6,
    batch=2,
    target_views=2,
    learning_rate=1e-3,
    warmup_steps=2,
    weight_decay=0.05,
    gradient_clip=1.0,
    precision="float32",
    seed=0,
    checkpoint_every=4,
    guard=None,
)


class Checkpoint(NamedTuple):
    weights: Path
    config: Path


class Finetuned(NamedTuple):
    weights: Path
    card: Path
    diagnosis: Path
    state: Path
