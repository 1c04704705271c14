"""What befell a training, and where to look first: written for every training, also for one that went well."""

import math
from typing import Literal

from mouse_facelift.formats.manifest import Manifest, Record

CauseName = Literal["contract", "unit", "center", "conditioning", "learning_rate", "loss"]
"""in the order to check"""


def finite(value: float) -> float | None:
    """A number as a manifest holds it."""
    return float(value) if math.isfinite(value) else None


class SeenSignal(Record):
    """A number that went too far off."""

    signal: str
    """a row of the guard's policy"""
    value: float | None
    """None: not a finite number"""
    limit: float | None
    """None: it has none, as what must be finite"""
    since: int
    """step from which on it was too far off without a break"""
    says: str


class DoneAbout(Record):
    """What the guard did after a step."""

    step: int
    action: Literal["skip", "roll_back", "stop"]
    signals: tuple[SeenSignal, ...]
    kept_step: int
    """step whose weights the training went on with"""


class TrainingCause(Record):
    """Something that may be wrong, and what speaks for it."""

    cause: CauseName
    suspected: bool
    """the evidence speaks for it"""
    fields: tuple[str, ...]
    """of the camera contract, or of the plan: those to look at"""
    evidence: dict[str, float | None]
    """numbers, with their units in their names; None where one is not finite"""
    says: str


class Stopped(Record):
    """A training that was stopped."""

    step: int
    since: int
    """first step at which one of the signals was too far off"""
    kept_step: int
    """whose weights go on; 0: those that the training started from"""
    signals: tuple[SeenSignal, ...]
    causes: tuple[TrainingCause, ...]
    """suspected ones first; else in the order to check"""


class HeldOutLook(Record):
    """PSNR in dB of views that did not go in; None where it is not finite."""

    step: int
    whole: float | None
    animal: float | None
    collapse: float | None = None
    """of view generators: 0 as the truth, 1 copies of the input"""


class TrainingDiagnosis(Manifest):
    experiment: str
    watched: bool
    """false: the plan has no guard"""
    steps: int
    """taken"""
    stopped: Stopped | None
    """None when all went well"""
    done: tuple[DoneAbout, ...]
    """all that the guard did, in its order"""
    held_out: tuple[HeldOutLook, ...]
    paragraph: str
    """the same in words"""

    @property
    def status(self) -> str:
        """A word for the row of the results."""
        if self.stopped is None:
            return "complete"
        return f"collapsed at step {self.stopped.step}; weights of step {self.stopped.kept_step}"
