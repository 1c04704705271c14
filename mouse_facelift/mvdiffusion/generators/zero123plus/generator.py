"""Draw six views by Zero123++.

From the published description: the tiles of one picture, their cameras, the guidance of 4, the gray background. From
the pipeline in its repository: that the reference's latent is not scaled and is noised anew for every step, to the
step's own level, that the unconditional row has the empty prompt and the latent of a gray picture for its reference,
and how latents and pictures are shifted and scaled. Random numbers come in an order of our own.
"""

from dataclasses import dataclass

import torch
from diffusers.schedulers.scheduling_euler_ancestral_discrete import EulerAncestralDiscreteScheduler
from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor
from tqdm import tqdm

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.mvdiffusion.generators.interface import Color, GeneratedViews, Reference
from mouse_facelift.mvdiffusion.generators.rigs import Zero123PlusVersion, require_rig, zero123plus_rig
from mouse_facelift.mvdiffusion.generators.zero123plus.parts import Zero123PlusParts
from mouse_facelift.mvdiffusion.sampling import draw

GRAY: Color = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Zero123PlusSampling:
    """How latents are drawn, by ancestral Euler steps."""

    steps: int
    guidance: float
    """How far beyond the unconditional velocity; 1 leaves it out."""


OFFICIAL_SAMPLING = Zero123PlusSampling(steps=75, guidance=4.0)


@dataclass(frozen=True)
class Conditions:
    """What the UNet is told in every step; the unconditional row stands first where there is guidance."""

    prompts: Float[Tensor, "row token channel"]
    references: Float[Tensor, "row 4 height width"]
    """latents without noise, not scaled"""


@dataclass(frozen=True)
class Zero123PlusGenerator:
    """Six views on a fixed rig, around a reference of any elevation; the reference is none of them.

    Raises:
        ValueError: tiles that are no whole number of latent pixels.
    """

    parts: Zero123PlusParts
    version: Zero123PlusVersion
    """which rig the weights were trained with; nothing in their folder says so"""
    sampling: Zero123PlusSampling
    distance: float
    """of the cameras, which sets the world's unit; the network knows none, InstantMesh takes 4"""
    tile: int = 320
    """px; with another size than the weights' own the network draws worse"""

    def __post_init__(self) -> None:
        if self.tile % self.parts.pixels_per_latent:
            raise ValueError(f"tiles of {self.tile} px are no multiple of {self.parts.pixels_per_latent}")

    def generate(
        self, reference: Reference, generator: torch.Generator, cameras: Cameras | None = None
    ) -> GeneratedViews:
        """Draw the rig's views; raises ValueError if other cameras are wanted."""
        rig = zero123plus_rig(self.version, self.distance, self.tile)
        if cameras is not None:
            require_rig(cameras, rig, f"Zero123++ {self.version}")
        picture = reference.over(GRAY, reference.rgba.shape[-1])
        conditions = prepare_conditions(self.parts, picture, self.sampling.guidance, generator)
        size = (3 * self.tile // self.parts.pixels_per_latent, 2 * self.tile // self.parts.pixels_per_latent)
        latents = denoise(self.parts, conditions, self.sampling, size, generator)
        tiles = cut_tiles(decode(self.parts, latents).cpu())
        return GeneratedViews(tiles, rig.cameras, GRAY, reference_row=None)


def cut_tiles(picture: Float[Tensor, "color height width"]) -> Float[Tensor, "6 color tile_height tile_width"]:
    """Cut a picture of two columns and three rows into views, row by row."""
    return rearrange(picture, "color (row h) (column w) -> (row column) color h w", row=3, column=2)


@torch.no_grad()
def prepare_conditions(
    parts: Zero123PlusParts, picture: UInt8[Tensor, "3 height width"], guidance: float, generator: torch.Generator
) -> Conditions:
    """Embed and encode the reference; the embedding is ramped into the tokens of the empty prompt."""
    encoder, vae = parts.vision_encoder, parts.vae
    pixels = parts.feature_extractor_clip(images=[picture], return_tensors="pt").pixel_values
    embedding = encoder(pixels.to(encoder.device, encoder.dtype)).image_embeds.float()
    empty = parts.empty_prompt.to(embedding)
    prompts = (empty + parts.ramp.to(embedding)[:, None] * embedding)[None]
    shown = parts.feature_extractor_vae(images=[picture], return_tensors="pt").pixel_values
    if guidance != 1.0:
        prompts = torch.cat([empty[None], prompts])
        shown = torch.cat([torch.zeros_like(shown), shown])
    posterior = vae.encode(shown.to(vae.device, vae.dtype)).latent_dist
    noise = draw(tuple(posterior.mean.shape), vae.device, generator)
    return Conditions(prompts, posterior.mean.float() + posterior.std.float() * noise)


@torch.no_grad()
def denoise(
    parts: Zero123PlusParts,
    conditions: Conditions,
    sampling: Zero123PlusSampling,
    size: tuple[int, int],
    generator: torch.Generator,
) -> Float[Tensor, "1 4 height width"]:
    """Draw latents; random numbers: first latents, then, of each step, the reference's noise and the step's own."""
    unet = parts.unet
    scheduler = EulerAncestralDiscreteScheduler.from_config(parts.scheduler.config)
    scheduler.set_timesteps(sampling.steps)
    latents: Tensor = draw((1, 4, *size), unet.device, generator) * scheduler.init_noise_sigma
    guided = sampling.guidance != 1.0
    for timestep in tqdm(scheduler.timesteps, desc="draw views", disable=None):
        noisy = scheduler.scale_model_input(latents, timestep)
        noise = draw(tuple(conditions.references.shape), unet.device, generator)
        references = conditions.references + scheduler.sigmas[scheduler.step_index] * noise
        velocity = predict(
            parts,
            torch.cat([noisy, noisy]) if guided else noisy,
            scheduler.scale_model_input(references, timestep),
            timestep.to(unet.device),
            conditions.prompts,
        )
        if guided:
            unconditional, conditional = velocity.chunk(2)
            velocity = unconditional + sampling.guidance * (conditional - unconditional)
        latents = scheduler.step(velocity, timestep, latents, generator=generator).prev_sample
    return latents


def predict(
    parts: Zero123PlusParts,
    noisy: Float[Tensor, "row 4 height width"],
    references: Float[Tensor, "row 4 reference_height reference_width"],
    timestep: Float[Tensor, ""],
    prompts: Float[Tensor, "row token channel"],
) -> Float[Tensor, "row 4 height width"]:
    """Predict velocities of noisy latents, which look at references of the same noise, row by row."""
    unet = parts.unet
    prompts = prompts.to(unet.dtype)
    unet(references.to(unet.dtype), timestep, encoder_hidden_states=prompts)
    with parts.reference.read():
        velocity: Tensor = unet(noisy.to(unet.dtype), timestep, encoder_hidden_states=prompts).sample
    return velocity.float()


@torch.no_grad()
def decode(
    parts: Zero123PlusParts, latents: Float[Tensor, "1 4 latent_height latent_width"]
) -> Float[Tensor, "3 height width"]:
    """Draw the picture of latents, in 0..1: both were shifted and scaled for training, (x - 0.22) 3/4 and x 5/8."""
    vae = parts.vae
    plain = (latents / 0.75 + 0.22) / vae.config.scaling_factor
    drawn: Tensor = vae.decode(plain.to(vae.device, vae.dtype)).sample[0].float()
    return (drawn / 0.5 * 0.8 / 2 + 0.5).clamp(0, 1)
