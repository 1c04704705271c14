"""SLEAP-Anipose: `points3d.h5`, one HDF5 data set `tracks` [frame, track, node, 3].

Schema: talmolab/sleap-anipose, `sleap_anipose/triangulation.py`, `triangulate`.
"""

from pathlib import Path

import h5py
import numpy as np

from mouse_facelift.capture.calibration.matlab_hdf5 import READING_ERRORS
from mouse_facelift.capture.key_points.points import KeyPoints, array, make_key_points

_BYTES_LIMIT = 2_000_000_000


def mismatch(path: Path) -> str | None:
    """Say why a file is not of this format; None if it is."""
    if path.is_dir():
        return "a folder, expected a file"
    if not h5py.is_hdf5(path):
        return "not HDF5"
    try:
        with h5py.File(path, "r") as file:
            return None if "tracks" in file else f"HDF5 without tracks; found {sorted(file)[:8]}"
    except (*READING_ERRORS, ValueError) as error:
        return f"damaged HDF5: {error}"


def read(path: Path) -> KeyPoints:
    """Read the file, which must hold one animal.

    Raises:
        ValueError: names the file and the field.
    """
    if (reason := mismatch(path)) is not None:
        raise ValueError(f"{path}: {reason}")
    try:
        with h5py.File(path, "r") as file:
            stored = file["tracks"]
            own = isinstance(stored, h5py.Dataset) and not stored.is_virtual and not stored.external
            if not own or isinstance(file.get("tracks", getlink=True), h5py.ExternalLink):
                raise ValueError("tracks: expected numbers in this file")
            if stored.nbytes > _BYTES_LIMIT:
                raise ValueError(f"tracks: {stored.nbytes} bytes, more than {_BYTES_LIMIT}")
            found = np.asarray(stored[()])
    except (*READING_ERRORS, ValueError) as error:
        raise ValueError(f"{path}: damaged HDF5: {error}") from error
    points = array(found, f"{path}: tracks", (None, None, None, 3))
    if points.shape[1] != 1:
        raise ValueError(f"{path}: tracks: found {points.shape[1]} animals, expected 1")
    names = [str(number) for number in range(points.shape[2])]
    notes = [
        "format: SLEAP-Anipose points3d.h5; tracks is frame x animal x node x 3",
        "world and unit: those of the calibration it was triangulated with",
        "names: not in the file; nodes are called by their place in the skeleton, from 0",
        "frames: rows are frames 0, 1, 2, ...",
    ]
    return make_key_points(path, names, points[:, 0], np.arange(len(points)), notes)
