"""All parts of the released view generator."""

from dataclasses import dataclass

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import StableUnCLIPImageNormalizer
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

from mouse_facelift.mvdiffusion.codec import SpaceToDepth
from mouse_facelift.mvdiffusion.unet import MultiviewUnet


@dataclass(frozen=True)
class Pipeline:
    """The parts of a `pipeckpts/` folder but for the text encoder, whose embeddings are a file."""

    unet: MultiviewUnet
    vae: AutoencoderKL | SpaceToDepth
    image_encoder: CLIPVisionModelWithProjection
    image_processor: CLIPImageProcessorPil
    image_normalizer: StableUnCLIPImageNormalizer
    """Mean and standard deviation of picture embeddings, between which they are noised."""
    image_noising_scheduler: DDPMScheduler
    scheduler: DDIMScheduler

    def __post_init__(self) -> None:
        """Raises ValueError where two parts do not fit each other."""
        sizes = self.unet.released_config
        encoder = self.image_encoder.config
        pairs = {
            "twice the image encoder's projection_dim and the UNet's projection_class_embeddings_input_dim": (
                2 * encoder.projection_dim,
                sizes.projection_class_embeddings_input_dim,
            ),
            "the image encoder's projection_dim and the image normalizer's embedding_dim": (
                encoder.projection_dim,
                self.image_normalizer.config.embedding_dim,
            ),
            "the image encoder's image_size and the feature extractor's crop_size": (
                {"height": encoder.image_size, "width": encoder.image_size},
                dict(self.image_processor.crop_size),
            ),
            "the VAE's latent_channels and the UNet's out_channels": (self.latent_channels, sizes.out_channels),
        }
        if wrong := [f"{name}: {one} and {other}" for name, (one, other) in pairs.items() if one != other]:
            raise ValueError(f"parts that do not fit each other: {'; '.join(wrong)}")

    @property
    def latent_channels(self) -> int:
        if isinstance(self.vae, SpaceToDepth):
            return self.vae.latent_channels
        return int(self.vae.config.latent_channels)

    @property
    def pixels_per_latent(self) -> int:
        """Pixels of a picture along one side of one latent pixel."""
        if isinstance(self.vae, SpaceToDepth):
            return self.vae.factor
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    def to(self, device: str | torch.device, dtype: torch.dtype = torch.float32) -> "Pipeline":
        """Move every network to a device, and the large ones to a type of numbers, in place."""
        for network in (self.unet, self.vae, self.image_encoder):
            if not isinstance(network, SpaceToDepth):
                network.to(device=device, dtype=dtype)
        self.image_normalizer.to(device, torch.float32)
        return self
