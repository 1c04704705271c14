"""Rule `write_fresh_generator`: a small view generator of random weights, written as the released one is."""

import json
from pathlib import Path
from typing import Any

import torch
from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import StableUnCLIPImageNormalizer
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from jaxtyping import Float
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from mouse_facelift.formats.whole import whole_folder
from mouse_facelift.mvdiffusion.codec import SpaceToDepth, write_codec
from mouse_facelift.mvdiffusion.config import UnetConfig
from mouse_facelift.mvdiffusion.loading import OWN_CODEC, PARTS, write_unet
from mouse_facelift.mvdiffusion.prompts import RELEASED_VIEWS, write_prompt_embeddings
from mouse_facelift.mvdiffusion.unet import MultiviewUnet
from mouse_facelift.settings import FreshGenerator

EMBEDDING = 32  # width of picture embeddings; such a small encoder says little, and the reference's latent says all
PICTURE = 32  # px, as the picture encoder sees them


def write_fresh_generator(folder: Path, prompts: Path, size: FreshGenerator, picture_size: int) -> None:
    """Write a `pipeckpts/` folder, and prompt embeddings for the released views, drawn from `size.seed` alone.

    The text encoder is absent, as nothing needs it; `vae/` holds an exact codec. `picture_size` is in px.

    Raises:
        ValueError: pictures or widths that cannot be divided as `size` asks.
    """
    require_divisible(size, picture_size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(size.seed)
        with whole_folder(folder) as partial:
            _write_parts(partial, size, picture_size)
        write_prompt_embeddings(prompts, fresh_prompts(len(RELEASED_VIEWS), size.text_width))


def require_divisible(size: FreshGenerator, picture_size: int) -> None:
    """Raise ValueError for pictures or widths that cannot be divided as `size` asks."""
    smallest = size.codec_factor * 2 ** (len(size.widths) - 1)
    if picture_size % smallest:
        raise ValueError(
            f"codec_factor and widths: pictures of {picture_size} px are no multiple of {smallest} px,"
            " one pixel of the UNet's coarsest block"
        )
    if odd := [width for width in size.widths if width % size.head_width]:
        raise ValueError(f"widths: {odd} are no multiples of head_width, {size.head_width}")
    if size.text_width < len(RELEASED_VIEWS):
        raise ValueError(f"text_width: found {size.text_width}, expected at least {len(RELEASED_VIEWS)}")


def fresh_prompts(views: int, width: int) -> Float[Tensor, "view 1 width"]:
    """Draw embeddings of one token each, at right angles to each other and of unit spread."""
    columns, _ = torch.linalg.qr(torch.randn(width, views))
    drawn: Tensor = (columns.T * width**0.5)[:, None]
    return drawn


def unet_config(size: FreshGenerator, latent_size: int) -> UnetConfig:
    """The configuration of the released UNet, but for its sizes."""
    channels = 3 * size.codec_factor**2
    attending = [block >= size.attending_from for block in range(len(size.widths))]
    content: dict[str, Any] = {
        "_class_name": "UNetMV2DConditionModel",
        "_diffusers_version": "0.42.1",
        "act_fn": "silu",
        "addition_channels": [size.widths[-1]] * 3,
        "addition_downsample": False,
        "addition_embed_type": None,
        "addition_embed_type_num_heads": 64,
        "addition_time_embed_dim": None,
        "attention_head_dim": [width // size.head_width for width in size.widths],
        "block_out_channels": list(size.widths),
        "cd_attention_last": False,
        "cd_attention_mid": False,
        "center_input_sample": False,
        "class_embed_type": "projection",
        "class_embeddings_concat": False,
        "conv_in_kernel": 3,
        "conv_out_kernel": 3,
        "cross_attention_dim": size.text_width,
        "cross_attention_norm": None,
        "down_block_types": ["CrossAttnDownBlockMV2D" if attends else "DownBlock2D" for attends in attending],
        "downsample_padding": 1,
        "dual_cross_attention": False,
        "encoder_hid_dim": None,
        "encoder_hid_dim_type": None,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "in_channels": 2 * channels,
        "layers_per_block": size.layers_per_block,
        "mid_block_only_cross_attention": None,
        "mid_block_scale_factor": 1,
        "mid_block_type": "UNetMidBlockMV2DCrossAttn",
        "multiview_attention": True,
        "norm_eps": 1e-5,
        "norm_num_groups": 8,
        "num_attention_heads": None,
        "num_class_embeds": None,
        "num_views": len(RELEASED_VIEWS),
        "only_cross_attention": False,
        "out_channels": channels,
        "projection_class_embeddings_input_dim": 2 * EMBEDDING,
        "resnet_out_scale_factor": 1.0,
        "resnet_skip_time_act": False,
        "resnet_time_scale_shift": "default",
        "sample_size": latent_size,
        "selfattn_block": "custom",
        "sparse_mv_attention": True,
        "time_cond_proj_dim": None,
        "time_embedding_act_fn": None,
        "time_embedding_dim": None,
        "time_embedding_type": "positional",
        "timestep_post_act": None,
        "transformer_layers_per_block": 1,
        "up_block_types": ["CrossAttnUpBlockMV2D" if attends else "UpBlock2D" for attends in attending[::-1]],
        "upcast_attention": False,
        "use_linear_projection": True,
    }
    return UnetConfig.model_validate_json(json.dumps(content))


def _write_parts(folder: Path, size: FreshGenerator, picture_size: int) -> None:
    write_unet(folder / "unet", MultiviewUnet(unet_config(size, picture_size // size.codec_factor)))
    (folder / "vae").mkdir()
    write_codec(
        folder / "vae", SpaceToDepth(_class_name="SpaceToDepth", factor=size.codec_factor, scale=size.codec_scale)
    )
    CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=EMBEDDING,
            image_size=PICTURE,
            intermediate_size=2 * EMBEDDING,
            num_attention_heads=2,
            num_hidden_layers=1,
            patch_size=PICTURE // 4,
            projection_dim=EMBEDDING,
        )
    ).save_pretrained(folder / "image_encoder")
    StableUnCLIPImageNormalizer(embedding_dim=EMBEDDING).save_pretrained(folder / "image_normalizer")
    DDPMScheduler(beta_schedule="squaredcos_cap_v2").save_pretrained(folder / "image_noising_scheduler")
    DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=0,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,  # so that a few steps, which begin with nothing but noise, are enough
        timestep_spacing="trailing",  # (arXiv:2305.08891)
    ).save_pretrained(folder / "scheduler")
    (folder / "feature_extractor").mkdir()
    processor = {
        "crop_size": {"height": PICTURE, "width": PICTURE},
        "do_center_crop": True,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_processor_type": "CLIPImageProcessor",
        "image_std": [0.5, 0.5, 0.5],
        "resample": 3,
        "rescale_factor": 1 / 255,
        "size": {"shortest_edge": PICTURE},
    }
    _write_json(folder / "feature_extractor" / "preprocessor_config.json", processor)
    _write_json(folder / "model_index.json", PARTS | {"vae": OWN_CODEC})


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
