"""The subject of generated views, told from their background and laid on white."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt, label
from torch import Tensor

from mouse_facelift.formats.sample_folder import WHITE
from mouse_facelift.mvdiffusion.generators.interface import GeneratedViews

RIM = 2
"""px either side of a mask's edge in which subject and background are mixed"""
NEAR = 4 * RIM
"""px from which the subject's unmixed color is taken at most: a thin tail has none of its own"""
DISTINCT = 0.05
"""of 0..1: a color nearer to the background's cannot be told from a mixture"""


def masks_against_background(views: GeneratedViews, tolerance: float) -> Bool[Tensor, "view height width"]:
    """Take for the subject all that is not joined to a picture's edge by pixels of the background's color.

    A pixel has that color if no channel differs by more than `tolerance` of 0..1. So an eye as gray as the background
    stays, but a hole through the subject is filled, and a subject whose outline has the background's color is eaten.

    Raises:
        ValueError: a view shows nothing but background.
    """
    background = torch.tensor(views.background)[:, None, None]
    plain = ((views.pictures - background).abs().amax(dim=1) <= tolerance).numpy()
    masks = np.ones(plain.shape, dtype=bool)
    for view, pixels in enumerate(plain):
        parts, _ = label(pixels)
        edge = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
        masks[view] = ~np.isin(parts, edge[edge > 0])
        if not masks[view].any():
            raise ValueError(f"view {view} shows nothing but its background {views.background}, within {tolerance}")
    return torch.from_numpy(masks)


def lay_on_white(views: GeneratedViews, masks: Bool[Tensor, "view height width"]) -> GeneratedViews:
    """Replace the background by white, as reconstruction has it, at the subject's soft edge too.

    Near a mask's edge each pixel is a mixture of the background and of the subject's color, which is taken from the
    nearest pixel well inside; its share follows from both. Where there is none nearby, the mask decides.
    """
    pictures = views.pictures.double().numpy()
    background = np.array(views.background)[:, None, None]
    laid = np.ones_like(pictures)
    for view, (picture, mask) in enumerate(zip(pictures, masks.numpy(), strict=True)):
        share = _shares(picture, mask, background)
        laid[view] = np.where(share > 0, picture + (1 - share) * (1 - background), 1)
    clamped = torch.from_numpy(laid).clamp(0, 1).to(views.pictures.dtype)
    return GeneratedViews(clamped, views.cameras, WHITE, views.reference_row)


def _shares(
    picture: Float[np.ndarray, "3 height width"],
    mask: Bool[np.ndarray, "height width"],
    background: Float[np.ndarray, "3 1 1"],
) -> Float[np.ndarray, "height width"]:
    """How much of each pixel is the subject's, 0..1."""
    inside = binary_erosion(mask, iterations=RIM, border_value=1)
    share = mask.astype(np.float64)
    if not inside.any():
        return share
    distance, (rows, columns) = distance_transform_edt(~inside, return_indices=True)
    apart = picture[:, rows, columns] - background
    square = (apart**2).sum(axis=0)
    mixed = binary_dilation(mask, iterations=RIM) & ~inside & (distance <= NEAR) & (square > DISTINCT**2)
    along = ((picture - background) * apart).sum(axis=0)
    share[mixed] = (along[mixed] / square[mixed]).clip(0, 1)
    return share
