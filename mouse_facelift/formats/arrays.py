"""Arrays in one .npz, each of a type and shape that its reader may rely on. Nothing in them is ever unpickled."""

import struct
import zipfile
import zlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np

from mouse_facelift.formats.whole import whole_file

Layout = Mapping[str, tuple[str, tuple[str | int, ...]]]
"""type and axes by the field's name; an axis is a length, or a word that stands for one length throughout the file"""

BYTES_LIMIT = 4_000_000_000
"""of all arrays of a file, unpacked; a few kilobytes can claim to be more than any memory holds"""
# What zipfile, zlib and numpy raise for damaged files, beside ValueError.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, KeyError, TypeError, SyntaxError, UnicodeError),
    *(NotImplementedError, RuntimeError, OverflowError, MemoryError),
)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], layout: Layout) -> None:
    """Write all fields of a layout, compressed, whole or not at all; equal arrays give equal bytes.

    Raises:
        ValueError: as `read_arrays`, of a field's type or shape.
    """
    _check(arrays, layout, layout, path)
    with whole_file(path) as partial:
        np.savez_compressed(partial, allow_pickle=False, **{name: arrays[name] for name in layout})


def read_arrays(path: Path, layout: Layout, fields: Iterable[str] | None = None) -> dict[str, np.ndarray]:
    """Read all fields, or some.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: names the file, and what is missing, unknown, damaged, of another type or of another shape.
    """
    wanted = list(layout if fields is None else fields)
    arrays = unpack_arrays(path, wanted, layout)
    _check(arrays, layout, wanted, path)
    return arrays


def unpack_arrays(path: Path, wanted: Iterable[str], fields: Collection[str]) -> dict[str, np.ndarray]:
    """Read some of the fields of a file, of any type and shape; it must have all of `fields` and no others.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: names the file, and what is missing, unknown or damaged; or the arrays would take more than
            `BYTES_LIMIT`.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path}: not an .npz file that can be read ({path.stat().st_size} bytes)")
    try:
        with zipfile.ZipFile(path) as packed:
            parts = {part.filename.removesuffix(".npy"): part for part in packed.infolist()}
            claimed = sum(part.file_size for part in parts.values())
            known = set(parts) == set(fields) and claimed <= BYTES_LIMIT
            arrays = {field: _unpack(packed, parts[field]) for field in wanted} if known else {}
    except (*_DAMAGE, ValueError) as error:
        raise ValueError(f"{path}: damaged: {error}") from error
    if set(parts) != set(fields):
        raise ValueError(f"{path}: fields: found {sorted(parts)}, expected {sorted(fields)}")
    if claimed > BYTES_LIMIT:
        raise ValueError(f"{path}: found {claimed} bytes of arrays, expected at most {BYTES_LIMIT}")
    return arrays


def _unpack(packed: zipfile.ZipFile, part: zipfile.ZipInfo) -> np.ndarray:
    """Read one array to its end, where its checksum is compared."""
    with packed.open(part) as content:
        array = np.lib.format.read_array(content, allow_pickle=False)
        if content.read(1):
            raise ValueError(f"{part.filename}: more bytes than its header tells")
    return np.asarray(array)


def _check(arrays: Mapping[str, np.ndarray], layout: Layout, fields: Iterable[str], path: Path) -> None:
    lengths: dict[str, int] = {}
    for field in fields:
        dtype, axes = layout[field]
        found = arrays[field]
        named = zip(axes, found.shape, strict=False)
        expected = [lengths.setdefault(axis, length) if isinstance(axis, str) else axis for axis, length in named]
        if found.dtype != dtype or found.ndim != len(axes) or list(found.shape) != expected:
            raise ValueError(
                f"{path}: {field}: found {found.dtype} {found.shape}, expected {dtype} ({', '.join(map(str, axes))})"
                + (f" where {', '.join(f'{axis} = {length}' for axis, length in lengths.items())}" if lengths else "")
            )
