"""Sizes and switches of a GS-LRM network, read from the published form of its configuration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from mouse_facelift.formats.texts import read_json

# Beyond these nothing could be built, or only in days; the published network is 1024 wide, of 24 layers.
WIDTH_LIMIT, LAYERS_LIMIT = 65_536, 1000


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class ImageTokenizer(_Section):
    """How pictures are cut into tokens."""

    image_size: Annotated[PositiveInt, Field(le=WIDTH_LIMIT)]
    """Width and height in pixels that the weights were trained at."""
    patch_size: PositiveInt
    in_channels: Literal[9]
    """Color, ray direction and the ray's nearest point, three each."""

    @model_validator(mode="after")
    def _patches_fill_the_picture(self) -> "ImageTokenizer":
        if self.image_size % self.patch_size:
            raise ValueError(f"patch_size {self.patch_size} does not divide image_size {self.image_size}")
        return self


class Transformer(_Section):
    """Width, heads and depth."""

    d: Annotated[PositiveInt, Field(le=WIDTH_LIMIT)]
    d_head: PositiveInt
    n_layer: Annotated[PositiveInt, Field(le=LAYERS_LIMIT)]

    @model_validator(mode="after")
    def _heads_fill_the_width(self) -> "Transformer":
        if self.d % self.d_head:
            raise ValueError(f"d_head {self.d_head} does not divide d {self.d}")
        return self


class Upsampler(_Section):
    """Free Gaussians for each free token; the published code accepts one alone."""

    upsample_factor: Literal[1]


class GaussianHeads(_Section):
    """What is predicted."""

    n_gaussians: Annotated[NonNegativeInt, Field(le=10_000_000)]
    """Free Gaussians, which belong to no pixel."""
    sh_degree: Literal[0]
    upsampler: Upsampler


class Activations(_Section):
    """From the network's raw numbers to Gaussians, in world units."""

    scale_bias: float
    """Log-scale at raw 0."""
    scale_cap: float
    """Largest log-scale."""
    opacity_bias: float
    """Opacity logit at raw 0."""
    depth_range: PositiveFloat
    """How far from a ray's nearest point its Gaussian may lie, either way."""


# Constants of the code that trained the released weights, so no published configuration names them.
RELEASED_ACTIVATIONS = Activations(scale_bias=-2.3, scale_cap=-1.2, opacity_bias=-2.0, depth_range=1.8)


class GslrmConfig(_Section):
    """A GS-LRM network. The published keys, and `activations`, which stands for the released ones where it is absent.

    Switches that the released weights leave at one value accept that value only.
    """

    image_tokenizer: ImageTokenizer
    transformer: Transformer
    gaussians: GaussianHeads
    activations: Activations = RELEASED_ACTIVATIONS
    add_refsrc_marker: bool
    """Learned vectors tell the first view from the others. Without them the order of views does not matter."""
    hard_pixelalign: Literal[True]
    use_custom_plucker: Literal[True]
    clip_xyz_applied: Literal[False]
    num_input_views: PositiveInt
    num_views: PositiveInt

    @property
    def values_per_gaussian(self) -> int:
        """Raw numbers a Gaussian: position 3, color 3, scale 3, rotation 4, opacity 1."""
        return 14


def read_config(config: GslrmConfig | Mapping[str, Any] | str | Path) -> GslrmConfig:
    """Read a network's configuration from a mapping or a JSON file.

    Raises FileNotFoundError without the file, ValueError for keys that are unknown, missing or out of range.
    """
    if isinstance(config, GslrmConfig):
        return config
    content: object
    if isinstance(config, Mapping):
        source, content = "GS-LRM config", config
    else:
        source, content = str(config), read_json(Path(config))
    try:
        return GslrmConfig.model_validate(content)
    except ValidationError as error:
        raise ValueError(f"{source}: {error}") from error
