"""MATLAB files of version 7.3, which are HDF5, as the same values as those of versions 5 to 7.

MATLAB stores arrays column by column, so that HDF5 shows them with their axes reversed; text as the numbers of its
characters; a cell as references to its parts, which lie in `#refs#`; a struct as a group, an array of structs as a
group whose fields hold references.

Source: MathWorks, "MAT-File Versions"; the attributes MATLAB_class, MATLAB_empty and MATLAB_object_decode as MATLAB
writes them.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

_HEADER = b"MATLAB 7.3 MAT-file"
_DEPTH_LIMIT = 16
_PARTS_LIMIT = 1_000_000
_SPECIAL = "#"  # names of MATLAB's own groups begin with it
_NUMERIC = ("double", "single", "logical", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))
READING_ERRORS = (OSError, RuntimeError, KeyError, TypeError, AttributeError, OverflowError, UnicodeError, MemoryError)
"""What h5py raises for damaged files, beside ValueError."""


def is_matlab_hdf5(path: Path) -> bool:
    """Whether a file starts as MATLAB files of version 7.3 do."""
    with path.open("rb") as file:
        return file.read(len(_HEADER)) == _HEADER


def variable_names(path: Path) -> list[str]:
    """List the variables.

    Raises:
        ValueError: names the file, which is damaged.
    """
    try:
        with h5py.File(path, "r") as file:
            return [name for name in file if not name.startswith(_SPECIAL)]
    except (*READING_ERRORS, ValueError) as error:
        raise _damage(path, error) from error


def read_variables(path: Path, names: tuple[str, ...], limit: int) -> dict[str, Any]:
    """Read some variables, of at most `limit` bytes each; those that are not there are left out.

    Raises:
        ValueError: names the file, which is damaged, or holds a link to another file.
    """
    found = {}
    try:
        with h5py.File(path, "r") as file:
            for name in names:
                if name in file:
                    found[name] = _Reader(file, limit).child(file, name, 0)
    except (*READING_ERRORS, ValueError) as error:
        raise _damage(path, error) from error
    return found


def _damage(path: Path, error: Exception) -> ValueError:
    reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
    return ValueError(f"{path}: a damaged MATLAB file (version 7.3, HDF5): {reason[0]}")


class _Reader:
    """Reads one variable; counts what it has read, for small files can claim to hold much."""

    def __init__(self, file: h5py.File, limit: int) -> None:
        self.file = file
        self.bytes_left = limit
        self.parts_left = _PARTS_LIMIT

    def child(self, group: h5py.Group, name: str, depth: int) -> Any:
        """Read a member of a group, if it is a part of this file."""
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{name}: a link, expected data")
        return self.value(group[name], depth)

    def value(self, node: Any, depth: int) -> Any:
        self.parts_left -= 1
        if depth > _DEPTH_LIMIT or self.parts_left < 0:
            raise ValueError(f"{node.name}: cells within cells, more than {_DEPTH_LIMIT} deep or {_PARTS_LIMIT} in all")
        if isinstance(node, h5py.Group):
            return self._struct(node, depth)
        if not isinstance(node, h5py.Dataset):
            raise ValueError(f"{node}: neither a group nor data")
        return self._data(node, depth)

    def _struct(self, group: h5py.Group, depth: int) -> Any:
        if "MATLAB_sparse" in group.attrs or _matlab_class(group) not in ("struct", None):
            return None
        fields = [name for name in group if isinstance(group.get(name, getlink=True), h5py.HardLink)]
        arrays = {name: group[name] for name in fields if _is_row_of_structs(group[name])}
        if not fields or len(arrays) < len(fields):
            return {name: self.child(group, name, depth + 1) for name in group}
        columns = {name: self._parts(node, depth) for name, node in arrays.items()}
        counts = {name: len(column) for name, column in columns.items()}
        if len(set(counts.values())) > 1:
            raise ValueError(f"{group.name}: fields of an array of structs have unequal lengths: {counts}")
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        return rows[0] if len(rows) == 1 else rows

    def _data(self, node: h5py.Dataset, depth: int) -> Any:
        kind = _matlab_class(node)
        empty = bool(node.attrs.get("MATLAB_empty", 0))  # absent where there is something
        if "MATLAB_object_decode" in node.attrs or node.dtype.fields is not None:
            return None  # an object, a handle, complex numbers
        if kind == "cell":
            return [] if empty else self._parts(node, depth)
        if kind == "struct":  # one without elements
            return []
        if kind == "char":
            return "" if empty else _text(self._numbers(node))
        if kind not in _NUMERIC:
            return None
        if empty:
            shape = tuple(int(side) for side in self._numbers(node).ravel())
            if not shape or min(shape) < 0 or np.prod(shape) != 0:
                raise ValueError(f"{node.name}: empty, but of shape {shape}")
            return np.zeros(shape)
        return np.ascontiguousarray(self._numbers(node).T)

    def _parts(self, node: h5py.Dataset, depth: int) -> list[Any]:
        if h5py.check_ref_dtype(node.dtype) is not h5py.Reference:
            raise ValueError(f"{node.name}: found {node.dtype}, expected references to the parts of a cell")
        parts = []
        for reference in self._numbers(node).ravel():
            if not reference:
                raise ValueError(f"{node.name}: a reference to nothing")
            parts.append(self.value(self.file[reference], depth + 1))
        return parts

    def _numbers(self, node: h5py.Dataset) -> np.ndarray:
        if node.shape is None or node.is_virtual or node.external:
            raise ValueError(f"{node.name}: its data lie in other files, or nowhere")
        self.bytes_left -= node.nbytes
        if self.bytes_left < 0:
            raise ValueError(f"{node.name}: {node.nbytes} bytes, more than calibrations and key points take")
        if node.dtype.kind not in "biufO":
            raise ValueError(f"{node.name}: found {node.dtype}, expected numbers")
        return np.asarray(node[()])


def _is_row_of_structs(node: Any) -> bool:
    is_data = isinstance(node, h5py.Dataset)
    return is_data and "MATLAB_class" not in node.attrs and h5py.check_ref_dtype(node.dtype) is h5py.Reference


def _matlab_class(node: Any) -> str | None:
    if "MATLAB_class" not in node.attrs:
        return None
    stated = node.attrs["MATLAB_class"]
    return stated.decode("ascii") if isinstance(stated, bytes) else str(stated)


def _text(codes: np.ndarray) -> str:
    """Join characters column by column, as versions 5 to 7 are read."""
    if codes.dtype.kind != "u":
        raise ValueError(f"text of {codes.dtype}, expected numbers of characters")
    return codes.astype("<u2").tobytes().decode("utf-16-le")
