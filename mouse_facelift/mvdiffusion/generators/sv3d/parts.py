"""All parts of SV3D, each loaded from its own folder, and nothing that was not checked.

SV3D was published as single files, `sv3d_u.safetensors` and `sv3d_p.safetensors`, for the code of Stability's
generative-models, with names under `model.diffusion_model.`, `first_stage_model.` and `conditioner.`. Here it is read
as diffusers and transformers would store it: `unet/`, `vae/`, `image_encoder/`, `feature_extractor/` and `scheduler/`.
Bring a single file to this form first; for SV3D_p, converted folders are shared (chenguolin/sv3d-diffusers). Neither
was at hand: a key or tensor that such a folder has and this does not know is refused by its name.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_kl_temporal_decoder import AutoencoderKLTemporalDecoder
from diffusers.models.unets.unet_spatio_temporal_condition import UNetSpatioTemporalConditionModel
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

from mouse_facelift.mvdiffusion.generators.sv3d.frames import FRAMES
from mouse_facelift.mvdiffusion.generators.sv3d.unet import ANGLE_WIDTH, NOISE_WIDTH, Sv3dUnet
from mouse_facelift.mvdiffusion.loading import load_image_encoder, load_image_processor, load_vae
from mouse_facelift.mvdiffusion.stored import built_from, diffusers_arguments, expect, read_json
from mouse_facelift.mvdiffusion.weights import DIFFUSERS_FILES, load_folder_exactly

Sv3dVersion = Literal["u", "p"]
"""`u` turns around at the reference's elevation; `p` is told each frame's elevation and azimuth."""

VECTOR_WIDTHS: dict[Sv3dVersion, int] = {"u": NOISE_WIDTH, "p": NOISE_WIDTH + 2 * ANGLE_WIDTH}
_UNET_CLASSES = ("UNetSpatioTemporalConditionModel", "SV3DUNetSpatioTemporalConditionModel")
_PARTS = ("feature_extractor", "image_encoder", "scheduler", "unet", "vae")


@dataclass(frozen=True)
class Sv3dParts:
    """The networks of SV3D.

    Raises:
        ValueError: two parts do not fit each other.
    """

    version: Sv3dVersion
    unet: Sv3dUnet
    vae: AutoencoderKLTemporalDecoder | AutoencoderKL
    image_encoder: CLIPVisionModelWithProjection
    feature_extractor: CLIPImageProcessorPil
    """of which mean and standard deviation are used"""
    scheduler: EulerDiscreteScheduler

    def __post_init__(self) -> None:
        pairs = {
            "the image encoder's projection_dim and the UNet's cross_attention_dim": (
                self.image_encoder.config.projection_dim,
                self.unet.config.cross_attention_dim,
            ),
            "the VAE's latent_channels and the UNet's out_channels": (
                self.vae.config.latent_channels,
                self.unet.config.out_channels,
            ),
        }
        if wrong := [f"{name}: {one} and {other}" for name, (one, other) in pairs.items() if one != other]:
            raise ValueError(f"parts that do not fit each other: {'; '.join(wrong)}")

    @property
    def pixels_per_latent(self) -> int:
        """Pixels of a picture along one side of one latent pixel."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    def to(self, device: str | torch.device, dtype: torch.dtype = torch.float32) -> "Sv3dParts":
        """Move every network to a device and a type of numbers, in place."""
        for network in (self.unet, self.vae, self.image_encoder):
            network.to(device=device, dtype=dtype)
        return self


def load_sv3d(folder: str | Path, version: Sv3dVersion) -> Sv3dParts:
    """Load SV3D from a folder of diffusers' layout, in float32 and evaluation mode.

    Raises FileNotFoundError for a file that is absent, and ValueError for a single file or for the other version, or
    that names every key, value or tensor that does not fit.
    """
    if version not in (known := get_args(Sv3dVersion)):
        raise ValueError(f"version is {version!r}, expected one of {known}")
    folder = Path(folder)
    if folder.is_file():
        raise ValueError(
            f"{folder}: a single file of generative-models' layout must first be converted to a folder with {_PARTS}"
        )
    if missing := [name for name in _PARTS if not (folder / name).is_dir()]:
        raise FileNotFoundError(f"{folder}: no folders {missing}; SV3D is read from {_PARTS}")
    parts = {
        "unet": _load_unet(folder / "unet", version),
        "vae": _load_vae(folder / "vae"),
        "image_encoder": load_image_encoder(folder / "image_encoder"),
        "feature_extractor": load_image_processor(folder / "feature_extractor"),
        "scheduler": _load_scheduler(folder / "scheduler"),
    }
    try:
        return Sv3dParts(version, **parts)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error


def _load_unet(folder: Path, version: Sv3dVersion) -> Sv3dUnet:
    path = folder / "config.json"
    required = (
        *("addition_time_embed_dim", "block_out_channels", "cross_attention_dim", "down_block_types", "in_channels"),
        *("layers_per_block", "num_attention_heads", "num_frames", "out_channels"),
        *("projection_class_embeddings_input_dim", "transformer_layers_per_block", "up_block_types"),
    )
    only = {
        "addition_time_embed_dim": NOISE_WIDTH,
        "in_channels": 8,
        "num_frames": FRAMES,
        "out_channels": 4,
        "projection_class_embeddings_input_dim": VECTOR_WIDTHS[version],
    }
    found = read_json(path)
    expect(path, found, {"_class_name"}, {})
    name = found["_class_name"] if found["_class_name"] in _UNET_CLASSES else None
    arguments = diffusers_arguments(path, UNetSpatioTemporalConditionModel, required, only, name)
    with built_from(path), torch.device("meta"):
        unet = Sv3dUnet(**arguments)
    load_folder_exactly(unet, folder, DIFFUSERS_FILES)
    unet.eval()
    return unet


def _load_vae(folder: Path) -> AutoencoderKLTemporalDecoder | AutoencoderKL:
    """Load the autoencoder, whose decoder looks at neighboring frames or, as its class says, does not."""
    path = folder / "config.json"
    found = read_json(path)
    expect(path, found, {"_class_name"}, {})
    if found["_class_name"] == AutoencoderKL.__name__:
        return load_vae(folder)
    required = (
        *("block_out_channels", "down_block_types", "in_channels", "latent_channels", "layers_per_block"),
        *("out_channels", "scaling_factor"),
    )
    only = {"in_channels": 3, "out_channels": 3}
    arguments = diffusers_arguments(path, AutoencoderKLTemporalDecoder, required, only)
    with built_from(path), torch.device("meta"):
        vae = AutoencoderKLTemporalDecoder(**arguments)
    load_folder_exactly(vae, folder, DIFFUSERS_FILES)
    vae.eval()
    return vae


def _load_scheduler(folder: Path) -> EulerDiscreteScheduler:
    """Read the steps of Karras et al., arXiv:2206.00364, between these noises; the stored betas decide nothing then."""
    only = {
        "final_sigmas_type": "zero",
        "prediction_type": "v_prediction",
        "sigma_max": 700.0,
        "sigma_min": 0.002,
        "timestep_spacing": "leading",
        "timestep_type": "continuous",
        "use_karras_sigmas": True,
    }
    path = folder / "scheduler_config.json"
    arguments = diffusers_arguments(path, EulerDiscreteScheduler, only.keys() - {"final_sigmas_type"}, only)
    with built_from(path):
        return EulerDiscreteScheduler(**arguments)
