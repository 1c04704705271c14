"""Rule `open_capture`: look at a laboratory's files, and bring its lenses to one convention."""

import logging
from pathlib import Path

import torch

from mouse_facelift.capture.calibration.completion import read_stated_calibration
from mouse_facelift.capture.calibration.suspicions import suspicions
from mouse_facelift.capture.floor import stated_up
from mouse_facelift.capture.recording import Recording, inspect_recording
from mouse_facelift.formats.frames import describe_cameras
from mouse_facelift.formats.opened import Opened
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.settings import Capture

logger = logging.getLogger(__name__)


def open_capture(name: str, capture: Capture, opened: Path) -> None:
    """Check a recording's files and its calibration; what contradicts itself is written too, and judged later.

    Args:
        name: of the capture, as in the configuration.
        capture: its section of the configuration.
        opened: the manifest to write (`formats.opened.Opened`).

    Raises:
        FileNotFoundError: lists every file that is missing.
    """
    try:
        looked_at = look_at_capture(name, capture)
    except ValueError as error:
        logger.info("%s: refused: %s", name, error)
        looked_at = Opened(capture=name, refusal=str(error), cameras=(), recorded_frames=None, rates=(), notes=())
    looked_at.write(opened)


def look_at_capture(name: str, capture: Capture) -> Opened:
    """Check a recording's files and its calibration.

    Raises:
        FileNotFoundError: lists every file that is missing.
        ValueError: names file, camera or field, found and expected: whatever in the calibration, the pictures or the
            masks cannot be, or does not fit the rest.
    """
    recording = inspect_recording(capture)
    calibration = _lab_cameras(capture, recording)
    try:
        stated_up(capture.calibration, calibration)
    except ValueError as error:
        raise ValueError(f"captures.{name}.calibration.up: {error}") from error
    return Opened(
        capture=name,
        refusal=None,
        cameras=describe_cameras(calibration, recording.pictures, recording.masks),
        recorded_frames=recording.frames,
        rates=tuple(recording.rates),
        notes=tuple(calibration.notes),
    )


def _lab_cameras(capture: Capture, recording: Recording) -> Calibration:
    """Read the calibration, take the cameras asked for, in millimeters, with the pictures' sizes."""
    file = capture.calibration
    recorded = dict(zip(capture.cameras, recording.sizes, strict=True))
    chosen = read_stated_calibration(file, capture.cameras, recorded)
    notes = [*chosen.notes, f"unit: {file.millimeters_per_unit} mm, from the configuration"]
    if chosen.image_sizes is None:
        notes.append("picture size: that of the recording")
    else:
        _require_calibrated_sizes(chosen, recording, file.path)
    if len(rates := sorted({round(rate, 3) for rate in recording.rates})) > 1:
        notes.append(f"rates of the videos differ: {rates} frames a second")
    poses = chosen.world_to_camera.clone()
    poses[:, :3, 3] *= file.millimeters_per_unit
    sizes = torch.tensor(recording.sizes)
    try:
        sized = Calibration(chosen.names, chosen.intrinsics, chosen.distortion, poses, sizes, notes)
    except ValueError as error:
        raise ValueError(f"{file.path}: {error}") from error
    if chosen.image_sizes is None:  # the reader could not yet compare principal points with it
        notes.extend(line for line in suspicions(sized) if line not in notes)
    for note in notes:
        if note.startswith("warning: "):
            logger.warning("%s: %s", file.path, note.removeprefix("warning: "))
    return sized


def _require_calibrated_sizes(calibration: Calibration, recording: Recording, path: str) -> None:
    assert calibration.image_sizes is not None
    wrong = [
        f"{pictures}: camera {name}: found {found[0]} x {found[1]} px, expected {expected[0]} x {expected[1]}"
        f" as calibrated in {path}"
        for name, pictures, found, expected in zip(
            calibration.names, recording.pictures, recording.sizes, calibration.image_sizes.tolist(), strict=True
        )
        if list(found) != expected
    ]
    if wrong:
        raise ValueError("\n".join(wrong))
