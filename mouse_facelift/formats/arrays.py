"""Arrays in one .npz, each of a type and shape that its reader may rely on. Nothing in them is ever unpickled."""

import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from mouse_facelift.formats.whole import whole_file

Layout = Mapping[str, tuple[str, tuple[str | int, ...]]]
"""type and axes by the field's name; an axis is a length, or a word that stands for one length throughout the file"""


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
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path}: not an .npz file that can be read ({path.stat().st_size} bytes)")
    wanted = list(layout if fields is None else fields)
    with np.load(path, allow_pickle=False) as file:
        if set(file.files) != set(layout):
            raise ValueError(f"{path}: fields: found {sorted(file.files)}, expected {sorted(layout)}")
        try:
            arrays = {field: np.asarray(file[field]) for field in wanted}
        except (ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{path}: damaged: {error}") from error
    _check(arrays, layout, wanted, path)
    return arrays


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
