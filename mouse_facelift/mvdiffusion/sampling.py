"""Draw all views of an object from one picture of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from einops import rearrange, repeat
from jaxtyping import Float, UInt8
from torch import Tensor
from tqdm import tqdm

from mouse_facelift.mvdiffusion.attention import ViewAttention
from mouse_facelift.mvdiffusion.conditioning import class_labels, decode_latents, embed_pictures, encode_pictures
from mouse_facelift.mvdiffusion.pipeline import Pipeline


@dataclass(frozen=True)
class Sampling:
    """How latents are drawn."""

    steps: int
    guidance: float
    """How far beyond the unconditional velocity; 1 leaves it out."""
    eta: float
    """Share of fresh noise in each step: 0 is DDIM, 1 is DDPM."""


RELEASED_SAMPLING = Sampling(steps=50, guidance=3.0, eta=1.0)


@dataclass(frozen=True)
class Conditions:
    """What the UNet is told in every step; rows are (object, view), view fastest.

    With guidance they are twice as many, the unconditional ones first: without picture, but with prompts.
    """

    class_labels: Float[Tensor, "row labels"]
    image_latents: Float[Tensor, "row channel height width"]
    prompts: Float[Tensor, "row token text_channel"]


@torch.no_grad()
def sample_views(
    pipeline: Pipeline,
    pictures: UInt8[Tensor, "object 3 height width"],
    prompts: Float[Tensor, "object view token text_channel"],
    sampling: Sampling,
    generator: torch.Generator,
    attention: ViewAttention | None = None,
) -> Float[Tensor, "object view 3 height width"]:
    """Draw the views that `prompts` name of every pictured object, in 0..1 on the pictures' white background.

    Random numbers come from `generator` alone, in the order of the released pipeline: noise of the embeddings, first
    latents, noise of each step, the last included.

    Raises ValueError for pictures of odd size.
    """
    conditions = prepare_conditions(pipeline, pictures, prompts, sampling.guidance, generator)
    objects, views = prompts.shape[:2]
    shape = (objects * views, pipeline.latent_channels, *conditions.image_latents.shape[2:])
    latents = draw(shape, conditions.image_latents.device, generator)
    steps = denoise(pipeline, latents, conditions, sampling, views, generator, attention)
    *_, latents = tqdm(steps, total=sampling.steps, desc="draw views", disable=None)
    return rearrange(decode_latents(pipeline, latents), "(object view) ... -> object view ...", view=views)


def prepare_conditions(
    pipeline: Pipeline,
    pictures: UInt8[Tensor, "object 3 height width"],
    prompts: Float[Tensor, "object view token text_channel"],
    guidance: float,
    generator: torch.Generator,
) -> Conditions:
    """Embed and encode the reference pictures; each view of an object has its own noise of the embedding."""
    device = pipeline.unet.device
    views = prompts.shape[1]
    embeddings = repeat(embed_pictures(pipeline, pictures), "object ... -> (object view) ...", view=views)
    noise = draw(tuple(embeddings.shape), device, generator)
    told = class_labels(pipeline, embeddings.to(device), noise)
    references = encode_pictures(pipeline, pictures / 255).mode
    latents = repeat(references, "object ... -> (object view) ...", view=views)
    texts = prompts.to(device).flatten(0, 1)
    if guidance == 1.0:
        return Conditions(told, latents, texts)
    return Conditions(
        class_labels=torch.cat([torch.zeros_like(told), told]),
        image_latents=torch.cat([torch.zeros_like(latents), latents]),
        prompts=torch.cat([texts, texts]),
    )


@torch.no_grad()
def denoise(
    pipeline: Pipeline,
    latents: Float[Tensor, "row channel height width"],
    conditions: Conditions,
    sampling: Sampling,
    views: int,
    generator: torch.Generator,
    attention: ViewAttention | None = None,
) -> Iterator[Float[Tensor, "row channel height width"]]:
    """Yield the latents after every step."""
    unet = pipeline.unet
    scheduler = DDIMScheduler.from_config(pipeline.scheduler.config)
    scheduler.set_timesteps(sampling.steps)
    guided = sampling.guidance != 1.0
    labels, references, prompts = (
        told.to(unet.dtype) for told in (conditions.class_labels, conditions.image_latents, conditions.prompts)
    )
    for timestep in scheduler.timesteps:
        noisy = torch.cat([latents, latents]) if guided else latents
        velocity: Tensor = unet(
            torch.cat([noisy.to(unet.dtype), references], dim=1),
            timestep.to(latents.device),
            encoder_hidden_states=prompts,
            class_labels=labels,
            views=views,
            attention=attention,
        ).sample.float()
        if guided:
            unconditional, conditional = velocity.chunk(2)
            velocity = unconditional + sampling.guidance * (conditional - unconditional)
        fresh = draw(tuple(latents.shape), latents.device, generator) if sampling.eta > 0 else None
        latents = scheduler.step(velocity, timestep, latents, eta=sampling.eta, variance_noise=fresh).prev_sample
        yield latents


def draw(shape: tuple[int, ...], device: torch.device, generator: torch.Generator) -> Float[Tensor, "..."]:
    """Normal random numbers in float32, the same on every device that the generator's own can be copied to."""
    return torch.randn(shape, generator=generator, device=generator.device).to(device)
