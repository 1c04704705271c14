"""COLMAP's files, text and binary, as they are written: nothing is converted here."""

import struct
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from mouse_facelift.capture.calibration import fields

MODELS = {
    "SIMPLE_PINHOLE": ("f", "cx", "cy"),
    "PINHOLE": ("fx", "fy", "cx", "cy"),
    "SIMPLE_RADIAL": ("f", "cx", "cy", "k1"),
    "RADIAL": ("f", "cx", "cy", "k1", "k2"),
    "OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"),
    "OPENCV_FISHEYE": ("fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4"),
    "FULL_OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"),
    "SIMPLE_RADIAL_FISHEYE": ("f", "cx", "cy", "k1"),
    "RADIAL_FISHEYE": ("f", "cx", "cy", "k1", "k2"),
}
"""the models that OpenCV has, too, and their parameters"""
_NUMBERS = dict(enumerate(("SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "OPENCV_FISHEYE")))
_NUMBERS |= {6: "FULL_OPENCV", 8: "SIMPLE_RADIAL_FISHEYE", 9: "RADIAL_FISHEYE"}
_NAME_LIMIT = 4096


class ColmapCamera(NamedTuple):
    model: str
    size: Tensor
    """width, height in px"""
    parameters: Tensor
    """as `MODELS` names them"""


class ColmapImage(NamedTuple):
    number: int
    quaternion: Tensor
    """w first"""
    translation: Tensor
    camera: int
    name: str


Model = tuple[dict[int, ColmapCamera], list[ColmapImage]]


def read_text(folder: Path) -> Model:
    """Read cameras.txt and images.txt.

    Raises:
        ValueError: names the file, the line and the field.
    """
    path = folder / "cameras.txt"
    cameras: dict[int, ColmapCamera] = {}
    for line, words in _lines(path):
        if not words:
            continue
        where = f"{path}: line {line}"
        if len(words) < 5:
            raise ValueError(f"{where}: found {len(words)} words, expected ID MODEL WIDTH HEIGHT and parameters")
        number, model = _whole(words[0], f"{where}: camera's ID"), words[1]
        if number in cameras:
            raise ValueError(f"{where}: camera {number} stands there twice")
        size = fields.size([_number(word, f"{where}: size") for word in words[2:4]], f"{where}: size")
        cameras[number] = _camera(model, size, [_number(word, where) for word in words[4:]], where)
    return cameras, _text_images(folder / "images.txt")


def _text_images(path: Path) -> list[ColmapImage]:
    images: list[ColmapImage] = []
    lines = [(line, words) for line, words in _lines(path)]
    while lines and not lines[0][1]:  # before the first picture; later an empty line is a picture without points
        lines.pop(0)
    for line, words in lines[1::2]:
        if len(words) % 3:
            raise ValueError(
                f"{path}: line {line}: found {len(words)} words, expected points (X Y POINT3D_ID each): every picture's"
                " line is followed by one of its points, which stays as an empty line where there are none"
            )
    for line, words in lines[::2]:
        if not words:
            continue
        where = f"{path}: line {line}"
        if len(words) < 10:
            raise ValueError(
                f"{where}: found {len(words)} words, expected IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME"
            )
        pose = [_number(word, where) for word in words[1:8]]
        images.append(_image(_whole(words[0], where), pose, _whole(words[8], where), " ".join(words[9:]), where))
    return images


def read_binary(folder: Path) -> Model:
    """Read cameras.bin and images.bin, little-endian.

    Raises:
        ValueError: names the file and the camera.
    """
    path = folder / "cameras.bin"
    file = _Binary(path)
    cameras = {}
    for _ in range(file.count("cameras")):
        number, model, width, height = file.take("<iiQQ")
        where = f"{path}: camera {number}"
        if model not in _NUMBERS:
            raise ValueError(f"{where}: model {model} is not read; known: {_NUMBERS}")
        name = _NUMBERS[model]
        parameters = file.take(f"<{len(MODELS[name])}d")
        cameras[number] = _camera(name, fields.size([width, height], f"{where}: size"), list(parameters), where)
    path = folder / "images.bin"
    file = _Binary(path)
    images = []
    for _ in range(file.count("images")):
        number, *pose, camera = file.take("<i7di")
        name = file.name()
        file.skip(24 * file.count("points"))
        images.append(_image(number, pose, camera, name, f"{path}: image {number}"))
    return cameras, images


def _camera(model: str, size: Tensor, parameters: list[float], where: str) -> ColmapCamera:
    if model not in MODELS:
        raise ValueError(f"{where}: camera model {model!r} is none of OpenCV's; known: {sorted(MODELS)}")
    names = MODELS[model]
    if len(parameters) != len(names):
        raise ValueError(f"{where}: found {len(parameters)} parameters, expected {' '.join(names)} of {model}")
    return ColmapCamera(model, size, fields.numbers(parameters, (len(names),), f"{where}: {' '.join(names)}"))


def _image(number: int, pose: list[float], camera: int, name: str, where: str) -> ColmapImage:
    quaternion = fields.numbers(pose[:4], (4,), f"{where}: QW QX QY QZ")
    translation = fields.numbers(pose[4:], (3,), f"{where}: TX TY TZ")
    return ColmapImage(number, quaternion, translation, camera, fields.text(name, f"{where}: NAME"))


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Numbered lines that are no comments, in words; empty ones are kept."""
    try:
        text = fields.read_text(path)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    numbered = enumerate(text.split("\n"), start=1)
    return [(number, line.split()) for number, line in numbered if not line.startswith("#")]


def _number(word: str, where: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise ValueError(f"{where}: found {word[:40]!r}, expected a number") from None


def _whole(word: str, where: str) -> int:
    value = _number(word, where)
    if not abs(value) < 2**53 or value != int(value):
        raise ValueError(f"{where}: found {word[:40]!r}, expected a whole number")
    return int(value)


class _Binary:
    """A binary file, taken from the front."""

    def __init__(self, path: Path) -> None:
        self.path, self.data, self.at = path, path.read_bytes(), 0

    def take(self, layout: str) -> tuple[Any, ...]:
        size = struct.calcsize(layout)
        if self.at + size > len(self.data):
            raise ValueError(f"{self.path}: ends at byte {len(self.data)}, within a record")
        self.at += size
        return struct.unpack_from(layout, self.data, self.at - size)

    def count(self, what: str) -> int:
        count = int(self.take("<Q")[0])
        if count > len(self.data):
            raise ValueError(f"{self.path}: {count} {what} in {len(self.data)} bytes")
        return count

    def skip(self, size: int) -> None:
        if self.at + size > len(self.data):
            raise ValueError(f"{self.path}: ends at byte {len(self.data)}, within the points of a picture")
        self.at += size

    def name(self) -> str:
        end = self.data.find(b"\0", self.at, self.at + _NAME_LIMIT)
        if end < 0:
            raise ValueError(f"{self.path}: a picture's name at byte {self.at} does not end")
        name = self.data[self.at : end]
        self.at = end + 1
        return name.decode("utf-8", errors="replace")
