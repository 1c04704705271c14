"""What `find_animal` wrote of all chunks; what is large is read when it is asked for."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor

from mouse_facelift.formats.animal import join_animals, read_animal, read_shapes
from mouse_facelift.formats.frames import ChunkFiles
from mouse_facelift.formats.mask_pack import MaskPack

MOST_SURFACES = 200  # frames, spread evenly; a floor is known from fewer


class SeenChunks:
    """Numbers of all frames, and the way to their shapes and masks."""

    def __init__(self, animals: Sequence[Path], masks: Sequence[Path]) -> None:
        """Read the numbers.

        Raises:
            FileNotFoundError, ValueError: as `formats.arrays.read_arrays`.
        """
        self.files = tuple(
            ChunkFiles(animal=str(one), masks=str(other)) for one, other in zip(animals, masks, strict=True)
        )
        chunks = [read_animal(path) for path in animals]
        self.animals = join_animals(chunks)
        counts = [len(chunk.frames) for chunk in chunks]
        self.chunk_of: list[int] = np.repeat(np.arange(len(counts)), counts).tolist()
        """of each frame"""

    def masks(self, frame: int) -> list[Bool[np.ndarray, "_ _"]]:
        """Cleaned masks of one frame."""
        return MaskPack(Path(self.files[self.chunk_of[self._place(frame)]].masks)).masks(frame)

    def surfaces(self, frames: Int64[np.ndarray, "frame"]) -> list[Float[Tensor, "point 3"]]:
        """Points of the hull's surface, mm, in at most `MOST_SURFACES` of some frames, all of which have a hull."""
        spread = frames[np.unique(np.linspace(0, len(frames) - 1, min(len(frames), MOST_SURFACES)).astype(int))]
        return [torch.from_numpy(row).double() for row in self._shapes(spread, "surfaces")]

    def outlines(self, frames: Int64[np.ndarray, "frame"]) -> Float32[np.ndarray, "view frame vertex 2"]:
        """Convex outlines of some frames' masks."""
        rows = self._shapes(frames, "outlines")
        longest = max(row.shape[1] for row in rows)
        padded = [np.pad(row, ((0, 0), (0, longest - row.shape[1]), (0, 0)), mode="edge") for row in rows]
        return np.stack(padded, axis=1)

    def _shapes(self, frames: Int64[np.ndarray, "frame"], field: str) -> list[np.ndarray]:
        """One field of `AnimalShapes`, per frame; each file is read once."""
        rows: list[np.ndarray] = []
        opened, shapes, first = -1, None, 0
        for frame in frames.tolist():
            place = self._place(frame)
            if self.chunk_of[place] != opened:
                opened = self.chunk_of[place]
                shapes, first = read_shapes(Path(self.files[opened].animal)), self.chunk_of.index(opened)
            values = np.asarray(getattr(shapes, field))
            rows.append(values[place - first] if field == "surfaces" else values[:, place - first])
        return rows

    def _place(self, frame: int) -> int:
        return int(np.searchsorted(self.animals.frames, frame))
