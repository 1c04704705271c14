"""Writing folders and pictures so that nothing half-made is left unsaid."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside `folder` to write into, and put it in the place of `folder` at the end."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    yield partial
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)


def write_png(path: Path, picture: UInt8[np.ndarray, "height width channel"]) -> None:
    """Write an RGB or RGBA (straight alpha) picture.

    Raises:
        OSError: the file could not be written.
    """
    order = cv2.COLOR_RGBA2BGRA if picture.shape[2] == 4 else cv2.COLOR_RGB2BGR
    if not cv2.imwrite(str(path), cv2.cvtColor(picture, order)):
        raise OSError(f"{path}: could not write the picture")
