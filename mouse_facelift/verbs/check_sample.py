"""A sample folder against the camera contract, view by view and field by field."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mouse_facelift.formats.sample_folder import (
    CAMERAS_FILE,
    Sample,
    camera_frames_to_cameras,
    read_camera_frames,
    read_sample,
)
from mouse_facelift.geometry.contract import contract_violations, subject_violations
from mouse_facelift.imaging.pictures import picture_size, read_alpha
from mouse_facelift.settings import CameraContract
from mouse_facelift.verbs.report import Report, ReportLine, amber, green, red, reds, report, worst
from mouse_facelift.verbs.subject import find_subject

FEWEST = 2  # views without which nothing bounds depth


def check_sample(folder: Path, contract: CameraContract, hull_resolution: int) -> Report:
    """Hold every view of a sample folder against the contract: camera, picture, silhouette; then the subject.

    Args:
        folder: in FaceLift's layout.
        contract: of the configuration.
        hull_resolution: voxels along an edge, by which it is told how far the subject reaches.
    """
    path = folder / CAMERAS_FILE
    try:
        frames = read_camera_frames(path)
    except ValueError as error:
        return report(str(folder), "sample", contract.hash, reds("", CAMERAS_FILE, error))
    names = view_names(frames)
    lines: list[ReportLine] = []
    for name, frame in zip(names, frames, strict=True):
        lines += _check_camera(name, frame, path, contract) + _check_picture(name, frame, folder)
    if worst(line.light for line in lines) != "red":
        lines += _check_subject(read_sample(folder), contract, hull_resolution)
    return report(str(folder), "sample", contract.hash, lines)


def view_names(frames: Sequence[dict[str, Any]]) -> list[str]:
    """What the views of an opencv_cameras.json are called: by their cameras, if it tells, else by their pictures."""
    return [
        str(frame["view_name"] if "view_name" in frame else Path(str(frame.get("file_path", view))).stem)
        for view, frame in enumerate(frames)
    ]


def _check_camera(name: str, frame: dict[str, Any], path: Path, contract: CameraContract) -> list[ReportLine]:
    try:
        camera = camera_frames_to_cameras([frame], path)
    except (ValueError, TypeError) as error:
        return [red(name, "camera", str(error).removeprefix(f"{path}: ").removeprefix("view 0: "))]
    broken = [violation.partition(": ") for violation in contract_violations(camera, contract)]
    if broken:
        return [red(name, field, says.removeprefix("view 0: ")) for field, _, says in broken]
    distance = float(camera.centers[0].norm())
    return [green(name, "camera", f"keeps the contract; {distance:.3f} units from the origin")]


def _check_picture(name: str, frame: dict[str, Any], folder: Path) -> list[ReportLine]:
    if "file_path" not in frame:
        return [red(name, "picture", f"{CAMERAS_FILE} names none: file_path is missing")]
    file = folder / str(frame["file_path"])
    if not file.is_file():
        return [red(name, "picture", f"no file {file}")]
    try:
        size, alpha = picture_size(file), read_alpha(file)
    except ValueError as error:
        return [red(name, "alpha", str(error))]
    told = (frame["w"], frame["h"])
    if size != told:
        return [red(name, "picture", f"found {size[0]} x {size[1]} px, expected {told[0]} x {told[1]} as its camera")]
    shown = float(np.mean(alpha > 127))
    if shown == 0:
        return [red(name, "alpha", "0 everywhere: the picture shows nothing")]
    if shown == 1:
        return [red(name, "alpha", "opaque everywhere: nothing tells the animal from what is behind it")]
    return [green(name, "picture", f"the animal covers {100 * shown:.1f} % of it")]


def _check_subject(sample: Sample, contract: CameraContract, resolution: int) -> list[ReportLine]:
    if len(sample.cameras) < FEWEST:
        return [amber("", "subject", f"{len(sample.cameras)} view: how far it reaches cannot be told")]
    try:
        subject = find_subject(sample, resolution)
    except ValueError as error:
        return [amber("", "subject", f"how far it reaches cannot be told: {error}")]
    if broken := subject_violations([(subject.center, subject.radius)], contract):
        return [red("", "subject", says.partition(": ")[2]) for says in broken]
    return [
        green(
            "",
            "subject",
            f"its visual hull reaches {subject.reach:.3f} units, at most {contract.subject_radius} allowed",
        )
    ]
