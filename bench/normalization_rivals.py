"""What normalization is measured against: the bare calls of its libraries, and a script as one would write it first."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np

Masks = Sequence[Sequence[np.ndarray]]  # per frame and view
Lens = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # K, distortion, rotation, new K (OpenCV's origin)


def floor_seconds(
    videos: Sequence[Path], masks: Masks, lenses: Sequence[Sequence[Lens]], size: int, out: Path
) -> dict[str, float]:
    """Time bare decoding to RGB, bare remapping of picture and mask, and bare PNG writing, one after the other.

    The maps are there before, nothing is blurred or weighted by alpha; the files show the animal alone, as the
    project's do.
    """

    def decode() -> None:
        for video in videos:
            for _ in _decoded(video, len(masks)):
                pass

    seconds = {"decode": _time(decode)}
    first = [next(_decoded(video, 1)) for video in videos]
    maps = [
        [cv2.initUndistortRectifyMap(K, D, R, new_K, (size, size), cv2.CV_16SC2) for K, D, R, new_K in of_frame]
        for of_frame in lenses
    ]
    grays = [[mask.astype(np.uint8) * 255 for mask in of_frame] for of_frame in masks]

    def remap() -> None:
        for frame in range(len(masks)):
            for view, picture in enumerate(first):
                cv2.remap(picture, *maps[frame][view], cv2.INTER_LINEAR)
                cv2.remap(grays[frame][view], *maps[frame][view], cv2.INTER_LINEAR)

    seconds["remap"] = _time(remap)
    views = [
        (cv2.remap(picture, *of_map, cv2.INTER_LINEAR), cv2.remap(gray, *of_map, cv2.INTER_LINEAR))
        for picture, gray, of_map in zip(first, grays[0], maps[0], strict=True)
    ]
    sampled = [np.dstack([np.where(alpha[..., None] > 0, view, 0).astype(np.uint8), alpha]) for view, alpha in views]

    def encode() -> None:
        for number in range(len(masks) * len(videos)):
            encoded = cv2.imencode(".png", sampled[number % len(sampled)])[1]
            (out / f"{number}.png").write_bytes(encoded.tobytes())

    seconds["encode"] = _time(encode)
    return seconds


def _decoded(video: Path, frames: int) -> Iterator[np.ndarray]:
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        for frame in islice(container.decode(stream), frames):
            yield frame.to_ndarray(format="rgb24")


def script_seconds(
    videos: Sequence[Path], masks: Masks, lenses: Sequence[Sequence[Lens]], size: int, out: Path
) -> float:
    """Time a script that seeks each frame, undistorts, resizes, warps and writes it with OpenCV."""

    def script() -> None:
        single = [cv2.CAP_PROP_N_THREADS, 1]
        captures = [cv2.VideoCapture(str(video), cv2.CAP_FFMPEG, single) for video in videos]
        for frame, of_frame in enumerate(masks):
            for view, mask in enumerate(of_frame):
                captures[view].set(cv2.CAP_PROP_POS_FRAMES, frame)
                _, picture = captures[view].read()
                K, D, R, new_K = lenses[frame][view]
                halved = np.diag([0.5, 0.5, 1.0]) @ K
                warp = new_K @ R @ np.linalg.inv(halved)
                new = [
                    cv2.warpPerspective(
                        cv2.resize(cv2.undistort(raw, K, D), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
                        warp,
                        (size, size),
                    )
                    for raw in (picture, mask.astype(np.uint8) * 255)
                ]
                cv2.imwrite(str(out / f"{frame}_{view}.png"), cv2.merge([*cv2.split(new[0]), new[1]]))

    return _time(script)


def _time(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
