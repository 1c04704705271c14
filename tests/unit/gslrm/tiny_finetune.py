"""A short fine-tuning, and the files it takes and makes."""

from pathlib import Path
from typing import NamedTuple

from mouse_facelift.settings import Compute, DeclaredWeights, FullFinetune, Losses

COMPUTE = Compute(threads=1, renderer="cpu")
L2_ALONE = Losses(
    l2=1.0,
    ssim=0.0,
    perceptual=0.0,
    lpips=0.0,
    pixelalign=0.0,
    pointsdist=0.0,
    alpha=0.0,
    masked=False,
    perceptual_weights=None,
    perceptual_license=None,
    lpips_weights=None,
    lpips_license=None,
)
FINETUNE = FullFinetune(
    method="full",
    steps=6,
    batch=2,
    accumulate=1,
    target_views=2,
    random_order=True,
    learns_from=None,
    losses=L2_ALONE,
    augmentation=None,
    learning_rate=1e-3,
    warmup_steps=2,
    weight_decay=0.05,
    gradient_clip=1.0,
    precision="float32",
    checkpoint_activations=False,
    ema=None,
    seed=0,
    checkpoint_every=4,
    guard=None,
    measured=None,
)
DECLARED = DeclaredWeights(row="checkpoints.small", domain="procedural", license="MIT", sha256=None)


class Checkpoint(NamedTuple):
    weights: Path
    config: Path


class Finetuned(NamedTuple):
    weights: Path
    card: Path
    diagnosis: Path
    metrics: Path
    state: Path
