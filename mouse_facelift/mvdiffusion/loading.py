"""Load a released `pipeckpts/` folder, each part from its own sub-folder, and nothing that was not checked."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import StableUnCLIPImageNormalizer
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModelWithProjection

from mouse_facelift.formats.tensors import load_exactly, write_tensors
from mouse_facelift.formats.whole import whole_folder
from mouse_facelift.mvdiffusion.codec import CLASS_NAME, SpaceToDepth, read_codec
from mouse_facelift.mvdiffusion.config import read_unet_config
from mouse_facelift.mvdiffusion.pipeline import Pipeline
from mouse_facelift.mvdiffusion.stored import built_from, diffusers_arguments, expect, read_json, refuse_unknown
from mouse_facelift.mvdiffusion.unet import MultiviewUnet
from mouse_facelift.mvdiffusion.weights import (
    DIFFUSERS_FILES,
    TRANSFORMERS_FILES,
    found_file,
    load_folder_exactly,
    read_tensors,
    without_positions,
)

# Stock diffusers has a pipeline of the same name that computes something else.
PARTS: dict[str, Any] = {
    "_class_name": "StableUnCLIPImg2ImgPipeline",
    "feature_extractor": ["transformers", "CLIPImageProcessor"],
    "image_encoder": ["transformers", "CLIPVisionModelWithProjection"],
    "image_noising_scheduler": ["diffusers", "DDPMScheduler"],
    "image_normalizer": ["stable_diffusion", "StableUnCLIPImageNormalizer"],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "unet": ["mvdiffusion.models.unet_mv2d_condition", "UNetMV2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
OWN_CODEC = ["mouse_facelift", CLASS_NAME]
_ATTENTION_NAMES = {"query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"}
_NEVER_READ = ("text_encoder", "tokenizer", "_diffusers_version", "_name_or_path")


def load_pipeline(folder: str | Path, unet: Path | None = None) -> Pipeline:
    """Load the view generator of a `pipeckpts/` folder, in float32 and evaluation mode.

    `unet` is a folder to take the UNet from in place of the one that stands there.

    The text encoder and tokenizer are not read and may be absent: prompt embeddings are a file of their own.

    Raises FileNotFoundError for a file that is absent, and ValueError that names every key, value or tensor that does
    not fit.
    """
    folder = Path(folder)
    index = read_json(folder / "model_index.json")
    refuse_unknown(folder / "model_index.json", index, {*PARTS, *_NEVER_READ})
    own_codec = {"vae": OWN_CODEC} if index.get("vae") == OWN_CODEC else {}
    expect(folder / "model_index.json", index, PARTS, PARTS | own_codec)
    parts = {
        "unet": load_unet(folder / "unet" if unet is None else unet),
        "vae": load_vae(folder / "vae"),
        "image_encoder": load_image_encoder(folder / "image_encoder"),
        "image_processor": load_image_processor(folder / "feature_extractor"),
        "image_normalizer": load_image_normalizer(folder / "image_normalizer"),
        "image_noising_scheduler": load_image_noising_scheduler(folder / "image_noising_scheduler"),
        "scheduler": load_scheduler(folder / "scheduler"),
    }
    try:
        return Pipeline(**parts)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error


def load_unet(folder: str | Path) -> MultiviewUnet:
    """Load the multi-view UNet of a `unet/` folder in the released layout, in float32 and evaluation mode.

    Raises FileNotFoundError without `config.json` or weights, and ValueError that names every flag that is not
    supported, or every tensor that does not fit.
    """
    folder = Path(folder)
    config = read_unet_config(folder / "config.json")
    with built_from(folder / "config.json"), torch.device("meta"):
        unet = MultiviewUnet(config)
    load_folder_exactly(unet, folder, DIFFUSERS_FILES)
    unet.eval()
    return unet


def find_weights(folder: Path) -> Path:
    """The weights' file of a sub-folder. Raises FileNotFoundError without one."""
    return found_file(folder, DIFFUSERS_FILES)


def write_unet(folder: Path, unet: MultiviewUnet) -> None:
    """Write a `unet/` folder in the released layout, whole, from which `load_unet` gives the same network."""
    config = unet.released_config.model_dump(by_alias=True, exclude_unset=True)
    with whole_folder(folder) as partial:
        (partial / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        write_tensors(partial / DIFFUSERS_FILES[0], unet.state_dict())


def load_vae(folder: Path) -> AutoencoderKL | SpaceToDepth:
    """Load the autoencoder between pictures and latents, or an exact codec in its place. Raises as `load_unet`."""
    path = folder / "config.json"
    if (content := read_json(path)).get("_class_name") == CLASS_NAME:
        return read_codec(path, content)
    required = (
        *("act_fn", "block_out_channels", "down_block_types", "in_channels", "latent_channels", "layers_per_block"),
        *("norm_num_groups", "out_channels", "scaling_factor", "up_block_types"),
    )
    only = {"in_channels": 3, "out_channels": 3, "shift_factor": None, "latents_mean": None, "latents_std": None}
    arguments = diffusers_arguments(folder / "config.json", AutoencoderKL, required, only)
    with built_from(path), torch.device("meta"):
        vae = AutoencoderKL(**arguments)
    source, tensors = read_tensors(folder, DIFFUSERS_FILES)
    load_exactly(vae, {_todays_name(name): tensor for name, tensor in tensors.items()}, str(source))
    return vae.eval()


def load_image_encoder(folder: Path) -> CLIPVisionModelWithProjection:
    """Load the CLIP network that embeds pictures. Raises as `load_unet`."""
    path = folder / "config.json"
    content = read_json(path)
    required = (
        *("architectures", "hidden_act", "hidden_size", "image_size", "intermediate_size", "layer_norm_eps"),
        *("num_attention_heads", "num_hidden_layers", "patch_size", "projection_dim"),
    )
    only = {"architectures": ["CLIPVisionModelWithProjection"], "model_type": "clip_vision_model", "num_channels": 3}
    refuse_unknown(path, content, {*CLIPVisionConfig().to_dict(), "torch_dtype", "dropout"})
    expect(path, content, required, only | {"dropout": 0.0})
    # Type of the stored numbers, and a switch of older versions; both change nothing here.
    arguments = {key: value for key, value in content.items() if key not in {"torch_dtype", "dropout"}}
    with built_from(path), torch.device("meta"):
        encoder = CLIPVisionModelWithProjection(CLIPVisionConfig(**arguments))
    source, tensors = read_tensors(folder, TRANSFORMERS_FILES)
    load_exactly(encoder, without_positions(tensors, str(source)), str(source))
    _count_positions(encoder)
    return encoder.eval()


def load_image_processor(folder: Path, center_crop: bool | None = True) -> CLIPImageProcessorPil:
    """Read how 8-bit pictures are brought to a network's size and range, cropped or not (None: either).

    Raises as `load_unet`.
    """
    path = folder / "preprocessor_config.json"
    content = {key: value for key, value in read_json(path).items() if not key.startswith("_")}
    required = (
        *("crop_size", "do_center_crop", "do_convert_rgb", "do_normalize", "do_rescale", "do_resize", "image_mean"),
        *("image_processor_type", "image_std", "resample", "rescale_factor", "size"),
    )
    refuse_unknown(path, content, {*required, "feature_extractor_type"})
    # The same class had two names for a while.
    names = {"image_processor_type": "CLIPImageProcessor", "feature_extractor_type": "CLIPFeatureExtractor"}
    steps = dict.fromkeys(("do_normalize", "do_rescale", "do_resize"), True)
    if center_crop is not None:
        steps["do_center_crop"] = center_crop
    expect(path, content, required, {**names, **steps})
    if content["resample"] not in range(6):  # Pillow's ways
        raise ValueError(f"{path}: not supported: resample is {content['resample']!r}, expected 0 to 5")
    with built_from(path):
        return CLIPImageProcessorPil(**{key: value for key, value in content.items() if key not in names})


def load_image_normalizer(folder: Path) -> StableUnCLIPImageNormalizer:
    """Load mean and standard deviation of picture embeddings. Raises as `load_unet`."""
    arguments = diffusers_arguments(folder / "config.json", StableUnCLIPImageNormalizer, ("embedding_dim",), {})
    with built_from(folder / "config.json"):
        normalizer = StableUnCLIPImageNormalizer(**arguments)
    load_folder_exactly(normalizer, folder, DIFFUSERS_FILES)
    return normalizer.eval()


def load_image_noising_scheduler(folder: Path) -> DDPMScheduler:
    """Read how picture embeddings are noised. Raises as `load_unet`."""
    required = ("beta_schedule", "num_train_timesteps")
    path = folder / "scheduler_config.json"
    arguments = diffusers_arguments(path, DDPMScheduler, required, {})
    with built_from(path):
        return DDPMScheduler(**arguments)


def load_scheduler(folder: Path) -> DDIMScheduler:
    """Read how latents are noised in training, and stepped through in sampling. Raises as `load_unet`."""
    required = (
        *("beta_end", "beta_schedule", "beta_start", "clip_sample", "num_train_timesteps", "prediction_type"),
        *("rescale_betas_zero_snr", "set_alpha_to_one", "steps_offset", "thresholding", "timestep_spacing"),
    )
    only = {"prediction_type": "v_prediction"}
    path = folder / "scheduler_config.json"
    arguments = diffusers_arguments(path, DDIMScheduler, required, only)
    with built_from(path):
        return DDIMScheduler(**arguments)


def _todays_name(name: str) -> str:
    """The name of an autoencoder's tensor, of which diffusers once wrote those of attention otherwise."""
    for old, new in _ATTENTION_NAMES.items():
        if f".attentions.0.{old}." in name:
            return name.replace(f".{old}.", f".{new}.")
    return name


def _count_positions(encoder: CLIPVisionModelWithProjection) -> None:
    """Make what a network built on the meta device computes itself and no file holds: the numbers of its positions."""
    for module in encoder.modules():
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_meta:
                assert name == "position_ids", f"{name} of the image encoder is in no file"
                module.register_buffer(name, torch.arange(buffer.shape[-1]).expand(buffer.shape), persistent=False)
