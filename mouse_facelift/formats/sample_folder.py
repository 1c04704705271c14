"""FaceLift's own sample folder: `images/cam_000.png` (RGBA) and `opencv_cameras.json`.

Schema: weijielyu/FaceLift, data_sample/gslrm/sample_000.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, UInt8
from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError
from torch import Tensor

from mouse_facelift.formats.manifest import Matrix4
from mouse_facelift.formats.texts import read_json
from mouse_facelift.geometry.cameras import Cameras, invert_poses
from mouse_facelift.imaging.pictures import read_rgba, write_rgba

CAMERAS_FILE = "opencv_cameras.json"
WHITE = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Sample:
    """Posed views of one scene."""

    name: str
    cameras: Cameras
    images: UInt8[Tensor, "view height width 4"]
    """RGBA, straight alpha"""
    background: tuple[float, float, float] = WHITE
    """red, green and blue, 0..1, on which a network is shown the pictures; a stored sample's is white"""

    def over_white(self) -> Float[Tensor, "view 3 height width"]:
        """Colors in [0, 1], composited over white."""
        return self._over(WHITE)

    def over_background(self) -> Float[Tensor, "view 3 height width"]:
        """Colors in [0, 1], composited over the sample's background."""
        return self._over(self.background)

    def _over(self, background: tuple[float, float, float]) -> Float[Tensor, "view 3 height width"]:
        rgba = self.images.permute(0, 3, 1, 2).float() / 255
        alpha = rgba[:, 3:]
        return rgba[:, :3] * alpha + (1 - alpha) * torch.tensor(background)[:, None, None]

    @property
    def alpha(self) -> Float[Tensor, "view height width"]:
        return self.images[..., 3].float() / 255


def write_sample(folder: Path, sample: Sample, view_names: Sequence[str]) -> None:
    """Write a sample into an existing, empty folder. `view_names` go to the file as provenance. No background does.

    Whole when the folder is (`formats.whole`).
    """
    (folder / "images").mkdir()
    frames = []
    world_to_camera = sample.cameras.world_to_camera.double().tolist()
    for view, (image, name) in enumerate(zip(sample.images, view_names, strict=True)):
        file = f"images/cam_{view:03d}.png"
        write_rgba(folder / file, image.numpy())
        fx, fy, cx, cy = sample.cameras.fxfycxcy[view].double().tolist()
        frames.append(
            {
                "w": sample.cameras.width,
                "h": sample.cameras.height,
                "fx": fx,
                "fy": fy,
                "cx": cx,
                "cy": cy,
                "w2c": world_to_camera[view],
                "file_path": file,
                "view_name": name,
            }
        )
    text = json.dumps({"id": sample.name, "frames": frames}, indent=1) + "\n"
    (folder / CAMERAS_FILE).write_text(text, encoding="utf-8")


def read_sample(folder: Path) -> Sample:
    """Read a sample folder.

    Raises:
        FileNotFoundError: the cameras or a picture that they name is absent.
        ValueError: names the file and the field that is wrong: a key, a size, a rotation that is not proper.
    """
    path = folder / CAMERAS_FILE
    frames = read_camera_frames(path)
    images: list[Tensor] = []
    for view, frame in enumerate(frames):
        if "file_path" not in frame:
            raise ValueError(f"{path}: frames[{view}] has no file_path: a rig without pictures is no sample")
        image = torch.from_numpy(read_rgba(folder / frame["file_path"]))
        if images and image.shape != images[0].shape:
            raise ValueError(
                f"{folder / frame['file_path']}: found {tuple(image.shape)},"
                f" but the first view has {tuple(images[0].shape)}"
            )
        images.append(image)
    stack = torch.stack(images)
    height, width = stack.shape[1:3]
    for view, frame in enumerate(frames):
        if (frame["w"], frame["h"]) != (width, height):
            raise ValueError(
                f"{path}: frames[{view}].w, h: found {frame['w']} x {frame['h']},"
                f" but {frame['file_path']} has {width} x {height} px"
            )
    return Sample(folder.name, camera_frames_to_cameras(frames, path), stack)


def read_camera_frames(path: Path) -> list[dict[str, Any]]:
    """Read `frames` of an opencv_cameras.json and check that each holds what a camera needs.

    Raises:
        ValueError: names the file, the frame and the key.
    """
    content = read_json(path)
    frames = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(frames, list) or not frames:
        raise ValueError(f"{path}: frames: a list of cameras was expected")
    return [_camera_frame(frame, f"{path}: frames[{view}]") for view, frame in enumerate(frames)]


class _CameraFrame(BaseModel):
    """What a camera needs; other keys are left as they are."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    w: PositiveInt
    h: PositiveInt
    fx: float
    fy: float
    cx: float
    cy: float
    w2c: Matrix4
    file_path: str | None = None


def _camera_frame(frame: object, where: str) -> dict[str, Any]:
    if not isinstance(frame, dict):
        raise ValueError(f"{where}: found {type(frame).__name__}, expected a table of fields")
    if missing := {"w", "h", "fx", "fy", "cx", "cy", "w2c"} - set(frame):
        raise ValueError(f"{where}: missing {sorted(missing)}; found {sorted(frame)}")
    try:
        return _CameraFrame.model_validate(frame).model_dump(exclude_unset=True)
    except ValidationError as error:
        (first, *_) = error.errors()
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"{where}.{place}: {first['msg']}; found {str(first['input'])[:80]!r}") from None


def camera_frames_to_cameras(frames: Sequence[dict[str, Any]], path: Path) -> Cameras:
    """Build pinhole cameras of one picture size from the frames of an opencv_cameras.json."""
    sizes = {(frame["w"], frame["h"]) for frame in frames}
    if len(sizes) > 1:
        raise ValueError(f"{path}: frames[].w, h: found {sorted(sizes)}, expected one size for all views")
    width, height = sizes.pop()
    intrinsics = torch.zeros(len(frames), 3, 3, dtype=torch.float64)
    for view, frame in enumerate(frames):
        intrinsics[view, 0, 0], intrinsics[view, 1, 1] = frame["fx"], frame["fy"]
        intrinsics[view, 0, 2], intrinsics[view, 1, 2] = frame["cx"], frame["cy"]
        intrinsics[view, 2, 2] = 1
    world_to_camera = torch.tensor([frame["w2c"] for frame in frames], dtype=torch.float64)
    try:
        return Cameras(invert_poses(world_to_camera), intrinsics, width, height)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
