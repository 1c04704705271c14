"""Build the parts of a released `pipeckpts/` folder, each from its own sub-folder."""

from pathlib import Path

import torch

from mouse_facelift.mvdiffusion.config import read_unet_config
from mouse_facelift.mvdiffusion.unet import MultiviewUnet
from mouse_facelift.mvdiffusion.weights import DIFFUSERS_FILES, load_folder_exactly


def load_unet(folder: str | Path) -> MultiviewUnet:
    """Load the multi-view UNet of a `unet/` folder in the released layout, in float32 and evaluation mode.

    Raises FileNotFoundError without `config.json` or weights, and ValueError that names every flag that is not
    supported, or every tensor that does not fit.
    """
    folder = Path(folder)
    with torch.device("meta"):
        unet = MultiviewUnet(read_unet_config(folder / "config.json"))
    load_folder_exactly(unet, folder, DIFFUSERS_FILES)
    unet.eval()
    return unet
