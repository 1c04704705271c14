"""Generators of views: what their training starts from, how they are trained, and how they draw."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from mouse_facelift.settings.base import Section


class FreshGenerator(Section):
    """A small view generator of random weights, in the released layout: what two processor cores can train."""

    kind: Literal["fresh"]
    codec_factor: PositiveInt
    """pixels along the side of a block that becomes one latent pixel, see `mvdiffusion.codec`"""
    codec_scale: PositiveFloat
    widths: Annotated[tuple[PositiveInt, ...], Field(min_length=2)]
    """channels of the UNet's blocks, each at half the resolution of the one before"""
    head_width: PositiveInt
    layers_per_block: PositiveInt
    text_width: PositiveInt
    """of the prompt embeddings, which are drawn at random, at right angles to each other; at least 6"""
    seed: NonNegativeInt
