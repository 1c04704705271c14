"""Sizes and switches of the multi-view UNet, read from the `config.json` of a released `unet/` folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from mouse_facelift.mvdiffusion.attention import ViewAttention
from mouse_facelift.mvdiffusion.stored import LAYERS_LIMIT

_STOCK_BLOCKS = {
    "CrossAttnDownBlockMV2D": "CrossAttnDownBlock2D",
    "DownBlock2D": "DownBlock2D",
    "UNetMidBlockMV2DCrossAttn": "UNetMidBlock2DCrossAttn",
    "UpBlock2D": "UpBlock2D",
    "CrossAttnUpBlockMV2D": "CrossAttnUpBlock2D",
}
_NOT_OF_THE_STOCK_CLASS = {
    "class_name",
    "diffusers_version",
    "name_or_path",
    "num_views",
    "multiview_attention",
    "sparse_mv_attention",
    "selfattn_block",
    "cd_attention_last",
    "cd_attention_mid",
    "addition_downsample",
    "addition_channels",
}


class UnetConfig(BaseModel):
    """A multi-view UNet in the keys of the class that wrote the released folder.

    Switches that the released weights leave at one value accept that value only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    class_name: Literal["UNetMV2DConditionModel"] = Field(alias="_class_name")
    diffusers_version: str = Field(alias="_diffusers_version")
    name_or_path: str | None = Field(default=None, alias="_name_or_path")
    """Where the weights of the writer came from; it changes nothing."""

    num_views: PositiveInt
    multiview_attention: bool
    sparse_mv_attention: bool
    selfattn_block: Literal["custom"]
    cd_attention_last: Literal[False]
    cd_attention_mid: Literal[False]
    addition_downsample: Literal[False]
    addition_channels: tuple[PositiveInt, ...]
    """Widths of a branch that exists with `addition_downsample` alone."""

    sample_size: PositiveInt
    """Width and height of the latents that the weights were trained at."""
    in_channels: PositiveInt
    """Noisy latent and latent of the reference picture: 4 each in the released network."""
    out_channels: PositiveInt
    """Channels of a latent."""
    block_out_channels: tuple[PositiveInt, ...]
    layers_per_block: Annotated[PositiveInt, Field(le=LAYERS_LIMIT)]
    down_block_types: tuple[Literal["CrossAttnDownBlockMV2D", "DownBlock2D"], ...]
    mid_block_type: Literal["UNetMidBlockMV2DCrossAttn"]
    up_block_types: tuple[Literal["UpBlock2D", "CrossAttnUpBlockMV2D"], ...]
    attention_head_dim: tuple[PositiveInt, ...]
    """Number of heads of each block, in spite of its name."""
    num_attention_heads: None
    cross_attention_dim: PositiveInt
    """Width of the prompt embeddings."""
    projection_class_embeddings_input_dim: PositiveInt
    """Width of the picture's embedding and of its noise level's, together."""
    class_embed_type: Literal["projection"]
    class_embeddings_concat: Literal[False]
    num_class_embeds: None
    transformer_layers_per_block: Annotated[PositiveInt, Field(le=LAYERS_LIMIT)]
    use_linear_projection: bool
    upcast_attention: bool
    norm_num_groups: PositiveInt
    norm_eps: PositiveFloat
    act_fn: Literal["silu"]
    flip_sin_to_cos: bool
    freq_shift: int
    downsample_padding: int
    mid_block_scale_factor: PositiveFloat
    resnet_out_scale_factor: PositiveFloat
    resnet_skip_time_act: bool
    resnet_time_scale_shift: Literal["default"]
    conv_in_kernel: PositiveInt
    conv_out_kernel: PositiveInt
    center_input_sample: Literal[False]
    only_cross_attention: Literal[False]
    mid_block_only_cross_attention: Literal[False] | None
    dual_cross_attention: Literal[False]
    cross_attention_norm: None
    encoder_hid_dim: None
    encoder_hid_dim_type: None
    addition_embed_type: None
    addition_embed_type_num_heads: PositiveInt
    addition_time_embed_dim: None
    time_embedding_type: Literal["positional"]
    time_embedding_dim: None
    time_embedding_act_fn: None
    timestep_post_act: None
    time_cond_proj_dim: None

    @model_validator(mode="after")
    def _blocks_agree(self) -> "UnetConfig":
        counts = {
            name: len(getattr(self, name))
            for name in ("block_out_channels", "down_block_types", "up_block_types", "attention_head_dim")
        }
        if len(set(counts.values())) != 1:
            raise ValueError(f"every block needs a width, a type down and up, and heads; found {counts}")
        if self.in_channels != 2 * self.out_channels:
            raise ValueError(
                f"in_channels: found {self.in_channels}, expected {2 * self.out_channels}, twice out_channels"
            )
        return self

    @property
    def attention(self) -> ViewAttention:
        """What the weights were trained to attend to."""
        if not self.multiview_attention:
            return "single"
        return "sparse" if self.sparse_mv_attention else "dense"

    @property
    def stock(self) -> dict[str, Any]:
        """The arguments of the stock `UNet2DConditionModel` with the same tensors."""
        arguments = self.model_dump(exclude=_NOT_OF_THE_STOCK_CLASS)
        arguments["mid_block_type"] = _STOCK_BLOCKS[self.mid_block_type]
        for side in ("down_block_types", "up_block_types"):
            arguments[side] = tuple(_STOCK_BLOCKS[block] for block in arguments[side])
        return arguments


def read_unet_config(config: UnetConfig | Mapping[str, Any] | str | Path) -> UnetConfig:
    """Read a UNet's configuration from a mapping or from the `config.json` of its folder.

    Raises FileNotFoundError without the file, and ValueError for keys that are unknown or missing and for flags that
    are not supported, by name.
    """
    if isinstance(config, UnetConfig):
        return config
    try:
        return UnetConfig.model_validate_json(
            json.dumps(dict(config)) if isinstance(config, Mapping) else Path(config).read_bytes()
        )
    except ValidationError as error:
        source = "UNet config" if isinstance(config, Mapping) else config
        raise ValueError(f"{source}: {error}") from error
