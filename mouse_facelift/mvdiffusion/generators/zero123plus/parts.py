"""All parts of a Zero123++ repository, each loaded from its own folder, and nothing that was not checked.

Names of folders and the meaning of `ramping_coefficients` are those of the pipeline in Zero123++'s repository. The
published files themselves were not at hand: a key that they have and this does not know is refused by its name.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_euler_ancestral_discrete import EulerAncestralDiscreteScheduler
from jaxtyping import Float
from torch import Tensor
from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

from mouse_facelift.mvdiffusion.generators.zero123plus.attention import ReferenceTokens, attend_to_reference
from mouse_facelift.mvdiffusion.loading import load_image_encoder, load_image_processor, load_vae
from mouse_facelift.mvdiffusion.prompts import embed_texts
from mouse_facelift.mvdiffusion.stored import built_from, diffusers_arguments, expect, read_json, refuse_unknown
from mouse_facelift.mvdiffusion.weights import DIFFUSERS_FILES, load_folder_exactly

_PARTS: dict[str, Any] = {
    "_class_name": "Zero123PlusPipeline",
    "feature_extractor_clip": ["transformers", "CLIPImageProcessor"],
    "feature_extractor_vae": ["transformers", "CLIPImageProcessor"],
    "scheduler": ["diffusers", "EulerAncestralDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "vision_encoder": ["transformers", "CLIPVisionModelWithProjection"],
}
_RAMP = "ramping_coefficients"
_NEVER_READ = ("_diffusers_version", "_name_or_path", "safety_checker", "requires_safety_checker")


@dataclass(frozen=True)
class Zero123PlusParts:
    """The parts of a Zero123++ repository; of the text encoder, what it makes of the empty prompt.

    Raises:
        ValueError: two parts do not fit each other.
    """

    unet: UNet2DConditionModel
    reference: ReferenceTokens
    """to which the UNet's self-attention looks"""
    vae: AutoencoderKL
    vision_encoder: CLIPVisionModelWithProjection
    feature_extractor_clip: CLIPImageProcessorPil
    feature_extractor_vae: CLIPImageProcessorPil
    scheduler: EulerAncestralDiscreteScheduler
    empty_prompt: Float[Tensor, "token channel"]
    ramp: Float[Tensor, " ramped_token"]
    """how much of the picture's embedding is added to each token of the empty prompt"""

    def __post_init__(self) -> None:
        encoder = self.vision_encoder.config
        pairs = {
            "the picture embedding's width and the prompt's": (encoder.projection_dim, self.empty_prompt.shape[1]),
            "the prompt's width and the UNet's cross_attention_dim": (
                self.empty_prompt.shape[1],
                self.unet.config.cross_attention_dim,
            ),
            f"tokens of the prompt and {_RAMP}": (len(self.empty_prompt), len(self.ramp)),
            "the vision encoder's image_size and the CLIP feature extractor's crop_size": (
                {"height": encoder.image_size, "width": encoder.image_size},
                dict(self.feature_extractor_clip.crop_size),
            ),
            "the VAE's latent_channels and the UNet's in_channels": (
                self.vae.config.latent_channels,
                self.unet.config.in_channels,
            ),
        }
        if wrong := [f"{name}: {one} and {other}" for name, (one, other) in pairs.items() if one != other]:
            raise ValueError(f"parts that do not fit each other: {'; '.join(wrong)}")

    @property
    def pixels_per_latent(self) -> int:
        """Pixels of a picture along one side of one latent pixel."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    def to(self, device: str | torch.device, dtype: torch.dtype = torch.float32) -> "Zero123PlusParts":
        """Move every network to a device and a type of numbers, in place."""
        for network in (self.unet, self.vae, self.vision_encoder):
            network.to(device=device, dtype=dtype)
        return self


def load_zero123plus(folder: str | Path) -> Zero123PlusParts:
    """Load a Zero123++ repository (v1.1 and v1.2 differ in their tensors alone), in float32 and evaluation mode.

    Raises FileNotFoundError for a file that is absent, and ValueError that names every key, value or tensor that does
    not fit.
    """
    folder = Path(folder)
    index = read_json(folder / "model_index.json")
    refuse_unknown(folder / "model_index.json", index, {*_PARTS, _RAMP, *_NEVER_READ})
    expect(folder / "model_index.json", index, {*_PARTS, _RAMP}, _PARTS)
    unet = load_plain_unet(folder / "unet")
    parts = {
        "unet": unet,
        "vae": load_vae(folder / "vae"),
        "vision_encoder": load_image_encoder(folder / "vision_encoder"),
        "feature_extractor_clip": load_image_processor(folder / "feature_extractor_clip"),
        "feature_extractor_vae": load_image_processor(folder / "feature_extractor_vae", center_crop=None),
        "scheduler": load_ancestral_scheduler(folder / "scheduler"),
        "empty_prompt": embed_texts(folder, [""])[0],
        "ramp": _read_ramp(folder / "model_index.json", index[_RAMP]),
    }
    try:
        return Zero123PlusParts(reference=attend_to_reference(unet), **parts)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error


def load_plain_unet(folder: Path) -> UNet2DConditionModel:
    """Load a stock UNet that is told text alone, as that of Stable Diffusion 2. Raises as `load_zero123plus`."""
    required = (
        *("act_fn", "attention_head_dim", "block_out_channels", "cross_attention_dim", "down_block_types"),
        *("flip_sin_to_cos", "freq_shift", "in_channels", "layers_per_block", "norm_eps", "norm_num_groups"),
        *("out_channels", "sample_size", "up_block_types", "use_linear_projection"),
    )
    nothing = ("addition_embed_type", "class_embed_type", "encoder_hid_dim", "num_class_embeds", "time_cond_proj_dim")
    only = {"in_channels": 4, "out_channels": 4, **dict.fromkeys(nothing)}
    arguments = diffusers_arguments(folder / "config.json", UNet2DConditionModel, required, only)
    with built_from(folder / "config.json"), torch.device("meta"):
        unet = UNet2DConditionModel(**arguments)
    load_folder_exactly(unet, folder, DIFFUSERS_FILES)
    unet.eval()
    return unet


def load_ancestral_scheduler(folder: Path) -> EulerAncestralDiscreteScheduler:
    """Read the noise that the network learned from; timesteps are spaced `trailing`, whatever the file says.

    Source: the read-me of Zero123++'s repository, which replaces the stored spacing so. Raises as `load_zero123plus`.
    """
    required = ("beta_end", "beta_schedule", "beta_start", "num_train_timesteps", "prediction_type")
    only = {"prediction_type": "v_prediction", "rescale_betas_zero_snr": False, "trained_betas": None}
    path = folder / "scheduler_config.json"
    arguments = diffusers_arguments(path, EulerAncestralDiscreteScheduler, required, only)
    with built_from(path):
        return EulerAncestralDiscreteScheduler(**arguments | {"timestep_spacing": "trailing"})


def _read_ramp(path: Path, ramp: Any) -> Float[Tensor, " token"]:
    if not isinstance(ramp, list) or not all(isinstance(part, int | float) for part in ramp):
        raise ValueError(f"{path}: {_RAMP} is {ramp!r}, expected a list of numbers, one a token")
    return torch.tensor(ramp, dtype=torch.float32)
