"""When a training must leave: its time is over, or somebody from outside says so."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

MARGIN = 0.1  # of a job's time, kept for the last step and for saving
LONGEST_MARGIN = 180.0  # s
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
"""what clusters send before they stop a job: SIGTERM at preemption and cancelling, SIGUSR1 by `sbatch --signal`"""


@dataclass(frozen=True)
class Deadline:
    """Moment (time.monotonic) after which a training saves its state and leaves."""

    moment: float

    @classmethod
    def in_minutes(cls, minutes: int) -> "Deadline":
        """A little before a job that starts now and may take so many minutes is stopped from outside."""
        seconds = 60 * minutes
        return cls(time.monotonic() + seconds - min(MARGIN * seconds, LONGEST_MARGIN))

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self.moment


class Asked:
    """Whether a signal came."""

    def __init__(self) -> None:
        self.by: signal.Signals | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.by = signal.Signals(number)


@contextmanager
def signals_ask() -> Iterator[Asked]:
    """Within it SIGNALS end nothing: they ask. In another thread than the main one, nothing changes."""
    asked = Asked()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: signal.signal(number, asked) for number in SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
