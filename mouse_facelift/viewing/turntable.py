"""Pictures of Gaussians from a camera that circles them, as MP4 and GIF."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image

from mouse_facelift.formats.whole import whole_file
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.imaging.video import write_video
from mouse_facelift.rendering.render import Backend, render
from mouse_facelift.settings import Turntable
from mouse_facelift.viewing.orbit import Orbit

CRF = 20  # of H.264
GIF_COLORS = 128
INK = (110, 110, 110)  # of the caption, on white


@torch.no_grad()
def turn(
    scenes: Sequence[Gaussians],
    captions: Sequence[str],
    orbit: Orbit,
    radius: float,
    table: Turntable,
    backend: Backend,
) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Render one turn, over white, in which the scenes follow one another in equal parts of it.

    Args:
        scenes: one or several; one alone is there for the whole turn.
        captions: of each scene, written into the pictures.
        orbit: the circle.
        radius: world units around its center that the pictures show.
        table: frames, size, elevation.
        backend: of `render`.
    """
    cameras = orbit.cameras(table.frames, table.elevation, radius, table.image_size)
    for frame in range(table.frames):
        number = frame * len(scenes) // table.frames
        rgb = render(scenes[number], cameras[[frame]], backend).rgb[0]
        pixels = np.ascontiguousarray((rgb.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy())
        scale = table.image_size / 640
        place = (round(16 * scale), table.image_size - round(16 * scale))
        cv2.putText(pixels, captions[number], place, cv2.FONT_HERSHEY_SIMPLEX, scale, INK, 1, cv2.LINE_AA)
        yield pixels


def write_turn(mp4: Path, gif: Path, frames: Sequence[UInt8[np.ndarray, "height width 3"]], rate: int) -> None:
    """Write pictures as H.264 that browsers play and as a GIF that repeats; `rate` is in frames a second.

    GIF counts hundredths of a second: the nearest number of them is taken.
    """
    with whole_file(mp4) as partial:
        write_video(partial, frames, rate, CRF)
    pictures = [Image.fromarray(pixels).quantize(GIF_COLORS) for pixels in frames]
    with whole_file(gif) as partial:
        duration = max(2, round(100 / rate)) * 10
        pictures[0].save(partial, save_all=True, append_images=pictures[1:], duration=duration, loop=0)
