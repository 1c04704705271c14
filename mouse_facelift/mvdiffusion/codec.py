"""Latents without a trained autoencoder: blocks of pixels, one below the other."""

import json
from pathlib import Path
from typing import Any

from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError
from torch import Tensor
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

CLASS_NAME = "SpaceToDepth"


class SpaceToDepth(BaseModel):
    """An exact codec for small pictures: each block of factor x factor pixels becomes one latent pixel.

    Nothing is trained and nothing is lost, so that what a small network gets wrong is its own; an autoencoder small
    enough to be trained along would blur pictures of 64 px. White becomes 0, which is also what a dropped condition is.
    It takes the place of a released folder's `vae/`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    class_name: str = Field(default=CLASS_NAME, alias="_class_name", pattern=f"^{CLASS_NAME}$")
    factor: PositiveInt
    """pixels along a block's side"""
    scale: PositiveFloat
    """latents are so many times what pixels, in 0..1, lack of white, negative; it brings their spread near 1"""

    @property
    def latent_channels(self) -> int:
        return int(3 * self.factor**2)

    def encode(
        self, pictures: Float[Tensor, "row 3 picture_height picture_width"]
    ) -> Float[Tensor, "row channel height width"]:
        """Latents of pictures in 0..1, whose sides are multiples of `factor`."""
        return pixel_unshuffle(self.scale * (pictures - 1), self.factor)

    def decode(
        self, latents: Float[Tensor, "row channel height width"]
    ) -> Float[Tensor, "row 3 picture_height picture_width"]:
        """Pictures of latents; in 0..1 if they are those of pictures."""
        return pixel_shuffle(latents, self.factor) / self.scale + 1


def read_codec(path: Path, content: dict[str, Any]) -> SpaceToDepth:
    """Read a codec from the content of the `config.json` at `path`. Raises ValueError that names every wrong key."""
    try:
        return SpaceToDepth.model_validate(content)
    except ValidationError as error:
        raise ValueError(f"{path}: {error}") from error


def write_codec(folder: Path, codec: SpaceToDepth) -> None:
    """Write the codec into a folder that exists."""
    text = json.dumps(codec.model_dump(by_alias=True), indent=2) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")
