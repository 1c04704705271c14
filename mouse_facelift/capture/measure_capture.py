"""Rule `measure_capture`: chunks of frames to the animal's way through the recording, and to what a verdict asks."""

import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mouse_facelift.capture.agreement import center_residuals, hull_agreement
from mouse_facelift.capture.course import Course, follow
from mouse_facelift.capture.describe import Agreement, describe_cameras, say_finding
from mouse_facelift.capture.diagnosis import Cause, Diagnosis, Recorded, diagnose
from mouse_facelift.capture.floor import settle_up
from mouse_facelift.capture.key_points.places import place_by_key_points
from mouse_facelift.capture.outlines import bring_outlines, mean_focals
from mouse_facelift.capture.seen_chunks import SeenChunks
from mouse_facelift.formats.animal import AnimalChunk, ViewState, select_frames
from mouse_facelift.formats.frames import Frames, Subject
from mouse_facelift.formats.opened import Opened
from mouse_facelift.formats.predictions import spread
from mouse_facelift.formats.verdict import AxisGaps, Found, Measured, Refused, UpReport
from mouse_facelift.geometry.axis_reading import read_axes
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.lenses import undistort
from mouse_facelift.geometry.rig import aim_angles, rig_angles, roll_angles
from mouse_facelift.geometry.tangency import Rig
from mouse_facelift.geometry.triangulation import Meetings, meet_rays
from mouse_facelift.settings import AnimalWork, Capture, VerdictWork

MISS_LIMIT = 0.1
"""of the distance: a camera whose rays miss the animal by more in half of the frames does not belong to its pictures"""
RUNS = 8
"""of neighboring frames, in which cameras are compared where a recording is long"""
_REMARKS = 12

logger = logging.getLogger(__name__)


def measure_capture(
    opened: Path,
    animals: list[Path],
    masks: list[Path],
    capture: Capture,
    animal: AnimalWork,
    verdict: VerdictWork,
    found: Path,
) -> None:
    """Join a recording's chunks: where the animal goes, which frames are left out, how well the cameras agree.

    What contradicts itself is written as refused; `judge_capture` makes it red, and `admit_capture` lets nothing red
    pass.

    Args:
        opened: manifest of the recording (`formats.opened.Opened`).
        animals: what `find_animal` found in each chunk, in time's order.
        masks: cleaned masks of the same chunks.
        capture: the recording's section of the configuration.
        animal: which frames are left out.
        verdict: how much is looked at.
        found: to write (`formats.verdict.Found`).
    """
    recording = Opened.read(opened)
    try:
        if recording.refusal:
            raise ValueError(recording.refusal)
        handed_on = measure(recording, SeenChunks(animals, masks), capture, animal, verdict)
    except ValueError as error:
        logger.info("%s: refused: %s", recording.capture, error)
        refused = Refused(capture=recording.capture, calibration=capture.calibration.path, refusal=str(error))
        handed_on = Found(frames=None, measured=refused)
    handed_on.write(found)


def measure(recording: Opened, chunks: SeenChunks, capture: Capture, animal: AnimalWork, verdict: VerdictWork) -> Found:
    """Measure a recording from what was found in its chunks.

    Raises:
        ValueError: names file, camera or frame: a camera that never shows the animal or always another place than the
            others, an animal that no frame shows well enough, key points that do not fit.
    """
    calibration = recording.calibration()
    animals = chunks.animals
    # Doubtful masks are judged too: a camera that is off makes all of its masks doubtful.
    shown = torch.from_numpy(ViewState.missing != animals.states.T)
    _require_shown(animals, shown, calibration, animal)
    enough = (shown.sum(dim=1) >= 2).numpy()
    some = select_frames(animals, enough)
    present = shown[torch.from_numpy(enough)]
    directions = _center_rays(some, calibration, capture)
    meetings = _locate(directions, present, calibration, capture, some.frames.tolist())
    places = torch.from_numpy(animals.body_centers)
    if capture.key_points is not None:
        places = place_by_key_points(capture.key_points, animals.frames, places, torch.from_numpy(animals.radii))
    course = follow(animals, animal, places)
    logger.info("%s: looking for cameras that are off", recording.capture)
    recorded, diagnosis = _diagnose(chunks, some, meetings, calibration, verdict)
    findings = tuple(say_finding(one, calibration.names) for one in diagnosis.findings)
    if course.left_out.all():
        counts = {fault: int(where.sum()) for fault, where in course.faults.items() if where.any()}
        said = " ".join(finding.says for finding in findings)
        raise ValueError(
            f"none of {len(animals.frames)} frames can be used: {counts} (limits: animal, in the configuration). {said}"
        )
    up, up_report = settle_up(capture.calibration, calibration, chunks.surfaces(animals.frames[~course.left_out]))
    carved = spread(some.frames.tolist(), verdict.hull_frames)
    logger.info("%s: carving %d frames, each view against the others", recording.capture, len(carved))
    points = {number: meetings.points[some.frames.tolist().index(number)] for number in carved}
    masks = {number: chunks.masks(number) for number in carved}
    agreement = Agreement(
        meetings,
        center_residuals(directions, torch.from_numpy(some.centers), present, calibration),
        hull_agreement(masks, points, calibration, up, verdict.hull_picture, verdict.hull_resolution),
        recorded,
        diagnosis,
    )
    subject = meetings.points.mean(dim=0)
    angles = rig_angles(calibration.centers, subject, up)
    rolls, aims = roll_angles(calibration.world_to_camera, up), aim_angles(calibration.world_to_camera, subject)
    lowest, highest = meetings.points.aminmax(dim=0)
    measured = Measured.model_validate(
        {
            "capture": recording.capture,
            "calibration": capture.calibration.path,
            "findings": findings,
            "readings": _readings(calibration, subject, up),
            "frames": len(animals.frames),
            "first_frame": int(animals.frames[0]),
            "last_frame": int(animals.frames[-1]),
            "kept_frames": int((~course.left_out).sum()),
            "faults": course.counts(animals.frames),
            "recorded_frames": recording.recorded_frames,
            "rate": recording.rates[0] if recording.rates else None,
            "up": up.tolist(),
            "up_report": up_report,
            "subject": subject.tolist(),
            "subject_range": (highest - lowest).tolist(),
            "extent": np.nanmedian(animals.extents, axis=0).tolist(),
            "cameras": describe_cameras(calibration, angles, rolls, aims, animals, agreement),
            "order": [calibration.names[view] for view in angles.order],
            "gaps": angles.gaps.tolist(),
            "ray_miss_p50": float(torch.quantile(meetings.rms_misses, 0.5)),
            "ray_miss_p95": float(torch.quantile(meetings.rms_misses, 0.95)),
            "notes": (*recording.notes, _say_up(up_report)),
            "remarks": animals.remarks[:_REMARKS],
        }
    )
    frames = Frames(
        capture=recording.capture,
        cameras=recording.cameras,
        up=measured.up,
        calibration_notes=measured.notes,
        chunks=chunks.files,
        subjects=_subjects(chunks, course),
        left_out=course.not_handed_on(animals.frames),
    )
    return Found(frames=frames, measured=measured)


def _require_shown(
    animals: AnimalChunk, shown: Bool[Tensor, "frame view"], calibration: Calibration, work: AnimalWork
) -> None:
    """Raise ValueError for a camera that never shows the animal: nothing constrains it."""
    for name, frames in zip(calibration.names, shown.T, strict=True):
        if not bool(frames.any()):
            said = next((f"; {remark}" for remark in animals.remarks if f", {name}: " in remark), "")
            raise ValueError(
                f"camera {name}: none of {len(frames)} frames shows the animal, so that nothing constrains it: leave it"
                f" out of the capture's cameras, or mend its masks{said}"
            )
    if not bool((shown.sum(dim=1) >= 2).any()):
        raise ValueError(f"no frame of {len(shown)} shows the animal in two views; {work.least_views} are asked for")


def _center_rays(animals: AnimalChunk, calibration: Calibration, capture: Capture) -> Float[Tensor, "frame view 3"]:
    """Cast rays through the masks' centers, in world axes; NaN where there is no mask."""
    centers = torch.from_numpy(animals.centers)
    directions = torch.full((centers.shape[1], len(calibration), 3), torch.nan, dtype=torch.float64)
    for view, camera in enumerate(calibration.names):
        there = centers[view].isfinite().all(dim=1)
        try:
            rays = undistort(centers[view, there], calibration.intrinsics[view], calibration.distortion[view])
        except ValueError as error:
            raise ValueError(f"{capture.calibration.path}: camera {camera}: center of a mask: {error}") from error
        local = torch.cat([rays, torch.ones(len(rays), 1, dtype=torch.float64)], dim=1)
        directions[there, view] = local @ calibration.world_to_camera[view, :3, :3]
    return directions


def _locate(
    directions: Float[Tensor, "frame view 3"],
    present: Bool[Tensor, "frame view"],
    calibration: Calibration,
    capture: Capture,
    numbers: Sequence[int],
) -> Meetings:
    """Find the animal of each frame where the rays through its masks' centers meet."""
    try:
        meetings = meet_rays(calibration.centers, directions, present)
    except ValueError as error:
        raise ValueError(f"{capture.calibration.path}: {error}") from error
    _require_agreement(meetings, calibration, capture, numbers)
    return meetings


def _require_agreement(meetings: Meetings, calibration: Calibration, capture: Capture, numbers: Sequence[int]) -> None:
    typical = dict(zip(calibration.names, meetings.misses.nanmedian(dim=0).values.tolist(), strict=True))
    listed = ", ".join(f"{name} {miss:.1f}" for name, miss in typical.items())
    advice = f"median miss per camera in mm: {listed}; do these cameras belong to these pictures, and to their names?"
    behind = (meetings.depths <= 0).nonzero()
    if len(behind):
        frame, view = behind[0].tolist()
        raise ValueError(
            f"{capture.calibration.path}: camera {calibration.names[view]}: in frame {numbers[frame]} the rays through"
            f" the masks' centers meet behind it; a rotation stored camera to world would do this; {advice}"
        )
    limits = (MISS_LIMIT * meetings.depths.nanmedian(dim=0).values).tolist()
    for (name, miss), limit in zip(typical.items(), limits, strict=True):
        if miss > limit:
            raise ValueError(
                f"{capture.calibration.path}: camera {name}: its rays miss the place where the others see the animal:"
                f" found {miss:.1f} mm or more in half of the frames, expected less than {limit:.1f} mm; {advice}"
            )


def _diagnose(
    chunks: SeenChunks, animals: AnimalChunk, meetings: Meetings, calibration: Calibration, work: VerdictWork
) -> tuple[Recorded, Diagnosis]:
    """Look for cameras that are off, in some runs of neighboring frames."""
    taken = _runs(len(animals.frames), work.diagnosed_frames)
    some = select_frames(animals, taken)
    rig = Rig(calibration.world_to_camera[:, :3, :3], calibration.centers, mean_focals(calibration))
    whole = torch.from_numpy(np.isin(some.states, (ViewState.seen, ViewState.doubtful)))
    recorded = Recorded(
        bring_outlines(chunks.outlines(some.frames), whole, calibration),
        rig,
        meetings.points.mean(dim=0),
        some.frames.tolist(),
        work.longest_step,
        work.largest_offset,
    )
    limits = work.limits
    worth_naming = {
        Cause.rotation: math.radians(limits.rotation.amber),
        Cause.time: limits.time.amber,
        Cause.focal: limits.focal.amber,
    }
    return recorded, diagnose(recorded, worth_naming, work.least_explained)


def _runs(frames: int, count: int) -> Bool[np.ndarray, "frame"]:
    """Take at most `count` of the frames, in runs that are spread evenly, for neighbors tell of time."""
    taken = np.ones(frames, dtype=bool)
    if frames > count:
        length = -(-count // RUNS)
        taken[:] = False
        for start in np.linspace(0, frames - length, RUNS).astype(int):
            taken[start : start + length] = True
    return taken


def _readings(calibration: Calibration, subject: Float[Tensor, "3"], up: Float[Tensor, "3"]) -> tuple[AxisGaps, ...]:
    return tuple(
        AxisGaps(axis=found.axis, middle=found.middle, gaps=tuple(found.gaps.tolist()), wrong_by=found.wrong_by)
        for found in read_axes(calibration.centers, subject, up)
    )


def _say_up(report: UpReport) -> str:
    sure = "" if report.degrees is None else f" ± {report.degrees:.1f} degrees"
    return f"up: {report.source.replace('_', ' ')}{sure}"


def _subjects(chunks: SeenChunks, course: Course) -> tuple[Subject, ...]:
    animals = chunks.animals
    aside = torch.linalg.vector_norm(course.centers - torch.from_numpy(animals.body_centers), dim=-1).numpy()
    return tuple(
        Subject.model_validate(
            {
                "frame": frame,
                "chunk": chunks.chunk_of[place],
                "center": course.centers[place].tolist(),
                "radius": float(animals.radii[place] + aside[place]),
                "views": course.used[place].nonzero()[:, 0].tolist(),
            }
        )
        for place, frame in enumerate(animals.frames.tolist())
        if not course.left_out[place]
    )
