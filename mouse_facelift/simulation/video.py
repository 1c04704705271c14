"""H.264 files as laboratories keep them."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from jaxtyping import UInt8


class VideoFile:
    """One mp4 (H.264, 4:2:0) that frames are appended to; the same frames give the same bytes."""

    def __init__(self, path: Path, width: int, height: int, frames_per_second: int, quality: int) -> None:
        """`quality` is x264's constant rate factor: 17 is nearly lossless, 23 ordinary."""
        self._container = av.open(str(path), "w")
        # Without cpu-independent, x264's macroblock tree gives different bytes from run to run.
        options = {"crf": str(quality), "g": str(frames_per_second), "x264-params": "threads=1:cpu-independent=1"}
        self._stream = self._container.add_stream("libx264", rate=Fraction(frames_per_second), options=options)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"

    def append(self, picture: UInt8[np.ndarray, "height width 3"]) -> None:
        """Encode one RGB frame."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> "VideoFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()


def read_video(path: Path) -> UInt8[np.ndarray, "frame height width 3"]:
    """All frames of a short video, RGB."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
