"""Weights, how they are trained, and the experiments that use them."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from mouse_facelift.settings.augmentation import Augmentation
from mouse_facelift.settings.base import Fraction, License, Name, Section
from mouse_facelift.settings.guard import GuardPolicy
from mouse_facelift.settings.losses import Losses

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Checkpoint(Section):
    """Weights that experiments start from."""

    weights: str
    config: str
    domain: Name
    """what they have learned from: human-head, objaverse, procedural, mouse, ..."""
    license: License
    """under which you have them; it goes on to all that comes of them"""
    sha256: Sha256 | None
    """of the weights' file; null: any"""

    def declared(self, name: str) -> "DeclaredWeights":
        row = f"checkpoints.{name}"
        return DeclaredWeights(row=row, domain=self.domain, license=self.license, sha256=self.sha256)


class DeclaredWeights(Section):
    """What a row of the configuration says of weights: they and their card are held against it."""

    row: str
    domain: Name
    license: License | None
    """null: their card alone says it, as of weights that were trained here"""
    sha256: Sha256 | None


class InputViews(Section):
    """Which views go in. Held-out views are predicted but never seen."""

    inputs: PositiveInt | tuple[PositiveInt, PositiveInt]
    """views given to the network; each view is held out in turn when fewer than all go in. Of a pair, training draws
    a number anew each step, from the first to the second; predictions take the second"""

    @model_validator(mode="after")
    def _least_first(self) -> "InputViews":
        if self.least > self.most:
            raise ValueError(f"inputs: found [{self.least}, {self.most}], expected the least number first")
        return self

    @property
    def least(self) -> int:
        """The fewest views given in training."""
        return self.inputs if isinstance(self.inputs, int) else self.inputs[0]

    @property
    def most(self) -> int:
        """The most views given in training, and those given in predictions."""
        return self.inputs if isinstance(self.inputs, int) else self.inputs[1]


class NoFinetune(Section):
    method: Literal["none"]


Precision = Literal["float32", "bfloat16", "float16"]
LoraTarget = Literal["to_qkv", "fc", "mlp"]


class TrainingPlan(Section):
    """How long and how fast a network learns."""

    steps: PositiveInt
    batch: PositiveInt
    """samples computed at once"""
    accumulate: PositiveInt
    """batches a step: their mean makes one update, as one batch so many times as large would, in less memory"""
    learning_rate: PositiveFloat
    warmup_steps: NonNegativeInt
    weight_decay: NonNegativeFloat
    gradient_clip: PositiveFloat
    """total norm"""
    precision: Precision
    """of the products inside the transformer's blocks; weights, geometry and renderings are single"""
    checkpoint_activations: bool
    """compute the blocks again on the way back: less memory, more time, the same numbers"""
    ema: Annotated[float, Field(gt=0, lt=1)] | None
    """decay a step of the exponential moving average of the weights, which is then what is written; null: none"""
    seed: NonNegativeInt
    checkpoint_every: PositiveInt
    """steps between two saved states from which an interrupted run goes on"""

    @property
    def rate_falls(self) -> bool:
        """Whether the learning rate falls to 0 along half a cosine after the warm-up, or stays."""
        return True

    @property
    def betas(self) -> tuple[float, float]:
        """Of AdamW. Source: FaceLift's stage configurations of GS-LRM."""
        return (0.9, 0.95)

    def ema_decay(self, updates: int) -> float | None:
        """Decay of the average of the weights at its update of this number, from 0; None: there is none."""
        return self.ema


class RenderedPlan(TrainingPlan):
    target_views: PositiveInt
    """views rendered and compared for each sample, inputs among them"""
    losses: Losses
    augmentation: Augmentation | None
    """null: samples are taken as they are"""


class Measured(Section):
    """At which steps views that did not go in are measured, for the curves; nothing follows from it."""

    steps: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    """after so many steps"""
    split: Literal["train", "val", "test"]
    samples: PositiveInt
    """at most so many, spread evenly"""
    near_white: Fraction
    """a pixel whose three colors are above it is white"""


class FinetunePlan(RenderedPlan):
    """What all methods share."""

    learns_from: Name | None
    """dataset whose samples teach, as a generated or mixed one; null: the experiment's own"""
    random_order: bool
    """whether drawn input views go in as drawn, or in the rig's order: the network cannot tell, but for rounding"""
    guard: GuardPolicy | None
    """null: nothing watches"""
    measured: Measured | None
    """null: none"""


class HeadsOnly(FinetunePlan):
    """The two decoders learn; tokenizer, learned tokens and all transformer blocks stay."""

    method: Literal["heads_only"]


class Layerwise(FinetunePlan):
    """The upper transformer blocks and the decoders learn; tokenizer and lower blocks stay."""

    method: Literal["layerwise"]
    frozen_blocks: NonNegativeInt
    """blocks that stay, counted from the pictures' end"""
    tokens: Literal["frozen", "trained"]
    """the learned tokens: those of the free Gaussians, and the markers of views where there are any"""


class Lora(FinetunePlan):
    """Low-rank additions to the blocks' matrices learn (arXiv:2106.09685); the network itself stays."""

    method: Literal["lora"]
    rank: PositiveInt
    alpha: PositiveFloat
    """additions count alpha / rank times"""
    targets: Annotated[tuple[LoraTarget, ...], Field(min_length=1)]
    """matrices of every block: of queries, keys and values; of the attention's output; both of the MLP"""


class FullFinetune(FinetunePlan):
    """Every parameter learns."""

    method: Literal["full"]


TrainedFinetune = HeadsOnly | Layerwise | Lora | FullFinetune
Finetune = Annotated[NoFinetune | TrainedFinetune, Field(discriminator="method")]
TrainedMethod = Annotated[TrainedFinetune, Field(discriminator="method")]
"""what a training rule takes: any method but `none`"""


class Experiment(Section):
    """One row of the results."""

    dataset: str
    normalization: str
    allow_broken_contract: bool
    checkpoint: str
    accepts_domains: Annotated[tuple[Name, ...], Field(min_length=1)]
    """of which the checkpoint's must be one"""
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
    license: License
    """of the weights that come of it, which are yours"""
    animals: Animals
    network: GslrmSize
    start: Start
    surface_loss: SurfaceLoss
    inputs: tuple[PositiveInt, PositiveInt]
    """least and most input views, drawn anew each step"""
    surface_training: TrainingPlan
    """comes first: the known surface alone teaches, and nothing is rendered"""
    training: RenderedPlan

    @model_validator(mode="after")
    def _known_surface_stays(self) -> "Pretraining":
        if self.training.augmentation is not None and self.training.augmentation.roll_degrees > 0:
            raise ValueError("training.augmentation.roll_degrees: must be 0, for the known depth does not roll along")
        return self
