"""OpenCV's FileStorage (YAML with `%YAML:1.0` and `!!opencv-matrix`, or XML, JSON), read by OpenCV itself."""

import math
from pathlib import Path

import cv2
import numpy as np

from mouse_facelift.capture.calibration import fields

_ENTRIES_LIMIT = 100_000
# OpenCV's parser calls itself for each level, and some 20000 of them end the process. Within these limits no text has
# more than about 14000: a level takes a bracket, a tag, or a mark (- or :) with a column of its own.
_TEXT_LIMIT = 1_000_000
_BRACKETS_LIMIT = 3000
_MARKS_LIMIT = 100
_DEPTH_LIMIT = 16


def looks_like_filestorage(path: Path) -> bool:
    """Whether a file starts as those of FileStorage do."""
    if path.is_dir():
        return False
    with path.open("rb") as file:
        head = file.read(2000).lstrip(b"\xef\xbb\xbf \r\n\t")
    return head.startswith(b"%YAML") or b"<opencv_storage>" in head or b'"opencv-matrix"' in head


def holds(path: Path, key: str) -> bool:
    """Whether a file is one of FileStorage's and names this key; it may still be damaged."""
    if not looks_like_filestorage(path):
        return False
    try:
        return key in fields.read_text(path)
    except ValueError:
        return False


def files(folder: Path) -> list[Path]:
    """Files of a folder that start as FileStorage's do, those with numbers in their names in numeric order."""
    found = [file for file in folder.iterdir() if file.is_file() and looks_like_filestorage(file)]
    return sorted(found, key=lambda file: fields.numeric_order(file.stem))


def read_filestorage(path: Path) -> dict[str, object]:
    """Read all of a file: matrices as arrays, tables as dicts, lists, numbers and texts.

    Raises:
        ValueError: names the file, which is no FileStorage or damaged.
    """
    try:
        text = fields.read_text(path)
    except ValueError as error:
        raise ValueError(f"{path}: not OpenCV's FileStorage: {error}") from error
    if not looks_like_filestorage(path):
        raise ValueError(f"{path}: not OpenCV's FileStorage: it does not begin with %YAML or <opencv_storage>")
    _refuse_deep_nesting(text, path)
    try:
        storage = cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
        content = _plain(storage.root(), 0)
    except (cv2.error, SystemError, ValueError, UnicodeDecodeError) as error:
        reason = str(error.__cause__ or error).strip().splitlines()[-1]
        raise ValueError(f"{path}: not OpenCV's FileStorage, or a damaged one: {reason}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: not OpenCV's FileStorage: it holds no named values")
    return content


def _refuse_deep_nesting(text: str, path: Path) -> None:
    brackets = text.count("[") + text.count("{") + text.count("<")
    lines = text.splitlines() if text.lstrip("\ufeff \r\n\t").startswith("%YAML") else []
    marks = max((line.count("-") + line.count(":") for line in lines if not line.lstrip().startswith("#")), default=0)
    if len(text) > _TEXT_LIMIT or brackets > _BRACKETS_LIMIT or marks > _MARKS_LIMIT:
        raise ValueError(
            f"{path}: not a calibration: {len(text)} characters, {brackets} lists and tables,"
            f" {marks} marks (- or :) in one line; limits are {_TEXT_LIMIT}, {_BRACKETS_LIMIT}, {_MARKS_LIMIT}"
        )


def _plain(node: cv2.FileNode, depth: int) -> object:
    if depth > _DEPTH_LIMIT or node.size() > _ENTRIES_LIMIT:
        raise ValueError(f"tables within tables {depth} deep, of {node.size()} entries")
    if node.isMap():
        keys = node.keys()
        content = {key: _plain(node.getNode(key), depth + 1) for key in keys}
        return _matrix(content) if content.keys() >= {"rows", "cols", "dt", "data"} else content
    if node.isSeq():
        return [_plain(node.at(index), depth + 1) for index in range(node.size())]
    if node.isInt():
        return int(node.real())
    if node.isReal():
        return float(node.real())
    return str(node.string()) if node.isString() else None


def _matrix(content: dict[str, object]) -> np.ndarray:
    rows, columns, data = content["rows"], content["cols"], content["data"]
    if not (isinstance(rows, int) and isinstance(columns, int) and isinstance(data, list)):
        raise ValueError(f"a matrix of {rows} x {columns}")
    if min(rows, columns) < 0 or len(data) != rows * columns:  # several channels are no matrix of a camera
        raise ValueError(f"a matrix of {rows} x {columns} with {len(data)} numbers")
    if not all(isinstance(number, int | float) for number in data):
        raise ValueError(f"a matrix of {rows} x {columns} with entries that are no numbers")
    return np.array([number if abs(number) < 1e300 else math.nan for number in data], np.float64).reshape(rows, columns)
