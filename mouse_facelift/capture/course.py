"""The animal's way through a recording: its place, smoothed, and frames in which something is wrong."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mouse_facelift.formats.animal import AnimalChunk, ViewState
from mouse_facelift.formats.frames import LeftOut
from mouse_facelift.formats.verdict import FaultCount
from mouse_facelift.geometry.tracks import find_jumps, smooth_track
from mouse_facelift.settings import AnimalWork, FrameFault


@dataclass(frozen=True)
class Course:
    """Frames as in the chunks they come from."""

    used: Bool[Tensor, "frame view"]
    """views that show the animal and may be used"""
    centers: Float[Tensor, "frame 3"]
    """mm, smoothed; NaN where nothing tells"""
    faults: dict[FrameFault, Bool[np.ndarray, "frame"]]
    left_out: Bool[np.ndarray, "frame"]

    def counts(self, frames: np.ndarray) -> tuple[FaultCount, ...]:
        """How many frames have each fault."""
        return tuple(
            FaultCount(
                fault=fault,
                frames=int(where.sum()),
                first=int(frames[where][0]),
                left_out=bool(self.left_out[where].all()),
            )
            for fault, where in self.faults.items()
            if where.any()
        )

    def not_handed_on(self, frames: np.ndarray) -> tuple[LeftOut, ...]:
        """The frames that are left out, and why."""
        return tuple(
            LeftOut(frame=frame, faults=tuple(fault for fault, where in self.faults.items() if where[place]))
            for place, frame in enumerate(frames.tolist())
            if self.left_out[place]
        )


def follow(animals: AnimalChunk, work: AnimalWork, places: Float[Tensor, "frame 3"]) -> Course:
    """Follow the animal through all frames.

    Args:
        animals: what was found in each frame.
        work: rules of the configuration.
        places: the animal's place in each frame, mm: of its hull, or of key points; NaN where there is none.
    """
    seen, cut = (np.equal(animals.states.T, state) for state in (ViewState.seen, ViewState.cut))
    used = seen | cut if work.cut_views == "use" else seen
    few = used.sum(axis=1) < work.least_views
    body = np.isfinite(animals.radii) & places.isfinite().all(dim=1).numpy()
    faults: dict[FrameFault, Bool[np.ndarray, frame]] = {"few_views": few, "no_body": ~few & ~body}
    sound = body & ~few
    faults["jump"] = _jumps(animals, work, places, sound)
    faults["blur"] = _blurred(animals, work)
    faults["cut"] = cut.any(axis=1)
    left_out = ~sound
    for fault in work.leave_out:
        left_out = left_out | faults[fault]
    kept = torch.from_numpy(~left_out)
    centers = torch.full_like(places, torch.nan)
    if bool(kept.any()):
        numbers = torch.from_numpy(animals.frames)[kept]
        weights = torch.ones(len(numbers), dtype=torch.float64)
        centers[kept] = smooth_track(numbers, places[kept], weights, work.smoothing, work.longest_gap)
    return Course(torch.from_numpy(used), centers, faults, left_out)


def _jumps(
    animals: AnimalChunk, work: AnimalWork, places: Float[Tensor, "frame 3"], sound: Bool[np.ndarray, "frame"]
) -> Bool[np.ndarray, "frame"]:
    jumped = np.zeros(len(animals.frames), dtype=bool)
    if work.largest_step is not None and sound.any():
        numbers = torch.from_numpy(animals.frames[sound])
        jumped[sound] = find_jumps(
            numbers, places[torch.from_numpy(sound)], work.largest_step, work.longest_gap
        ).numpy()
    return jumped


def _blurred(animals: AnimalChunk, work: AnimalWork) -> Bool[np.ndarray, "frame"]:
    """Frames in which most views are less sharp than the configured part of their own median."""
    if work.least_sharpness is None:
        return np.zeros(len(animals.frames), dtype=bool)
    known = np.isfinite(animals.sharpness)
    typical = np.array(
        [np.median(row[some]) if some.any() else np.nan for row, some in zip(animals.sharpness, known, strict=True)]
    )
    relative = animals.sharpness / typical[:, None]
    below = np.where(known, relative < work.least_sharpness, False).sum(axis=0)
    return np.asarray(2 * below > known.sum(axis=0))
