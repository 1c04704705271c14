"""Contact sheets, to look at what was simulated."""

from pathlib import Path

import numpy as np

from mouse_facelift.formats.packs import read_pack
from mouse_facelift.imaging.pictures import write_rgb
from mouse_facelift.imaging.video import probe_video, read_frames


def preview_capture(capture: Path, picture: Path, columns: int = 5) -> None:
    """One row a camera, frames spread over the capture; the last two again as their masks cut them out."""
    rows = []
    for path in sorted((capture / "videos").glob("*.mp4")):
        chosen = np.unique(np.linspace(0, probe_video(path).frames - 1, columns).astype(int)).tolist()
        shown = np.stack([frame for _, frame in read_frames(path, chosen)])
        masks = np.stack([frame for _, frame in read_frames(capture / "masks" / path.name, chosen)]) > 127
        row = np.concatenate([*shown, *np.where(masks, shown, shown // 4)[-2:]], axis=1)
        rows.append(row)
    write_rgb(picture, np.concatenate(rows, axis=0))


def preview_animals(pack: Path, picture: Path, rows: int = 8, columns: int = 4) -> None:
    """A block of animals, all views of each in a strip, over white."""
    images = read_pack(pack).images[: rows * columns]
    alpha = images[..., 3:] / 255
    flat = np.round(images[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    strips = [np.concatenate(list(views), axis=1) for views in flat]
    lines = [np.concatenate(strips[i : i + columns], axis=1) for i in range(0, len(strips), columns)]
    write_rgb(picture, np.concatenate([line for line in lines if line.shape == lines[0].shape], axis=0))
