"""MATLAB files as far as calibrations use them: numbers, text, cells and structs. Those of version 7.3 are HDF5.

Our own reader of versions 5 to 7, because files come from anywhere: one changed byte in such a file ends a process that
reads it with scipy 1.17 (`scipy.io.loadmat`) by a bus error, which no caller can catch.

Source: MathWorks, "MAT-File Format", level 5.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mouse_facelift.capture.calibration import matlab_hdf5

MatlabValue = np.ndarray | str | list[Any] | dict[str, Any] | None  # the values inside are MatlabValues again
"""Numbers keep their shape, cells are listed column by column, a struct is a dict, an array of structs a list of them;
None stands for what is not read (objects, function handles, sparse and complex numbers)."""

_HEADER_BYTES = 128
_VARIABLE_LIMIT = 256_000_000  # bytes once unpacked; calibrations take thousands
_DEPTH_LIMIT = 16
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_TEXTS = {1: "latin-1", 2: "utf-8", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_CELL, _STRUCT, _CHAR = 1, 2, 4
_NUMERIC_CLASSES = range(6, 16)
_COMPLEX = 0x0800


def is_matlab(path: Path) -> bool:
    """Whether a file starts as MATLAB files of versions 5 to 7.3 do."""
    with path.open("rb") as file:
        return file.read(19) in (b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file")


def variable_names(path: Path) -> list[str]:
    """List the variables of a MATLAB file.

    Raises:
        ValueError: names the file, which is damaged.
    """
    if matlab_hdf5.is_matlab_hdf5(path):
        return matlab_hdf5.variable_names(path)
    return [name for name, _ in _variables(path)]


def read_variables(path: Path, names: tuple[str, ...]) -> dict[str, MatlabValue]:
    """Read some variables of a MATLAB file; those that are not there are left out.

    Raises:
        ValueError: names the file, which is damaged.
    """
    if matlab_hdf5.is_matlab_hdf5(path):
        return matlab_hdf5.read_variables(path, names, _VARIABLE_LIMIT)
    found = {}
    for name, variable in _variables(path):
        if name in names:
            try:
                found[name] = variable.content(_VARIABLE_LIMIT).matrix(0)[1]
            except _DamageError as error:
                raise ValueError(f"{path}: a damaged MATLAB file: {name}: {error}") from error
    return found


class _DamageError(Exception):
    """What is read contradicts the format."""


@dataclass(frozen=True)
class _Bytes:
    """Elements of a file, one after the other."""

    data: bytes
    order: str
    """`<` or `>`"""
    start: int = 0

    def element(self, at: int) -> tuple[int, "_Bytes", int]:
        """Read a tag: type of the data, the data, and where the next element starts."""
        if at + 8 > len(self.data):
            raise _DamageError(f"ends at byte {len(self.data)} within an element")
        kind, size = struct.unpack_from(f"{self.order}II", self.data, at)
        if kind >> 16:  # small elements keep type and size in one word, the data in the other
            kind, size, begin, following = kind & 0xFFFF, kind >> 16, at + 4, at + 8
            if size > 4:
                raise _DamageError(f"a small element of {size} bytes")
        else:
            begin = at + 8
            following = begin + size + (-size % 8)
        if begin + size > len(self.data):
            raise _DamageError(f"an element of {size} bytes where {len(self.data) - begin} are left")
        return kind, _Bytes(self.data[begin : begin + size], self.order), following

    def numbers(self, kind: int) -> np.ndarray:
        if kind not in _NUMBERS:
            raise _DamageError(f"data of type {kind} where numbers were expected")
        dtype = np.dtype(self.order + _NUMBERS[kind])
        if len(self.data) % dtype.itemsize:
            raise _DamageError(f"{len(self.data)} bytes are no whole number of {dtype.name}")
        return np.frombuffer(self.data, dtype)

    def text(self, kind: int) -> str:
        if kind not in _TEXTS:
            raise _DamageError(f"data of type {kind} where text was expected")
        encoding = _TEXTS[kind]
        wide = ("-le" if self.order == "<" else "-be") if encoding in ("utf-16", "utf-32") else ""
        try:
            return self.data.decode(encoding + wide)
        except UnicodeDecodeError as error:
            raise _DamageError(f"text that is not {encoding}") from error

    def head(self) -> tuple[int, bool, tuple[int, ...], str, int]:
        """Read how an array starts: class, whether complex, shape, name, and where its content starts."""
        kind, flags, at = self.element(0)
        words = flags.numbers(kind)
        kind, sizes, at = self.element(at)
        shape = tuple(int(side) for side in sizes.numbers(kind))
        kind, name, at = self.element(at)
        if len(words) < 1 or not np.issubdtype(words.dtype, np.integer) or len(shape) < 2 or min(shape) < 0:
            raise _DamageError(f"an array with flags {words.tolist()} and shape {shape}")
        return int(words[0]) & 0xFF, bool(int(words[0]) & _COMPLEX), shape, name.text(kind), at

    def matrix(self, depth: int) -> tuple[str, MatlabValue]:
        """Read an array: its name and value."""
        if not self.data:
            return "", np.zeros((0, 0))
        if depth > _DEPTH_LIMIT:
            raise _DamageError(f"cells within cells, more than {_DEPTH_LIMIT} deep")
        array_class, is_complex, shape, name, at = self.head()
        count = math.prod(shape)
        if array_class in _NUMERIC_CLASSES and not is_complex:
            kind, data, _ = self.element(at)
            values = data.numbers(kind)
            if len(values) != count:
                raise _DamageError(f"{len(values)} numbers for an array of shape {shape}")
            return name, values.reshape(shape, order="F")
        if array_class == _CHAR:
            kind, data, _ = self.element(at)
            return name, data.text(kind)
        if array_class == _CELL:
            return name, self._matrices(at, count, depth)
        if array_class == _STRUCT:
            return name, self._structs(at, count, depth)
        return name, None

    def _structs(self, at: int, count: int, depth: int) -> MatlabValue:
        kind, lengths, at = self.element(at)
        length = lengths.numbers(kind)
        kind, labels, at = self.element(at)
        if len(length) != 1 or int(length[0]) < 1 or len(labels.data) % int(length[0]):
            raise _DamageError(f"a struct with field names of {length.tolist()} bytes")
        width = int(length[0])
        chunks = (_Bytes(labels.data[i : i + width], self.order) for i in range(0, len(labels.data), width))
        keys = [chunk.text(kind).split("\0")[0] for chunk in chunks]
        if not keys:
            raise _DamageError("a struct without fields")
        values = self._matrices(at, count * len(keys), depth)
        rows: list[MatlabValue] = [
            dict(zip(keys, values[i : i + len(keys)], strict=True)) for i in range(0, len(values), len(keys))
        ]
        return rows[0] if len(rows) == 1 else rows

    def _matrices(self, at: int, count: int, depth: int) -> list[MatlabValue]:
        if count * 8 > len(self.data):
            raise _DamageError(f"{count} cells in {len(self.data)} bytes")
        values: list[MatlabValue] = []
        for _ in range(count):
            kind, part, at = self.element(at)
            if kind != _MATRIX:
                raise _DamageError(f"data of type {kind} where an array was expected")
            values.append(part.matrix(depth + 1)[1])
        return values


@dataclass(frozen=True)
class _Variable:
    """One top-level element, still packed."""

    kind: int
    data: bytes
    order: str

    def content(self, limit: int) -> _Bytes:
        """Unpack an array's bytes, or their first `limit`."""
        if self.kind == _MATRIX:
            return _Bytes(self.data, self.order)
        try:
            unpacked = zlib.decompressobj().decompress(self.data, limit)
        except zlib.error as error:
            raise _DamageError(f"packed data that cannot be unpacked ({error})") from error
        if len(unpacked) < 8 or struct.unpack_from(f"{self.order}I", unpacked)[0] != _MATRIX:
            raise _DamageError("packed data that is no array")
        return _Bytes(unpacked[8:], self.order)


def _variables(path: Path) -> Iterator[tuple[str, _Variable]]:
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
            if len(header) < _HEADER_BYTES or header[126:128] not in (b"IM", b"MI"):
                raise _DamageError("its header does not state the order of bytes")
            order = "<" if header[126:128] == b"IM" else ">"
            while len(tag := file.read(8)) == 8:
                kind, length = struct.unpack(f"{order}II", tag)
                if kind not in (_MATRIX, _COMPRESSED) or file.tell() + length > size:
                    raise _DamageError(f"data of type {kind}, {length} bytes, at byte {file.tell() - 8} of {size}")
                variable = _Variable(kind, file.read(length), order)
                yield variable.content(limit=4096).head()[3], variable
            if tag:
                raise _DamageError(f"{len(tag)} bytes behind the last variable")
    except _DamageError as error:
        raise ValueError(f"{path}: a damaged MATLAB file: {error}") from error
