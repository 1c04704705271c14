"""What a guard remembers of single numbers: what is usual, and for how long something was too far off."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from mouse_facelift.settings import WatchPolicy
from mouse_facelift.training.outcome import Seen

AT_LOOKS = ("held_out", "collapse")
"""signals of looks at held-out samples"""


@dataclass
class Usual:
    """The latest values of a number that were not too far off."""

    window: int
    least: int
    values: list[float] = field(default_factory=list)

    def times(self, value: float) -> float | None:
        """How many times the median a value is; None while too little is known."""
        if len(self.values) < self.least:
            return None
        median = statistics.median(self.values)
        return value / median if median > 0 else None

    def add(self, value: float) -> None:
        self.values = [*self.values, value][-self.window :]


@dataclass
class Beginning:
    """What renderings and Gaussians looked like in the first steps."""

    least: int
    opacities: list[float] = field(default_factory=list)
    scales: list[list[float]] = field(default_factory=list)

    def add(self, seen: Seen) -> None:
        if len(self.opacities) < self.least:
            self.opacities.append(seen.opacity)
            self.scales.append(list(seen.scales))

    def fainter(self, seen: Seen) -> float | None:
        """How many times lower the mean opacity is than its median at the start; None while that is not known."""
        if len(self.opacities) < self.least:
            return None
        return statistics.median(self.opacities) / max(seen.opacity, 1e-12)

    def moved(self, seen: Seen) -> float | None:
        """Total variation between the histogram of scales and its mean at the start; None while that is not known."""
        if len(self.scales) < self.least:
            return None
        first = [statistics.fmean(shares) for shares in zip(*self.scales, strict=True)]
        return sum(abs(now - then) for now, then in zip(seen.scales, first, strict=True)) / 2


@dataclass
class TooFar:
    """Signals beyond their limits now, and since when."""

    counts: dict[str, int] = field(default_factory=dict)
    since: dict[str, int] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)

    def note(self, signal: str, step: int, value: float, beyond: bool) -> None:
        """Tell of one look at one signal; a look that is well ends a row of others."""
        if beyond:
            self.counts[signal] = self.counts.get(signal, 0) + 1
            self.since.setdefault(signal, step)
            self.values[signal] = value
        else:
            self.forget([signal])

    def forget(self, signals: Sequence[str] | None = None) -> None:
        """Forget some signals, or all."""
        for signal in list(self.counts) if signals is None else signals:
            for known in (self.counts, self.since, self.values):
                known.pop(signal, None)

    def due(self, policy: WatchPolicy, lenient: bool = True) -> list[str]:
        """Signals too far off for as long as their patience lasts; without lenience, looks have none."""
        return [
            signal
            for signal, count in self.counts.items()
            if count >= getattr(policy, signal).patience or (signal in AT_LOOKS and not lenient)
        ]
