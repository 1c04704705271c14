"""What the UNet is told of the reference picture: its embedding, noised a little, and its latent."""

from dataclasses import dataclass

import torch
from diffusers.models.embeddings import get_timestep_embedding
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from mouse_facelift.mvdiffusion.codec import SpaceToDepth
from mouse_facelift.mvdiffusion.pipeline import Pipeline


@torch.no_grad()
def embed_pictures(
    pipeline: Pipeline, pictures: UInt8[Tensor, "object 3 height width"]
) -> Float[Tensor, "object embedding"]:
    """Embed pictures as sampling does: 8-bit pixels resized by the CLIP image processor."""
    pixels: Tensor = pipeline.image_processor(images=list(pictures.cpu()), return_tensors="pt").pixel_values
    return _embed(pipeline, pixels)


@torch.no_grad()
def embed_pictures_in_training(
    pipeline: Pipeline, pictures: Float[Tensor, "object 3 height width"]
) -> Float[Tensor, "object embedding"]:
    """Embed pictures in 0..1 as training does: resized as they are, bicubic and antialiased, and not clamped."""
    processor = pipeline.image_processor
    size = (processor.crop_size["height"], processor.crop_size["width"])
    resized = interpolate(pictures, size=size, mode="bicubic", antialias=True, align_corners=False)
    mean, std = (resized.new_tensor(moment)[:, None, None] for moment in (processor.image_mean, processor.image_std))
    return _embed(pipeline, (resized - mean) / std)


def _embed(pipeline: Pipeline, pixels: Float[Tensor, "object 3 size size"]) -> Float[Tensor, "object embedding"]:
    encoder = pipeline.image_encoder
    embeddings: Tensor = encoder(pixels.to(encoder.device, encoder.dtype)).image_embeds
    return embeddings.float()


@torch.no_grad()
def class_labels(
    pipeline: Pipeline, embeddings: Float[Tensor, "row embedding"], noise: Float[Tensor, "row embedding"]
) -> Float[Tensor, "row labels"]:
    """Noise picture embeddings at level 0, and append the level's code.

    Level 0 of the released schedule is not free of noise: its standard deviation is 0.006 of the embeddings' own.

    Source: stable unCLIP, arXiv:2204.06125; the released pipeline.
    """
    normalizer = pipeline.image_normalizer
    mean, std = normalizer.mean.float(), normalizer.std.float()
    levels = torch.zeros(len(embeddings), dtype=torch.long, device=embeddings.device)
    noised: Tensor = pipeline.image_noising_scheduler.add_noise((embeddings - mean) / std, noise, levels)
    code = get_timestep_embedding(levels, embeddings.shape[1], flip_sin_to_cos=True, downscale_freq_shift=0)
    return torch.cat([noised * std + mean, code], dim=1)


@dataclass(frozen=True)
class Posterior:
    """What the VAE makes of pictures: normal distributions of latents, scaled; without spread from an exact codec."""

    mode: Float[Tensor, "row channel height width"]
    std: Float[Tensor, "row channel height width"]

    def sample(self, noise: Float[Tensor, "row channel height width"]) -> Float[Tensor, "row channel height width"]:
        return self.mode + self.std * noise


@torch.no_grad()
def encode_pictures(pipeline: Pipeline, pictures: Float[Tensor, "row 3 height width"]) -> Posterior:
    """Encode pictures in 0..1. Raises ValueError for pictures that are no whole number of latent pixels."""
    if any(length % pipeline.pixels_per_latent for length in pictures.shape[2:]):
        height, width = pictures.shape[2:]
        raise ValueError(f"pictures are {width} x {height} px, no multiple of {pipeline.pixels_per_latent}")
    vae = pipeline.vae
    if isinstance(vae, SpaceToDepth):
        latents = vae.encode(pictures)
        return Posterior(mode=latents, std=torch.zeros_like(latents))
    # Contiguous: the group norms of pictures whose channels lie last in memory are 50 times less exact on the CPU.
    posterior = vae.encode((2 * pictures - 1).contiguous().to(vae.device, vae.dtype)).latent_dist
    scale = vae.config.scaling_factor
    return Posterior(mode=posterior.mean.float() * scale, std=posterior.std.float() * scale)


@torch.no_grad()
def decode_latents(
    pipeline: Pipeline, latents: Float[Tensor, "row channel latent_height latent_width"]
) -> Float[Tensor, "row 3 height width"]:
    """Draw the pictures of latents, in 0..1, one row at a time."""
    vae = pipeline.vae
    if isinstance(vae, SpaceToDepth):
        return vae.decode(latents).clamp(0, 1)
    scaled = (latents / vae.config.scaling_factor).to(vae.device, vae.dtype)
    drawn: Tensor = torch.cat([vae.decode(row).sample for row in scaled.split(1)])
    return (drawn.float() / 2 + 0.5).clamp(0, 1)
