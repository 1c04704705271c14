"""Rule `read_capture`: a laboratory's files to posed frames, and a verdict on the cameras."""

import logging
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.capture.agreement import center_residuals, hull_agreement
from mouse_facelift.capture.calibration.completion import read_stated_calibration
from mouse_facelift.capture.calibration.suspicions import suspicions
from mouse_facelift.capture.diagnosis import Cause, Recorded, diagnose
from mouse_facelift.capture.outlines import bring_outlines, mean_focals
from mouse_facelift.capture.page import write_page, write_refusal
from mouse_facelift.capture.recording import Recording, inspect_recording
from mouse_facelift.capture.sample_pictures import sample_pictures
from mouse_facelift.capture.silhouettes import Kept, Silhouettes, measure_silhouettes
from mouse_facelift.capture.verdict import judge, refuse
from mouse_facelift.formats.frames import Frames, Subject, describe_cameras
from mouse_facelift.formats.verdict import Found, Verdict
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.lenses import undistort
from mouse_facelift.geometry.tangency import Rig
from mouse_facelift.geometry.triangulation import Meetings, meet_rays
from mouse_facelift.settings import Capture, VerdictWork

MISS_LIMIT = 0.1
"""of the distance: a camera whose rays miss the animal by more in half of the frames does not belong to its pictures"""

logger = logging.getLogger(__name__)


def read_capture(name: str, capture: Capture, work: VerdictWork, found: Path, verdict: Path, page: Path) -> None:
    """Read one recording: check its files against its calibration, find the animal in each frame, judge the cameras.

    What contradicts itself is a red verdict too; `admit_capture` lets nothing red pass.

    Args:
        name: of the capture, as in the configuration.
        capture: its section of the configuration.
        work: how to judge it.
        found: what was found (`formats.verdict.Found`), to write.
        verdict: the verdict to write (`formats.verdict.read_verdict`).
        page: the verdict for people to write, HTML.

    Raises:
        FileNotFoundError: lists every file that is missing.
    """
    try:
        frames, judged, kept = measure_capture(name, capture, work)
    except ValueError as error:
        logger.info("%s: refused: %s", name, error)
        refused = refuse(name, capture, str(error))
        refused.write(verdict)
        write_refusal(refused, page)
        Found(frames=None).write(found)
        return
    pictures = sample_pictures(frames, kept, work.shown_frames)
    judged.write(verdict)
    write_page(judged, frames.calibration(), pictures, page)
    Found(frames=frames).write(found)
    for line in judged.lines:
        if line.light != "green":
            logger.info(
                "%s: %s%s: %s: %s", name, line.light, " (accepted)" if line.accepted else "", line.name, line.says
            )
    logger.info("%s: verdict: %s", name, judged.light)


def measure_capture(name: str, capture: Capture, work: VerdictWork) -> tuple[Frames, Verdict, Kept]:
    """Measure a recording.

    Returns:
        The frames with the animal's place in each, the verdict, and the masks of the frames that were carved.

    Raises:
        FileNotFoundError: lists every file that is missing.
        ValueError: names file, camera, frame or field, found and expected: whatever in the calibration, the pictures
            or the masks cannot be, or does not fit the rest.
    """
    recording = inspect_recording(capture)
    calibration = _lab_cameras(capture, recording)
    up = torch.tensor(capture.calibration.up, dtype=torch.float64)
    up = up / torch.linalg.vector_norm(up)
    numbers = capture.frame_numbers
    logger.info("%s: %d cameras, %d frames; reading masks", name, len(calibration), len(numbers))
    masks = capture.given_masks
    carved = _spread(numbers, work.hull_frames)
    silhouettes = measure_silhouettes(recording, capture.cameras, masks.kind, masks.threshold, numbers, carved)
    directions = _center_rays(silhouettes, calibration, capture)
    meetings = _locate(directions, calibration, capture, numbers)
    places = {number: meetings.points[numbers.index(number)] for number in carved}
    logger.info("%s: carving %d frames, each view against the others", name, len(carved))
    hulls = hull_agreement(silhouettes.kept, places, calibration, work.hull_picture, work.hull_resolution)
    logger.info("%s: looking for cameras that are off", name)
    recorded = Recorded(
        bring_outlines(silhouettes, calibration),
        Rig(calibration.world_to_camera[:, :3, :3], calibration.centers, mean_focals(calibration)),
        meetings.points.mean(dim=0),
        numbers,
        work.longest_step,
        work.largest_offset,
    )
    limits = work.limits
    worth_naming = {
        Cause.rotation: math.radians(limits.rotation.amber),
        Cause.time: limits.time.amber,
        Cause.focal: limits.focal.amber,
    }
    judged = judge(
        name,
        capture,
        limits,
        recording,
        calibration,
        silhouettes,
        meetings,
        up,
        center_residuals(directions, silhouettes.centers, calibration),
        hulls,
        recorded,
        diagnose(recorded, worth_naming, work.least_explained),
    )
    subjects = tuple(
        Subject.model_validate({"frame": frame, "center": center, "ray_miss": miss, "mask_areas": areas})
        for frame, center, miss, areas in zip(
            numbers, meetings.points.tolist(), meetings.rms_misses.tolist(), silhouettes.areas.T.tolist(), strict=True
        )
    )
    frames = Frames(
        capture=name,
        cameras=describe_cameras(calibration, recording.pictures, recording.masks),
        up=judged.up,
        mask_threshold=masks.threshold,
        mask_kind=masks.kind,
        calibration_notes=tuple(calibration.notes),
        subjects=subjects,
    )
    return frames, judged, silhouettes.kept


def _spread(numbers: Sequence[int], count: int) -> tuple[int, ...]:
    """Take at most `count` of the frames, spread evenly."""
    count = min(count, len(numbers))
    return tuple(numbers[(2 * place + 1) * len(numbers) // (2 * count)] for place in range(count))


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


def _center_rays(silhouettes: Silhouettes, calibration: Calibration, capture: Capture) -> Float[Tensor, "frame view 3"]:
    """Cast rays through the silhouettes' centers, in world axes."""
    directions = []
    for view, camera in enumerate(calibration.names):
        try:
            rays = undistort(silhouettes.centers[view], calibration.intrinsics[view], calibration.distortion[view])
        except ValueError as error:
            raise ValueError(f"{capture.calibration.path}: camera {camera}: center of a mask: {error}") from error
        local = torch.cat([rays, torch.ones(len(rays), 1, dtype=torch.float64)], dim=1)
        directions.append(local @ calibration.world_to_camera[view, :3, :3])
    return torch.stack(directions, dim=1)


def _locate(
    directions: Float[Tensor, "frame view 3"], calibration: Calibration, capture: Capture, numbers: Sequence[int]
) -> Meetings:
    """Find the animal of each frame where the rays through its silhouettes' centers meet."""
    try:
        meetings = meet_rays(calibration.centers, directions)
    except ValueError as error:
        raise ValueError(f"{capture.calibration.path}: {error}") from error
    _require_agreement(meetings, calibration, capture, numbers)
    return meetings


def _require_agreement(meetings: Meetings, calibration: Calibration, capture: Capture, numbers: Sequence[int]) -> None:
    typical = dict(zip(calibration.names, meetings.misses.median(dim=0).values.tolist(), strict=True))
    listed = ", ".join(f"{name} {miss:.1f}" for name, miss in typical.items())
    advice = f"median miss per camera in mm: {listed}; do these cameras belong to these pictures, and to their names?"
    behind = (meetings.depths <= 0).nonzero()
    if len(behind):
        frame, view = behind[0].tolist()
        raise ValueError(
            f"{capture.calibration.path}: camera {calibration.names[view]}: in frame {numbers[frame]} the rays through"
            f" the masks' centers meet behind it; a rotation stored camera to world would do this; {advice}"
        )
    limits = (MISS_LIMIT * meetings.depths.median(dim=0).values).tolist()
    for (name, miss), limit in zip(typical.items(), limits, strict=True):
        if miss > limit:
            raise ValueError(
                f"{capture.calibration.path}: camera {name}: its rays miss the place where the others see the animal:"
                f" found {miss:.1f} mm or more in half of the frames, expected less than {limit:.1f} mm; {advice}"
            )
