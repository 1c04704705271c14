"""Tiny folders of the other generators, in the layout, classes and names of tensors of their full size."""

import json
from pathlib import Path
from typing import Any, Literal

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_kl_temporal_decoder import AutoencoderKLTemporalDecoder
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.models.unets.unet_spatio_temporal_condition import UNetSpatioTemporalConditionModel
from diffusers.schedulers.scheduling_euler_ancestral_discrete import EulerAncestralDiscreteScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection

from mouse_facelift.mvdiffusion.generators.interface import Reference
from tests.unit.mvdiffusion.released import TINY_FEATURE_EXTRACTOR

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WIDTH = 12
"""of prompts and of the embedded picture"""
TOKENS = 77

ZERO123PLUS_UNET: dict[str, Any] = {
    "attention_head_dim": (1, 2),
    "block_out_channels": (8, 16),
    "cross_attention_dim": WIDTH,
    "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "sample_size": 4,
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    "use_linear_projection": True,
}

SV3D_UNET: dict[str, Any] = {
    "block_out_channels": (32, 32),
    "cross_attention_dim": WIDTH,
    "down_block_types": ("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
    "layers_per_block": 1,
    "num_attention_heads": (1, 2),
    "num_frames": 21,
    "up_block_types": ("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
}

MODEL_INDEX: dict[str, Any] = {
    "_class_name": "Zero123PlusPipeline",
    "_diffusers_version": "0.17.1",
    "feature_extractor_clip": ["transformers", "CLIPImageProcessor"],
    "feature_extractor_vae": ["transformers", "CLIPImageProcessor"],
    "ramping_coefficients": [token / (TOKENS - 1) for token in range(TOKENS)],
    "safety_checker": [None, None],
    "scheduler": ["diffusers", "EulerAncestralDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "vision_encoder": ["transformers", "CLIPVisionModelWithProjection"],
}


def disc(size: int = 16, color: tuple[int, int, int] = (200, 60, 30), elevation: float = 0.0) -> Reference:
    """A disc of one color in the middle of a transparent picture."""
    across = torch.arange(size) + 0.5 - size / 2
    alpha = (across[:, None] ** 2 + across**2 < (size / 3) ** 2).to(torch.uint8) * 255
    return Reference(torch.stack([torch.full_like(alpha, part) for part in color] + [alpha]), elevation)


def write_zero123plus(folder: Path) -> None:
    UNet2DConditionModel(**ZERO123PLUS_UNET).save_pretrained(folder / "unet")
    _write_vae(folder / "vae")
    _write_vision(folder / "vision_encoder")
    EulerAncestralDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="linear", prediction_type="v_prediction"
    ).save_pretrained(folder / "scheduler")
    write_text_encoder(folder, WIDTH)
    of_vae = {"crop_size": {"height": 8, "width": 8}, "image_mean": [0.5] * 3, "image_std": [0.8] * 3}
    _write_extractor(folder / "feature_extractor_clip")
    _write_extractor(folder / "feature_extractor_vae", **of_vae, do_center_crop=False)
    (folder / "model_index.json").write_text(json.dumps(MODEL_INDEX))


def write_sv3d(folder: Path, version: Literal["u", "p"]) -> None:
    width = {"u": 256, "p": 1280}[version]
    UNetSpatioTemporalConditionModel(**SV3D_UNET, projection_class_embeddings_input_dim=width).save_pretrained(
        folder / "unet"
    )
    AutoencoderKLTemporalDecoder(
        block_out_channels=(32, 32), down_block_types=("DownEncoderBlock2D",) * 2
    ).save_pretrained(folder / "vae")
    _write_vision(folder / "image_encoder")
    _write_extractor(folder / "feature_extractor")
    EulerDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        sigma_max=700.0,
        sigma_min=0.002,
        timestep_spacing="leading",
        timestep_type="continuous",
        use_karras_sigmas=True,
    ).save_pretrained(folder / "scheduler")


def _write_vae(folder: Path) -> None:
    AutoencoderKL(
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=4,
    ).save_pretrained(folder)


def _write_vision(folder: Path) -> None:
    CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=8,
            image_size=8,
            intermediate_size=16,
            num_attention_heads=2,
            num_hidden_layers=1,
            patch_size=4,
            projection_dim=WIDTH,
        )
    ).save_pretrained(folder)


def _write_extractor(folder: Path, **changes: Any) -> None:
    folder.mkdir()
    (folder / "preprocessor_config.json").write_text(json.dumps(TINY_FEATURE_EXTRACTOR | changes))


def write_text_encoder(folder: Path, width: int) -> None:
    CLIPTextModel(
        CLIPTextConfig(
            hidden_size=width,
            intermediate_size=16,
            max_position_embeddings=TOKENS,
            num_attention_heads=2,
            num_hidden_layers=1,
            vocab_size=2 + 2 * len(LETTERS),
        )
    ).save_pretrained(folder / "text_encoder")
    (folder / "tokenizer").mkdir()
    words = ["<|startoftext|>", "<|endoftext|>", *LETTERS, *(f"{letter}</w>" for letter in LETTERS)]
    vocabulary = {word: number for number, word in enumerate(words)}
    (folder / "tokenizer" / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "tokenizer" / "merges.txt").write_text("#version: 0.2\n")
    (folder / "tokenizer" / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "CLIPTokenizer", "model_max_length": TOKENS, "unk_token": "<|endoftext|>"})
    )
