"""Weights, how they are trained, and the experiments that use them."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from mouse_facelift.settings.base import Section
from mouse_facelift.settings.guard import GuardPolicy


class Checkpoint(Section):
    weights: str
    config: str


class InputViews(Section):
    """Which views go in. Held-out views are predicted but never seen."""

    inputs: PositiveInt
    """views given to the network; each view is held out in turn when fewer than all go in"""


class NoFinetune(Section):
    method: Literal["none"]


Precision = Literal["float32", "bfloat16"]


class TrainingPlan(Section):
    """How long and how fast a network learns."""

    steps: PositiveInt
    batch: PositiveInt
    """samples a step"""
    learning_rate: PositiveFloat
    warmup_steps: NonNegativeInt
    weight_decay: NonNegativeFloat
    gradient_clip: PositiveFloat
    """total norm"""
    precision: Precision
    """of the products inside the transformer's blocks; weights, geometry and renderings are single"""
    seed: NonNegativeInt
    checkpoint_every: PositiveInt
    """steps between two saved states from which an interrupted run goes on"""


class RenderedPlan(TrainingPlan):
    target_views: PositiveInt
    """views rendered and compared for each sample, inputs among them"""


class GuardedPlan(RenderedPlan):
    guard: GuardPolicy | None
    """null: nothing watches"""


class FullFinetune(GuardedPlan):
    method: Literal["full"]


Finetune = Annotated[NoFinetune | FullFinetune, Field(discriminator="method")]


class Experiment(Section):
    """One row of the results."""

    dataset: str
    normalization: str
    allow_broken_contract: bool
    checkpoint: str
    views: InputViews
    finetune: Finetune


class Animals(Section):
    """Procedural animals, seen by contract cameras, on which the small network is pretrained."""

    count: PositiveInt
    held_out: PositiveInt
    """animals of the count that only measure"""
    views: PositiveInt
    seed: NonNegativeInt


class GslrmSize(Section):
    """Sizes of a network that is trained from nothing."""

    patch_size: PositiveInt
    width: PositiveInt
    head_width: PositiveInt
    layers: PositiveInt
    scale_bias: float
    """added to raw log-scales; the released network has -2.3 at 512 px"""


class Start(Section):
    """Where a network that is trained from nothing departs from the published draw of fresh weights."""

    attention: PositiveFloat
    """queries and keys start as the same orthonormal projections times this, so that like tokens attend to like"""
    rays: PositiveFloat
    """times the drawn weights of the tokenizer's ray channels"""


class SurfaceLoss(Section):
    """Weights of what is known of procedural animals beside their pictures."""

    depth: NonNegativeFloat
    """of the mean distance, in world units along the camera's axis, between the surface and the pixels' Gaussians"""
    color: NonNegativeFloat
    """of the mean distance, in 0..1, between the pictures' colors and those of the pixels' Gaussians"""
    opacity: NonNegativeFloat
    """of the binary cross entropy between the opacity of pixels' Gaussians and the pictures' alpha"""


class Pretraining(Section):
    animals: Animals
    network: GslrmSize
    start: Start
    surface_loss: SurfaceLoss
    inputs: tuple[PositiveInt, PositiveInt]
    """least and most input views, drawn anew each step"""
    surface_training: TrainingPlan
    """comes first: the known surface alone teaches, and nothing is rendered"""
    training: RenderedPlan
