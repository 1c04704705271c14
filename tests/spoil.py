"""Spoil a recording on disk, as real ones are: a camera that was touched, a video that runs late, a wrong file."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from mouse_facelift.imaging.video import probe_video, read_frames, write_video


def rewrite_video(path: Path, change: Callable[[list[np.ndarray]], list[np.ndarray]]) -> None:
    """Write a video anew with its frames changed."""
    facts = probe_video(path)
    pictures = [picture for _, picture in read_frames(path, range(facts.frames))]
    path.unlink()
    write_video(path, change(pictures), facts.rate, crf=17)


def section(text: str, camera: int, field: str) -> str:
    """The text of one camera's field."""
    found = re.search(rf"\[cam_{camera}\].*?\n{field} = (.*?)\n", text, re.DOTALL)
    assert found
    return found[1]


def turn_camera(path: Path, camera: int, degrees: float) -> None:
    """Turn one camera of a calibration about its own x."""
    text = path.read_text()
    turn = cv2.Rodrigues(np.radians([degrees, 0.0, 0.0]))[0]
    written = {field: section(text, camera, field) for field in ("rotation", "translation")}
    values = {field: np.array(json.loads(value.replace(",]", "]"))) for field, value in written.items()}
    rotation = cv2.Rodrigues(turn @ cv2.Rodrigues(values["rotation"])[0])[0][:, 0]
    text = text.replace(written["rotation"], str(rotation.tolist()))
    path.write_text(text.replace(written["translation"], str((turn @ values["translation"]).tolist())))


def lengthen_focal(path: Path, camera: int, factor: float) -> None:
    """Write a wrong focal length into one camera of a calibration."""
    text = path.read_text()
    written = section(text, camera, "matrix")
    matrix = np.array(json.loads(written.replace(",]", "]")))
    matrix[[0, 1], [0, 1]] *= factor
    path.write_text(text.replace(written, str(matrix.tolist())))


def delay(folder: Path, camera: str, frames: int) -> None:
    """Let one camera's video, and its masks with it, run late."""
    for kind in ("videos", "masks"):
        rewrite_video(folder / kind / f"{camera}.mp4", lambda shown: [shown[0]] * frames + shown[:-frames])
