"""COLMAP: a folder with `cameras` and `images`, as text or binary. Every picture is one camera of the rig.

Schema: colmap/colmap, `src/colmap/scene/reconstruction_io_text.cc`, `reconstruction_io_binary.cc` and
`src/colmap/sensor/models.h`.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from scipy.spatial.transform import Rotation

from mouse_facelift.capture.calibration import fields
from mouse_facelift.capture.calibration.colmap_files import MODELS, ColmapCamera, ColmapImage, read_binary, read_text
from mouse_facelift.capture.calibration.pictures import absent_pictures, camera_names
from mouse_facelift.capture.calibration.rig import LabCamera, join_cameras
from mouse_facelift.geometry.calibration import Calibration

_KINDS = (".txt", ".bin")
_NORM_TOLERANCE = 1e-3  # of a quaternion's length
_NOTES = (
    "pixel origin: the picture's corner (center of the top-left pixel at 0.5, 0.5); 0.5 px was taken from cx and cy",
    "rotation: quaternion (w first) and translation, world to camera, OpenCV axes, kept",
    "unit and up: not in the files; COLMAP's own scale is arbitrary",
)


def mismatch(path: Path) -> str | None:
    """Say why a folder, or a file of it, is not of this format; None if it is."""
    if not path.is_dir() and path.stem not in ("cameras", "images"):
        return "not cameras.txt, images.txt, cameras.bin or images.bin, nor a folder with them"
    return None if _kind(path) else "a folder without cameras.txt and images.txt (or .bin)"


def read(path: Path) -> Calibration:
    """Read the folder; where text and binary files lie side by side, the file given decides, or the text.

    Raises:
        ValueError: names the file, the camera and the field.
    """
    kind = _kind(path)
    if kind is None:
        raise ValueError(f"{path}: COLMAP's model is cameras.txt and images.txt (or both .bin) side by side")
    folder = path if path.is_dir() else path.parent
    lenses, images = read_text(folder) if kind == ".txt" else read_binary(folder)
    if not images:
        raise ValueError(f"{folder / f'images{kind}'}: no pictures with a pose")
    images = sorted(images, key=lambda image: fields.numeric_order(image.name))
    cameras = []
    for name, image in zip(camera_names([image.name for image in images]), images, strict=True):
        where = f"{folder}: image {image.number} ({image.name})"
        if image.camera not in lenses:
            raise ValueError(f"{where}: camera {image.camera} is not in cameras{kind}; it lists {sorted(lenses)}")
        cameras.append(_camera(name, lenses[image.camera], image, where))
    used = {image.camera for image in images}
    models = ", ".join(sorted({lenses[number].model for number in used}))
    notes = [
        f"format: COLMAP {'text' if kind == '.txt' else 'binary'}; cameras named after their pictures, in the order of"
        " the names' numbers",
        *_NOTES,
        f"intrinsics and distortion: {models}",
        *_unused(set(lenses) - used),
        *_absent(folder, [image.name for image in images]),
    ]
    return join_cameras(folder, cameras, notes)


def _camera(name: str, lens: ColmapCamera, image: ColmapImage, where: str) -> LabCamera:
    layout = MODELS[lens.model]
    found = dict(zip(layout, lens.parameters.tolist(), strict=True))
    fx, fy = (found[key] if key in found else found["f"] for key in ("fx", "fy"))
    K = torch.tensor([[fx, 0, found["cx"] - 0.5], [0, fy, found["cy"] - 0.5], [0, 0, 1]], dtype=torch.float64)
    fisheye = lens.model.endswith("FISHEYE")
    order = ("k1", "k2", "k3", "k4") if fisheye else ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
    distortion = torch.tensor([found.get(key, 0.0) for key in order], dtype=torch.float64)
    if not fisheye and "k3" not in found:
        distortion = distortion[:5]
    length = float(torch.linalg.vector_norm(image.quaternion))
    if abs(length - 1) > _NORM_TOLERANCE:
        raise ValueError(f"{where}: quaternion: found length {length:.6g}, expected 1")
    rotation = Rotation.from_quat(image.quaternion.numpy(), scalar_first=True).as_matrix()
    pose = fields.pose(torch.from_numpy(rotation), image.translation)
    return LabCamera(name, K, distortion, pose, lens.size, fisheye)


def _unused(numbers: set[int]) -> list[str]:
    return [f"warning: cameras {sorted(numbers)} have no picture with a pose and are left out"] if numbers else []


def _absent(folder: Path, names: Sequence[str]) -> list[str]:
    """Look for the pictures where COLMAP's projects keep them; without such a folder nothing is said."""
    for images in (folder / "images", folder.parent / "images", folder.parent.parent / "images"):
        if images.is_dir():
            return absent_pictures(images, names)
    return []


def _kind(path: Path) -> str | None:
    """Suffix of the two files that are there; None if they are not."""
    folder = path if path.is_dir() else path.parent
    kinds = _KINDS if path.is_dir() else (path.suffix,)
    for kind in kinds:
        if kind in _KINDS and all((folder / f"{name}{kind}").is_file() for name in ("cameras", "images")):
            return kind
    return None
