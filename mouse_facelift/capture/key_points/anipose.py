"""Anipose: `pose-3d/*.csv`, a table with name_x, name_y, name_z of every point, and fnum.

Schema: lambdaloop/anipose, `anipose/triangulate.py` (columns; M_00 ... M_22 and center_0 ... center_2 say how the
world was turned) and `anipose/project_2d.py` (which turns it back).
"""

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from mouse_facelift.capture.key_points.points import KeyPoints, make_key_points
from mouse_facelift.geometry.rotations import ROTATION_TOLERANCE

_HEAD_LIMIT = 200_000  # characters of the first line
_TURN = [f"M_{row}{column}" for row in range(3) for column in range(3)]
_SHIFT = [f"center_{axis}" for axis in range(3)]


def mismatch(path: Path) -> str | None:
    """Say why a file is not of this format; None if it is."""
    if path.is_dir():
        return "a folder, expected a file"
    columns = _columns(path)
    if not _names(columns):
        return f"not a table with columns name_x, name_y, name_z; its first line begins {', '.join(columns)[:60]!r}"
    return None if "fnum" in columns else "a table of points without a column fnum, the frames' numbers"


def read(path: Path) -> KeyPoints:
    """Read the file; a world that Anipose turned to the animal is turned back to the calibration's.

    Raises:
        ValueError: names the file and the column.
    """
    if (reason := mismatch(path)) is not None:
        raise ValueError(f"{path}: {reason}")
    columns = _columns(path)
    names = _names(columns)
    turned = [column for column in (*_TURN, *_SHIFT) if column in columns]
    if turned and len(turned) < len(_TURN) + len(_SHIFT):
        missing = sorted({*_TURN, *_SHIFT} - set(turned))
        raise ValueError(f"{path}: columns {missing} are missing beside {turned}")
    axes = [f"{name}_{axis}" for name in names for axis in "xyz"]
    values = _numbers(path, [*axes, "fnum", *turned])
    frames = values["fnum"].to_numpy()
    if not len(frames) or not bool((frames == np.round(frames)).all()):
        raise ValueError(f"{path}: fnum: found {frames.tolist()[:6]}, expected whole numbers")
    points = values[axes].to_numpy().reshape(len(values), len(names), 3)
    notes = ["format: Anipose pose-3d; columns name_x, name_y, name_z", "frames: fnum", "unit: the calibration's"]
    if turned:
        turn, shift = values[_TURN].to_numpy()[0].reshape(3, 3), values[_SHIFT].to_numpy()[0]
        if not np.allclose(turn @ turn.T, np.eye(3), atol=ROTATION_TOLERANCE):
            raise ValueError(f"{path}: M_00 ... M_22: found {turn.tolist()}, expected perpendicular axes of length 1")
        with np.errstate(invalid="ignore"):  # what is infinite is refused below
            points = (points + shift) @ turn  # (points + center) M, the inverse of M P - center
        notes.append("world: turned back to the calibration's by M_00 ... M_22 and center_0 ... center_2")
    else:
        notes.append("world: the calibration's")
    return make_key_points(path, names, points, frames, notes)


def _columns(path: Path) -> list[str]:
    with path.open("rb") as file:
        line = file.readline(_HEAD_LIMIT)
    try:
        rows = list(csv.reader([line.decode("utf-8").strip()]))
    except (UnicodeDecodeError, csv.Error):
        return []
    return rows[0] if rows else []


def _names(columns: list[str]) -> list[str]:
    stems = [column.removesuffix("_x") for column in columns if column.endswith("_x")]
    return [stem for stem in stems if f"{stem}_y" in columns and f"{stem}_z" in columns]


def _numbers(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        texts = pd.read_csv(path, usecols=columns, dtype=str)
    except ValueError as error:
        raise ValueError(f"{path}: not a table: {error}") from error
    if not isinstance(texts.index, pd.RangeIndex):
        raise ValueError(f"{path}: not a table: rows hold more fields than the first line")
    values: pd.DataFrame = texts.apply(pd.to_numeric, errors="coerce").astype(np.float64)
    wrong = (texts.notna() & values.isna()).to_numpy()
    if wrong.any():
        row, place = (int(index) for index in np.argwhere(wrong)[0])
        found = texts.iloc[row, place]
        raise ValueError(f"{path}: {texts.columns[place]}: row {row}: found {found!r}, expected a number")
    return values
