"""MATLAB files of version 7.3, written as MATLAB writes them: a header of 512 bytes, reversed axes, `#refs#`."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

_CLASSES = {"f8": "double", "f4": "single", "b1": "logical"}


def save_matlab_73(path: Path, variables: dict[str, Any]) -> Path:
    """Write arrays, texts, dicts (structs), lists of dicts (arrays of structs) and object arrays (cells)."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            _write(file, file, name, value)
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Thu Jan  1 00:00:00 2026 HDF5 schema 1.00 ."
    with path.open("r+b") as binary:
        binary.write(header.ljust(116, b" ") + bytes(8) + b"\x00\x02IM")
    return path


def _write(file: h5py.File, group: h5py.Group, name: str, value: Any) -> None:
    match value:
        case str():
            codes = np.frombuffer(value.encode("utf-16-le"), "<u2")[:, None]
            _dataset(group, name, codes if value else np.zeros(2, "<u8"), "char", empty=not value)
        case dict():
            made = group.create_group(name)
            made.attrs["MATLAB_class"] = np.bytes_("struct")
            for key, part in value.items():
                _write(file, made, key, part)
        case list():  # an array of structs, 1 x N
            made = group.create_group(name)
            made.attrs["MATLAB_class"] = np.bytes_("struct")
            for key in value[0]:
                made.create_dataset(key, data=_references(file, [row[key] for row in value]).reshape(-1, 1))
        case np.ndarray() if value.dtype == object:
            if value.size:
                _dataset(group, name, _references(file, value.ravel(order="F")).reshape(value.shape[::-1]), "cell")
            else:
                _dataset(group, name, np.array(value.shape, "<u8"), "cell", empty=True)
        case _:
            numbers = np.atleast_2d(np.asarray(value))
            key = numbers.dtype.str[1:]
            kind = _CLASSES.get(key, numbers.dtype.name)
            stored = numbers.astype("u1") if key == "b1" else numbers
            empty = not numbers.size
            _dataset(group, name, np.array(numbers.shape, "<u8") if empty else stored.T, kind, empty)


def _references(file: h5py.File, parts: Any) -> np.ndarray:
    refs = file.require_group("#refs#")
    found = np.empty(len(parts), h5py.ref_dtype)
    for number, part in enumerate(parts):
        label = f"r{len(refs)}"
        _write(file, refs, label, part)
        found[number] = refs[label].ref
    return found


def _dataset(group: h5py.Group, name: str, data: np.ndarray, kind: str, empty: bool = False) -> None:
    dtype = h5py.ref_dtype if data.dtype == object else data.dtype
    made = group.create_dataset(name, data=data, dtype=dtype)
    made.attrs["MATLAB_class"] = np.bytes_(kind)
    if kind == "char":
        made.attrs["MATLAB_int_decode"] = np.int32(2)
    if empty:
        made.attrs["MATLAB_empty"] = np.uint8(1)
