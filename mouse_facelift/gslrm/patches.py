"""The order in which GS-LRM lists pixels: by view, by patch, and inside a patch by row."""

from einops import rearrange
from jaxtyping import Float
from torch import Tensor


def pixels_to_tokens(
    pictures: Float[Tensor, "batch view channel height width"], patch_size: int
) -> Float[Tensor, "batch token pixel_channel"]:
    """Cut pictures into square patches; inside a token the channel runs fastest.

    Raises ValueError if patches do not fill the pictures.
    """
    height, width = pictures.shape[-2:]
    if height % patch_size or width % patch_size:
        raise ValueError(f"pictures of {width} x {height} px do not divide into patches of {patch_size} px")
    return rearrange(
        pictures,
        "batch view channel (row p) (column q) -> batch (view row column) (p q channel)",
        p=patch_size,
        q=patch_size,
    )


def pixels_to_rows(
    pictures: Float[Tensor, "batch view channel height width"], patch_size: int
) -> Float[Tensor, "batch pixel channel"]:
    """List all pixels in the order of the Gaussians that they become."""
    tokens = pixels_to_tokens(pictures, patch_size)
    return tokens.reshape(len(pictures), -1, pictures.shape[2])


def rows_to_pixels(
    rows: Float[Tensor, "batch pixel channel"], patch_size: int, views: int, height: int, width: int
) -> Float[Tensor, "batch view channel height width"]:
    """Undo `pixels_to_rows`: a picture of whatever each pixel's Gaussian holds."""
    return rearrange(
        rows,
        "batch (view row column p q) channel -> batch view channel (row p) (column q)",
        view=views,
        row=height // patch_size,
        column=width // patch_size,
        p=patch_size,
        q=patch_size,
    )
