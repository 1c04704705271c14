"""What training lowers: the difference between predicted and true velocities of noised views."""

from dataclasses import dataclass

import torch
from einops import reduce, repeat
from jaxtyping import Float, Int
from torch import Tensor

from mouse_facelift.mvdiffusion.attention import ViewAttention
from mouse_facelift.mvdiffusion.conditioning import class_labels, embed_pictures_in_training, encode_pictures
from mouse_facelift.mvdiffusion.pipeline import Pipeline
from mouse_facelift.mvdiffusion.unet import MultiviewUnet


@dataclass(frozen=True)
class Objective:
    """How conditions are left out and noise levels weighed."""

    condition_drop_rate: float
    """r: of all objects r lose the picture's embedding, r both, r its latent; prompts always stay."""
    snr_gamma: float
    """Signal-to-noise ratio above which a level counts for less."""


RELEASED_OBJECTIVE = Objective(condition_drop_rate=0.05, snr_gamma=5.0)


@dataclass(frozen=True)
class Draws:
    """The random numbers of one step; rows are (object, view), view fastest."""

    embedding_noise: Float[Tensor, "row embedding"]
    posterior_noise: Float[Tensor, "row channel height width"]
    noise: Float[Tensor, "row channel height width"]
    timesteps: Int[Tensor, " object"]
    """One noise level for all views of an object."""
    drop: Float[Tensor, " object"]
    """In 0..1; says which condition an object loses."""


@dataclass(frozen=True)
class TrainingInputs:
    """What the UNet is given in one step, what it should predict, and each row's weight in the loss."""

    sample: Float[Tensor, "row both_channels height width"]
    timesteps: Int[Tensor, " row"]
    prompts: Float[Tensor, "row token text_channel"]
    class_labels: Float[Tensor, "row labels"]
    velocity: Float[Tensor, "row channel height width"]
    weights: Float[Tensor, " row"]


def draw_step(
    pipeline: Pipeline,
    objects: int,
    views: int,
    picture_size: tuple[int, int],
    generator: torch.Generator,
    least_timestep: int = 0,
) -> Draws:
    """Draw the random numbers of one step for pictures of a height and width in px, on the generator's device.

    Raises ValueError if the scheduler has no timestep as high as `least_timestep`.
    """
    if least_timestep >= (timesteps := pipeline.scheduler.config.num_train_timesteps):
        raise ValueError(f"least_timestep: found {least_timestep}, expected less than the scheduler's {timesteps}")
    rows = objects * views
    latent = (rows, pipeline.latent_channels, *(length // pipeline.pixels_per_latent for length in picture_size))
    device = generator.device
    return Draws(
        embedding_noise=torch.randn(
            rows, pipeline.image_encoder.config.projection_dim, generator=generator, device=device
        ),
        posterior_noise=torch.randn(latent, generator=generator, device=device),
        noise=torch.randn(latent, generator=generator, device=device),
        timesteps=torch.randint(least_timestep, timesteps, (objects,), generator=generator, device=device),
        drop=torch.rand(objects, generator=generator, device=device),
    )


@torch.no_grad()
def training_inputs(
    pipeline: Pipeline,
    pictures: Float[Tensor, "object view 3 picture_height picture_width"],
    prompts: Float[Tensor, "object view token text_channel"],
    draws: Draws,
    objective: Objective,
) -> TrainingInputs:
    """Encode the views of some objects, in 0..1 on one background each, and noise them.

    The first view of each object is its reference. Conditions are dropped for all views of an object together.
    """
    views = pictures.shape[1]
    embeddings = embed_pictures_in_training(pipeline, pictures[:, 0])
    embeddings = repeat(embeddings, "object ... -> (object view) ...", view=views)
    labels = class_labels(pipeline, embeddings, draws.embedding_noise)
    encoded = encode_pictures(pipeline, pictures.flatten(0, 1))
    latents = repeat(encoded.mode[::views], "object ... -> (object view) ...", view=views)

    rate = objective.condition_drop_rate
    without_embedding = draws.drop < 2 * rate
    without_latent = (draws.drop >= rate) & (draws.drop < 3 * rate)
    labels = labels.masked_fill(without_embedding.repeat_interleave(views)[:, None], 0.0)
    latents = latents.masked_fill(without_latent.repeat_interleave(views)[:, None, None, None], 0.0)

    timesteps = draws.timesteps.repeat_interleave(views)
    scheduler = pipeline.scheduler
    targets = encoded.sample(draws.posterior_noise)
    noisy: Tensor = scheduler.add_noise(targets, draws.noise, timesteps)
    return TrainingInputs(
        sample=torch.cat([noisy, latents], dim=1),
        timesteps=timesteps,
        prompts=prompts.flatten(0, 1),
        class_labels=labels,
        velocity=scheduler.get_velocity(targets, draws.noise, timesteps),
        weights=level_weights(scheduler.alphas_cumprod.to(timesteps.device)[timesteps], objective.snr_gamma),
    )


def level_weights(signal_share: Float[Tensor, " row"], snr_gamma: float) -> Float[Tensor, " row"]:
    """Weigh noise levels by min(SNR, gamma) / SNR, where `signal_share` is the share of the signal's variance.

    Source: Min-SNR, arXiv:2303.09556, in its form for predicted noise, which the released training uses although it
    predicts velocities.
    """
    snr = signal_share / (1 - signal_share)
    return (snr_gamma / snr).clamp(max=1)  # 1 too where nothing but noise is left


def diffusion_loss(
    unet: MultiviewUnet, inputs: TrainingInputs, views: int, attention: ViewAttention | None = None
) -> Float[Tensor, ""]:
    """The weighed mean squared difference between predicted and true velocities."""
    predicted: Tensor = unet(
        inputs.sample,
        inputs.timesteps,
        encoder_hidden_states=inputs.prompts,
        class_labels=inputs.class_labels,
        views=views,
        attention=attention,
    ).sample
    errors = reduce((predicted.float() - inputs.velocity).square(), "row ... -> row", "mean")
    return (errors * inputs.weights).mean()
