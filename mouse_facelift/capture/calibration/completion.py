"""What a calibration file leaves unsaid, from the configuration: its cameras' names and the pictures' sizes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from mouse_facelift.capture.calibration.readers import read_with_sizes
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.settings import CalibrationFile

Sizes = Mapping[str, tuple[int, int]]


def read_stated_calibration(file: CalibrationFile, cameras: Sequence[str], recorded: Sizes) -> Calibration:
    """Read a calibration, complete it by what the configuration states, and take the cameras asked for, in that order.

    Args:
        file: section `calibration` of the capture. Its `names` and `image_sizes` are for what the file does not say.
        cameras: names of those asked for.
        recorded: width and height of the recording's pictures, px; they serve a file that gives a field of view and
            no size, where `image_sizes` is not given.

    Returns:
        As `read_calibration`; sizes are still None where neither the file nor the configuration states them.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: names the file, what is missing and the key to state it by; the configuration contradicts the file,
            with both.
    """
    path = Path(file.path)
    found = _named(read_with_sizes(path, file.format, file.image_sizes or recorded), file)
    try:
        chosen = found.select(list(cameras))
    except ValueError as error:
        raise ValueError(f"{path}: cameras asked for: {list(cameras)}: {error}{_ask_for_names(found, file)}") from error
    notes = list(found.notes)
    if left_out := [name for name in found.names if name not in cameras]:
        notes.append(f"cameras left out: {left_out}")
    return _sized(replace(chosen, notes=notes), file)


def _named(found: Calibration, file: CalibrationFile) -> Calibration:
    """Call the cameras as the configuration does, where the file does not name them."""
    if file.names is None:
        return found
    if len(file.names) != len(found):
        raise ValueError(
            f"{file.path}: names: the configuration states {len(file.names)}, {list(file.names)}, and the file holds"
            f" {len(found)} cameras, {found.names}"
        )
    if not found.named:
        called = ", ".join(f"{old} is {new}" for old, new in zip(found.names, file.names, strict=True))
        notes = [*found.notes, f"names: from the configuration, in the order of the file: {called}"]
        return replace(found, names=list(file.names), named=True, notes=notes)
    if list(file.names) != found.names:
        raise ValueError(
            f"{file.path}: names: the configuration states {list(file.names)}, but the file says {found.names}:"
            " set names to null, and call cameras and pictures as the file does"
        )
    return found


def _ask_for_names(found: Calibration, file: CalibrationFile) -> str:
    if found.named:
        return ""
    return (
        f". The file does not name its cameras (they are called after their place or file): state the names of all"
        f" {len(found)} in this order under names of captures.<name>.calibration ({file.path})"
    )


def _sized(chosen: Calibration, file: CalibrationFile) -> Calibration:
    """Add the sizes of the configuration, or compare them with the file's."""
    stated = file.image_sizes
    if stated is None:
        return chosen
    if missing := [name for name in chosen.names if name not in stated]:
        raise ValueError(f"{file.path}: image_sizes: missing {missing}; found {sorted(stated)}")
    if chosen.image_sizes is None:
        notes = [*chosen.notes, "picture size: image_sizes of the configuration"]
        sizes = torch.tensor([stated[name] for name in chosen.names])
        try:
            return replace(chosen, image_sizes=sizes, notes=notes)
        except ValueError as error:
            raise ValueError(f"{file.path}: with image_sizes of the configuration: {error}") from error
    for name, (width, height) in zip(chosen.names, chosen.image_sizes.tolist(), strict=True):
        if (width, height) != tuple(stated[name]):
            raise ValueError(
                f"{file.path}: camera {name}: image_sizes: the configuration states {stated[name][0]} x"
                f" {stated[name][1]} px, but the file says {width} x {height}"
            )
    return chosen
