"""A tiny laboratory: a bright ball moves before four cameras with distorted lenses."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from mouse_facelift.geometry.cameras import invert_poses
from mouse_facelift.geometry.lenses import project
from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.imaging.pictures import write_rgb, write_rgba
from mouse_facelift.imaging.video import write_video
from mouse_facelift.settings import Capture

CAMERAS = ("north", "east", "south", "west")
WIDTH, HEIGHT, FRAMES, RADIUS = 128, 96, 5, 15.0
K = torch.tensor([[150.0, 0.0, 60.0], [0.0, 152.0, 50.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
LENS = torch.tensor([-0.2, 0.05, 0.001, -0.001, 0.0], dtype=torch.float64)


@dataclass
class Laboratory:
    """Files of one recording in `folder`, and what is true of it."""

    folder: Path
    poses: torch.Tensor
    """world to camera, mm"""
    centers: torch.Tensor
    """of the ball, mm, per frame"""
    unit: float = 1.0
    """millimeters of one unit of the calibration file"""
    left_out: set[str] = field(default_factory=set)

    def mask(self, view: int, frame: int) -> np.ndarray:
        pixel = project(self.centers[frame : frame + 1], K, LENS, self.poses[view])[0]
        depth = float(self.poses[view, 2, :3] @ self.centers[frame] + self.poses[view, 2, 3])
        picture = np.zeros((HEIGHT, WIDTH), np.uint8)
        x, y = (16 * pixel).round().int().tolist()
        cv2.circle(picture, (x, y), round(16 * 150 * RADIUS / depth), 255, thickness=-1, shift=4)
        return picture

    def picture(self, view: int, frame: int) -> np.ndarray:
        return np.repeat(np.maximum(self.mask(view, frame), 40)[..., None], 3, axis=2)

    def write_calibration(self) -> None:
        lines = []
        for view, name in enumerate(CAMERAS):
            rotation = cv2.Rodrigues(self.poses[view, :3, :3].numpy())[0].ravel().tolist()
            lines += [
                f"[cam_{view}]",
                f'name = "{name}"',
                f"size = [{WIDTH}, {HEIGHT}]",
                f"matrix = {json.dumps(K.tolist())}",
                f"distortions = {LENS.tolist()}",
                f"rotation = {rotation}",
                f"translation = {(self.poses[view, :3, 3] / self.unit).tolist()}",
            ]
        (self.folder / "calibration.toml").write_text("\n".join([*lines, "[metadata]"]))

    def write_videos(self, length: int = FRAMES) -> None:
        for view, name in enumerate(CAMERAS):
            write_video(self.video(name), [self.picture(view, n) for n in range(length)], rate=25, crf=10)
            write_video(self.mask_video(name), [self.mask(view, n) for n in range(length)], rate=25, crf=10)

    def write_pictures(self) -> None:
        for number in range(FRAMES):
            (self.folder / f"{number:03d}").mkdir()
            for view, name in enumerate(CAMERAS):
                rgb, mask = self.picture(view, number), self.mask(view, number)
                write_rgb(self.folder / f"{number:03d}" / f"{name}.png", rgb)
                write_rgb(self.folder / f"{number:03d}" / f"{name}_mask.png", np.repeat(mask[..., None], 3, axis=2))
                write_rgba(self.folder / f"{number:03d}" / f"{name}_cut.png", np.dstack([rgb, mask]))

    def video(self, name: str) -> Path:
        return self.folder / f"{name}.mp4"

    def mask_video(self, name: str) -> Path:
        return self.folder / f"{name}_mask.mp4"

    def capture(self, **changes: Any) -> Capture:
        section: dict[str, Any] = {
            "cameras": list(CAMERAS),
            "calibration": {
                "path": str(self.folder / "calibration.toml"),
                "format": None,
                "names": None,
                "image_sizes": None,
                "millimeters_per_unit": self.unit,
                "up": [0, 0, 2],
            },
            "pictures": f"{self.folder}/{{camera}}.mp4",
            "masks": {"kind": "video", "path": f"{self.folder}/{{camera}}_mask.mp4", "threshold": 127},
            "frames": [0, 2, 4],
            "key_points": None,
            "accept_red": [],
        }
        return Capture.model_validate(section | changes)


@pytest.fixture
def laboratory(tmp_path: Path) -> Laboratory:
    turn = torch.deg2rad(torch.tensor([100.0, 15.0, -80.0, -165.0], dtype=torch.float64))
    stands = torch.stack(
        [300 * turn.cos(), 300 * turn.sin(), torch.tensor([120.0, 60.0, 150.0, 90.0]).double()], dim=-1
    )
    up = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    poses = invert_poses(look_at(stands, torch.tensor([0.0, 0.0, 20.0], dtype=torch.float64), up))
    steps = torch.linspace(-1, 1, FRAMES, dtype=torch.float64)
    centers = torch.stack([30 * steps, 20 * steps.square(), 20 + 5 * steps], dim=-1)
    built = Laboratory(tmp_path, poses, centers)
    built.write_calibration()
    return built
