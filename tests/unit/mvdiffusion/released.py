"""The released layout: its UNet's configuration, and tiny folders with the same keys and files."""

import json
from pathlib import Path
from typing import Any

from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import StableUnCLIPImageNormalizer
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from mouse_facelift.mvdiffusion.config import read_unet_config
from mouse_facelift.mvdiffusion.loading import write_unet
from mouse_facelift.mvdiffusion.unet import MultiviewUnet

RELEASED_UNET: dict[str, Any] = {
    "_class_name": "UNetMV2DConditionModel",
    "_diffusers_version": "0.30.3",
    "act_fn": "silu",
    "addition_channels": [1280, 1280, 1280],
    "addition_downsample": False,
    "addition_embed_type": None,
    "addition_embed_type_num_heads": 64,
    "addition_time_embed_dim": None,
    "attention_head_dim": [5, 10, 20, 20],
    "block_out_channels": [320, 640, 1280, 1280],
    "cd_attention_last": False,
    "cd_attention_mid": False,
    "center_input_sample": False,
    "class_embed_type": "projection",
    "class_embeddings_concat": False,
    "conv_in_kernel": 3,
    "conv_out_kernel": 3,
    "cross_attention_dim": 1024,
    "cross_attention_norm": None,
    "down_block_types": [*["CrossAttnDownBlockMV2D"] * 3, "DownBlock2D"],
    "downsample_padding": 1,
    "dual_cross_attention": False,
    "encoder_hid_dim": None,
    "encoder_hid_dim_type": None,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "in_channels": 8,
    "layers_per_block": 2,
    "mid_block_only_cross_attention": None,
    "mid_block_scale_factor": 1,
    "mid_block_type": "UNetMidBlockMV2DCrossAttn",
    "multiview_attention": True,
    "norm_eps": 1e-05,
    "norm_num_groups": 32,
    "num_attention_heads": None,
    "num_class_embeds": None,
    "num_views": 6,
    "only_cross_attention": False,
    "out_channels": 4,
    "projection_class_embeddings_input_dim": 2048,
    "resnet_out_scale_factor": 1.0,
    "resnet_skip_time_act": False,
    "resnet_time_scale_shift": "default",
    "sample_size": 64,
    "selfattn_block": "custom",
    "sparse_mv_attention": True,
    "time_cond_proj_dim": None,
    "time_embedding_act_fn": None,
    "time_embedding_dim": None,
    "time_embedding_type": "positional",
    "timestep_post_act": None,
    "transformer_layers_per_block": 1,
    "up_block_types": ["UpBlock2D", *["CrossAttnUpBlockMV2D"] * 3],
    "upcast_attention": True,
    "use_linear_projection": True,
}

TINY_UNET: dict[str, Any] = RELEASED_UNET | {
    "attention_head_dim": [1, 2],
    "block_out_channels": [8, 16],
    "cross_attention_dim": 12,
    "down_block_types": ["CrossAttnDownBlockMV2D", "DownBlock2D"],
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "projection_class_embeddings_input_dim": 20,
    "sample_size": 4,
    "up_block_types": ["UpBlock2D", "CrossAttnUpBlockMV2D"],
}

TINY_FEATURE_EXTRACTOR: dict[str, Any] = {
    "crop_size": {"height": 8, "width": 8},
    "do_center_crop": True,
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_processor_type": "CLIPImageProcessor",
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"shortest_edge": 8},
}

MODEL_INDEX: dict[str, Any] = {
    "_class_name": "StableUnCLIPImg2ImgPipeline",
    "_diffusers_version": "0.30.3",
    "feature_extractor": ["transformers", "CLIPImageProcessor"],
    "image_encoder": ["transformers", "CLIPVisionModelWithProjection"],
    "image_noising_scheduler": ["diffusers", "DDPMScheduler"],
    "image_normalizer": ["stable_diffusion", "StableUnCLIPImageNormalizer"],
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["mvdiffusion.models.unet_mv2d_condition", "UNetMV2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def write_pipeline(folder: Path) -> None:
    """Write a tiny `pipeckpts/` folder in the released layout, without text encoder and tokenizer."""
    write_unet(folder / "unet", MultiviewUnet(read_unet_config(TINY_UNET)))
    AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
    ).save_pretrained(folder / "vae")
    CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=8,
            image_size=8,
            intermediate_size=16,
            num_attention_heads=2,
            num_hidden_layers=1,
            patch_size=4,
            projection_dim=10,
        )
    ).save_pretrained(folder / "image_encoder")
    StableUnCLIPImageNormalizer(embedding_dim=10).save_pretrained(folder / "image_normalizer")
    DDPMScheduler(beta_schedule="squaredcos_cap_v2").save_pretrained(folder / "image_noising_scheduler")
    DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type="v_prediction",
    ).save_pretrained(folder / "scheduler")
    (folder / "feature_extractor").mkdir()
    (folder / "feature_extractor" / "preprocessor_config.json").write_text(json.dumps(TINY_FEATURE_EXTRACTOR))
    (folder / "model_index.json").write_text(json.dumps(MODEL_INDEX))


def change(path: Path, changes: dict[str, Any], without: str | None = None) -> None:
    """Change some keys of a JSON file, and leave one out."""
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if key != without}))
