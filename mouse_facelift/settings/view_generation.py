"""Generators of views: what their training starts from, how they are trained, and how they draw."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from mouse_facelift.settings.base import Fraction, License, Name, Section
from mouse_facelift.settings.guard import GeneratorGuardPolicy
from mouse_facelift.settings.learning import Sha256, TrainingPlan


class FreshGenerator(Section):
    """A small view generator of random weights, in the released layout: what two processor cores can train."""

    kind: Literal["fresh"]
    domain: Name
    license: License
    """of what is trained from it, which is yours; random numbers have none"""
    codec_factor: PositiveInt
    """pixels along the side of a block that becomes one latent pixel, see `mvdiffusion.codec`"""
    codec_scale: PositiveFloat
    """of latents: they are so many times what pixels, in 0..1, lack of white"""
    widths: Annotated[tuple[PositiveInt, ...], Field(min_length=2)]
    """channels of the UNet's blocks, each at half the resolution of the one before"""
    attending_from: NonNegativeInt
    """first block, from 0 at full resolution, that looks across views; the middle of the UNet does in any case"""
    head_width: PositiveInt
    layers_per_block: PositiveInt
    text_width: PositiveInt
    """of the prompt embeddings, which are drawn at random, at right angles to each other; at least 6"""
    seed: NonNegativeInt


class StoredGenerator(Section):
    """A view generator in the released layout, as FaceLift's, or as `train_mvdiffusion` had it to start from."""

    kind: Literal["stored"]
    domain: Name
    """what it has learned from: human-head, objaverse, mouse, ..."""
    license: License
    """of all that the row names; it goes on to all that comes of it"""
    folder: str
    """`pipeckpts/`; its text encoder and tokenizer are needed for prompts alone"""
    prompts: str | None
    """file of the embeddings of the six prompts; null: the folder's text encoder makes them"""
    ray_film: str | None
    """what reads rays, where it was trained before; null: it starts fresh"""
    sha256: Sha256 | None
    """of the UNet's weights; null: any"""


GeneratorStart = Annotated[FreshGenerator | StoredGenerator, Field(discriminator="kind")]


class ViewIndex(Section):
    """Prompts alone say which view is drawn: of the released six the one nearest in azimuth from the reference."""

    kind: Literal["view_index"]


class Plucker(Section):
    """Rays say where a view is drawn from; prompts say the nearest of the released six beside, in half of the steps."""

    kind: Literal["plucker"]
    width: PositiveInt
    """of the layers that read the rays"""
    ray_drop: Fraction
    """share of objects whose rays are not told in training"""
    prompt_mean: Fraction
    """share of objects whose prompts are all replaced by their mean in training, so that rays alone tell views apart"""


Conditioning = Annotated[ViewIndex | Plucker, Field(discriminator="kind")]


class WholeUnet(Section):
    """Every parameter of the UNet learns."""

    method: Literal["full"]


class AttentionLora(Section):
    """Low-rank additions to the UNet's attention learn; they are merged into it for drawing, and also stand alone."""

    method: Literal["lora"]
    rank: PositiveInt
    alpha: PositiveFloat


TrainedParts = Annotated[WholeUnet | AttentionLora, Field(discriminator="method")]


class DiffusionPlan(TrainingPlan):
    """How a view generator is trained. A batch counts objects."""

    schedule: Literal["constant", "cosine"]
    """of the learning rate, after the warm-up; the released network had a constant one"""
    target_views: Annotated[int, Field(ge=2)]
    """views of each object that are noised and compared in a step: the reference, and others drawn anew"""
    reference_weight: NonNegativeFloat
    """of the reference among them, which is a copy task; 1 as released"""
    condition_drop: Annotated[float, Field(ge=0, le=1 / 3)]
    """share r of objects that lose the picture's embedding, r that lose both, r its latent; 0.05 as released"""
    least_timestep: NonNegativeInt
    """noise levels are drawn from this one on, of the scheduler's 1000; 0 as released. A network that draws in one step
    needs the highest alone, where it learns what other views look like, and not how to clean a view"""
    snr_gamma: PositiveFloat
    """signal-to-noise ratio above which a noise level counts for less; 5 as released"""
    backgrounds: Annotated[tuple[Literal["white", "black", "gray"], ...], Field(min_length=1)]
    """one is drawn for each object; drawing is always before white"""
    mirrored: bool
    """whether every other object, by chance, is mirrored together with its cameras"""
    brightness: Fraction
    """largest change of how dark an object is, up or down"""
    guard: GeneratorGuardPolicy | None
    """null: nothing watches"""

    @property
    def rate_falls(self) -> bool:
        return self.schedule == "cosine"

    @property
    def betas(self) -> tuple[float, float]:
        """Of AdamW. Source: the released training of MVDiffusion, which has torch's own."""
        return (0.9, 0.999)

    def ema_decay(self, updates: int) -> float | None:
        """It rises to `ema`. Source: diffusers' EMAModel, min(ema, (1 + n) / (10 + n))."""
        return None if self.ema is None else min(self.ema, (1 + updates) / (10 + updates))


class SamplingPlan(Section):
    """How views are drawn; as released: 50 steps, guidance 3, eta 1."""

    steps: PositiveInt
    guidance: PositiveFloat
    """how far beyond the velocity without a reference; 1 leaves it out"""
    eta: Fraction
    """share of fresh noise in each step: 0 is DDIM, 1 is DDPM"""
    seed: NonNegativeInt


class ViewGenerator(Section):
    """A trained generator of views."""

    start: str
    accepts_domains: Annotated[tuple[Name, ...], Field(min_length=1)]
    """of which the start's must be one"""
    dataset: str
    normalization: str
    references: Literal["fixed", "rotated"]
    """whether every sample's first view is the reference, or any, drawn anew each time"""
    left_out_views: tuple[str, ...]
    """names of views that are never learned from: poses held out"""
    conditioning: Conditioning
    trained: TrainedParts
    training: DiffusionPlan
    sampling: SamplingPlan


class GeneratorPretraining(Section):
    """Of the shipped view generator, on the procedural animals of `pretraining`, each view in turn the reference."""

    size: FreshGenerator
    conditioning: Plucker
    """objects whose rays are dropped teach prompts alone"""
    training: DiffusionPlan
    sampling: SamplingPlan
    """of the views by which it is measured"""

    @model_validator(mode="after")
    def _nothing_watches(self) -> "GeneratorPretraining":
        if self.training.guard is not None:
            raise ValueError("training.guard: must be null, for packs of animals have no split to look at")
        return self
