"""Which camera is off, and what explains it best: a turn, a shift in time or a wrong focal length.

Each camera is moved alone, by each cause alone, until the planes that touch its silhouettes touch those of the other
cameras as well as they can (`geometry.tangency`). The camera and the cause that leave least disagreement are named.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import torch
from jaxtyping import Float
from scipy.stats import norm
from scipy.stats import t as student_t
from torch import Tensor

from mouse_facelift.geometry.tangency import Outlines, Rig, sound_tangents, span

NOISE = 0.25
"""px; masks of whole pixels touch a plane no better than so"""
SAME = 0.05
"""of the animal's size in a picture; where it moved by less in all views, masks have the same faults again"""
UNKNOWN = 1e6
"""a standard error of which nothing is known"""
_STEPS = 12
_BLOCKS = 5


class Cause(StrEnum):
    rotation = "rotation"
    time = "time"
    focal = "focal"


PARAMETERS = {Cause.rotation: 3, Cause.time: 1, Cause.focal: 1}
_SMALL = {Cause.rotation: 1e-4, Cause.time: 0.02, Cause.focal: 1e-4}  # steps of finite differences


@dataclass(frozen=True)
class Correction:
    """What would have to be done to one camera so that it agrees with the others."""

    turn: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """radians about its x, y and z"""
    frames: float = 0.0
    """its frame n shows what the others show in frame n - frames: positive where it runs late"""
    log_focal: float = 0.0
    """of the true focal length over the one in the file"""

    def with_cause(self, cause: Cause, values: Sequence[float]) -> "Correction":
        match cause:
            case Cause.rotation:
                x, y, z = values
                return replace(self, turn=(x, y, z))
            case Cause.time:
                return replace(self, frames=values[0])
            case Cause.focal:
                return replace(self, log_focal=values[0])

    def of_cause(self, cause: Cause) -> list[float]:
        match cause:
            case Cause.rotation:
                return list(self.turn)
            case Cause.time:
                return [self.frames]
            case Cause.focal:
                return [self.log_focal]


@dataclass(frozen=True)
class Fit:
    """One camera moved by one cause."""

    view: int
    cause: Cause
    values: tuple[float, ...]
    """radians about x, y, z; frames; or the logarithm of a focal length's factor"""
    spread: float
    """standard error of the values' length: of errors that change from part to part of the recording (parts left out
    in turn), and of those that last, as of a mask that always lacks the feet of an animal that sits still"""
    parts: int
    """in how many of these the animal stands otherwise; the fewer, the less the error is to be trusted"""
    cost: float
    """of the camera's pairs that is left, robust, in squared noise"""

    @property
    def size(self) -> float:
        return float(torch.linalg.vector_norm(torch.tensor(self.values, dtype=torch.float64)))

    @property
    def is_certain(self) -> bool:
        """Whether it is as unlikely to be chance as three known standard errors are (Student's t)."""
        return self.parts > 1 and self.size > float(student_t.ppf(norm.cdf(3), self.parts - 1)) * self.spread


class Recorded:
    """Outlines of a recording before its cameras, and how well they agree once some are corrected."""

    def __init__(
        self,
        outlines: Outlines,
        rig: Rig,
        subject: Float[Tensor, "3"],
        numbers: Sequence[int],
        longest_step: int,
        largest_offset: int,
    ) -> None:
        """Take a recording.

        Args:
            outlines: of all views and frames.
            rig: the cameras of the calibration.
            subject: about where the animal is, world axes.
            numbers: of the frames, rising.
            longest_step: frames further apart than this say nothing of what lies between them.
            largest_offset: frames by which a video is tried to run early or late.
        """
        self.outlines, self.rig, self.subject = outlines, rig, subject
        self.times = torch.tensor(numbers, dtype=torch.float64)
        self.longest_step, self.largest_offset = longest_step, largest_offset
        plain = [Correction()] * len(rig.centers)
        self.residuals = torch.stack([self.beside_others(view, plain).residuals(Correction()) for view in self.views])
        self.noise = self._noise()
        self.parts = self._parts()

    @property
    def views(self) -> range:
        return range(len(self.rig.centers))

    @property
    def tells_time(self) -> bool:
        """Whether some neighboring frames are close enough to interpolate between them."""
        return bool((self.times.diff() <= self.longest_step).any())

    def beside_others(self, view: int, corrections: Sequence[Correction]) -> "Beside":
        """Hold all cameras but one as corrected."""
        others = [other for other in self.views if other != view]
        base = self.rig.centers[others] - self.rig.centers[view]
        axes = base / torch.linalg.vector_norm(base, dim=-1, keepdim=True)
        middles = (self.subject - self.rig.centers[view]).expand_as(axes)
        spans = [
            span(*self.seen(other, corrections[other]), axes[row : row + 1], middles[row : row + 1])
            for row, other in enumerate(others)
        ]
        angles, sines = torch.cat([found[0] for found in spans]), torch.cat([found[1] for found in spans])
        late = [corrections[other].frames for other in others]
        return Beside(self, view, others, axes, middles, angles, sines, late)

    def seen(self, view: int, correction: Correction) -> tuple[Float[Tensor, "frame vertex 3"], Float[Tensor, "3 3"]]:
        """Rays and rotation of a corrected camera."""
        rays = self.outlines.rays[view]
        if correction.log_focal:
            stretch = torch.tensor([-correction.log_focal, -correction.log_focal, 0.0], dtype=torch.float64).exp()
            rays = rays * stretch
        return rays, _turn(correction.turn) @ self.rig.rotations[view]

    def shifted(self, angles: Float[Tensor, "frame 2"], late: float) -> Float[Tensor, "frame 2"]:
        """Interpolate between frames, to where a camera that runs `late` shows what the other shows."""
        if late == 0:
            return angles
        at = self.times + late
        after = torch.searchsorted(self.times, at).clamp(1, len(self.times) - 1)
        before = after - 1
        step = self.times[after] - self.times[before]
        share = ((at - self.times[before]) / step)[:, None]
        between = angles[before] * (1 - share) + angles[after] * share
        inside = (at >= self.times[0]) & (at <= self.times[-1]) & (step <= self.longest_step)
        return between.where(inside[:, None], torch.nan)

    def pair_costs(self, pixels: Float[Tensor, "other frame 2"]) -> float:
        """Sum up disagreements of pairs: Cauchy's function, so that far outliers count little.

        A pair counts alike however many frames a shift in time leaves it.
        """
        robust = 9 * torch.log1p((pixels / (3 * self.noise)).square())
        means = robust.flatten(1).nanmean(dim=1)
        return float(means.nansum()) * len(self.times)

    def _parts(self) -> int:
        """Count the parts of the recording in which the animal does not stand as it did in an earlier one.

        What its outlines reach in eight directions is compared, and says both where it is and how it holds itself.
        """
        frames = self.outlines.whole.shape[1]
        turns = torch.arange(8, dtype=torch.float64) * torch.pi / 4
        reach = (self.outlines.rays[..., :2] @ torch.stack([turns.cos(), turns.sin()])).amax(dim=2)
        reach = reach.where(self.outlines.whole[..., None], torch.nan)
        part = torch.arange(frames) * min(_BLOCKS, frames) // frames
        means = torch.stack([reach[:, part == number].nanmean(dim=1) for number in range(int(part.max()) + 1)])
        size = means.nanmean(dim=(0, 2), keepdim=True)  # of reaches to both sides: half the extent
        apart = ((means[:, None] - means) / size).abs().amax(dim=-1)
        others: list[int] = []
        for number in range(len(means)):
            if all(float(apart[number, other].nan_to_num(0).max()) > SAME for other in others):
                others.append(number)
        return len(others)

    def _noise(self) -> float:
        """Take the noise of pairs that agree: one camera that is off spoils only some of them."""
        medians = 1.4826 * self.residuals.abs().flatten(2).nanmedian(dim=2).values.flatten()
        known = medians[medians.isfinite()].sort().values
        return max(NOISE, float(known[len(known) // 4])) if len(known) else NOISE


@dataclass(frozen=True)
class Beside:
    """One camera, free to move, beside all others, which stand."""

    recorded: Recorded
    view: int
    others: list[int]
    axes: Float[Tensor, "other 3"]
    middles: Float[Tensor, "other 3"]
    angles: Float[Tensor, "other frame 2"]
    sines: Float[Tensor, "other frame 2"]
    late: list[float]

    def residuals(self, correction: Correction) -> Float[Tensor, "other frame 2"]:
        """Measure in px how far this camera and each other disagree; NaN where nothing can be said."""
        recorded = self.recorded
        angles, sines = span(*recorded.seen(self.view, correction), self.axes, self.middles)
        whole = recorded.outlines.whole
        sound = whole[self.others] & whole[self.view] & sound_tangents(angles, sines)
        sound = sound & sound_tangents(self.angles, self.sines)
        rows = zip(self.angles.where(sound[..., None], torch.nan), self.late, strict=True)
        others = torch.stack([recorded.shifted(row, late - correction.frames) for row, late in rows])
        focals = recorded.rig.focals
        # A step is fewer pixels in the camera that sees it nearer the axis.
        pixels = (focals[self.view] * sines + focals[self.others, None, None] * self.sines) / 2
        return (pixels * (others - angles)).where(sound[..., None], torch.nan)

    def cost(self, correction: Correction) -> float:
        return self.recorded.pair_costs(self.residuals(correction))

    def fit(self, cause: Cause, correction: Correction) -> Fit:
        """Move the camera by one cause until it agrees best; `correction` holds its others."""
        values = torch.tensor(correction.of_cause(cause), dtype=torch.float64)
        if cause == Cause.time:
            values[0] = self._best_whole_frames(correction)
        for _ in range(_STEPS):
            slopes, found = self._slopes(cause, correction.with_cause(cause, values.tolist()))
            step = self._step(slopes, found)
            values = values + step
            if float(step.abs().max()) < _SMALL[cause]:
                break
        cost = self.cost(correction.with_cause(cause, values.tolist()))
        spread = math.hypot(self._left_out_in_turn(slopes, found), self._by_lasting_errors(slopes, found))
        return Fit(self.view, cause, tuple(values.tolist()), spread, self.recorded.parts, cost)

    def _best_whole_frames(self, correction: Correction) -> float:
        largest = self.recorded.largest_offset
        tried = sorted(range(-largest, largest + 1), key=abs)
        return float(min(tried, key=lambda frames: self.cost(replace(correction, frames=float(frames)))))

    def _slopes(
        self, cause: Cause, correction: Correction
    ) -> tuple[Float[Tensor, "parameter other frame 2"], Float[Tensor, "other frame 2"]]:
        found, values = self.residuals(correction), correction.of_cause(cause)
        slopes = []
        for number in range(len(values)):
            moved = [value + _SMALL[cause] * (place == number) for place, value in enumerate(values)]
            slopes.append((self.residuals(correction.with_cause(cause, moved)) - found) / _SMALL[cause])
        return torch.stack(slopes), found

    def _step(
        self, slopes: Float[Tensor, "parameter other frame 2"], found: Float[Tensor, "other frame 2"]
    ) -> Float[Tensor, "parameter"]:
        """Take one step of reweighted least squares."""
        weights = 1 / (1 + (found / (3 * self.recorded.noise)).square())
        usable = found.isfinite() & slopes.isfinite().all(dim=0)
        J, r, w = slopes[:, usable], found[usable], weights[usable]
        normal = (J * w) @ J.T + 1e-9 * torch.eye(len(J), dtype=torch.float64)
        solved: Tensor = torch.linalg.solve(normal, -(J * w) @ r)
        return solved

    def _by_lasting_errors(
        self, slopes: Float[Tensor, "parameter other frame 2"], found: Float[Tensor, "other frame 2"]
    ) -> float:
        """Standard error by errors that last throughout, which more frames do not average out.

        What is left of each tangent on average over time is taken for such an error, and brought through the least
        squares: an animal that moves turns its slopes about, so that they cancel; one that sits still leaves them.
        """
        usable = found.isfinite() & slopes.isfinite().all(dim=0)
        count = usable.sum(dim=1).clamp_min(1)
        J = slopes.where(usable, 0.0)
        lasting = found.where(usable, 0.0).sum(dim=1) / count
        told = usable.any(dim=1)
        # Of the other cameras the worst does not count: it may be off itself.
        kept = lasting.square().sum(dim=1).argsort()[: max(len(lasting) - 1, 1)]
        spare = int(told[kept].sum()) - len(J)
        if spare < 1:
            return UNKNOWN
        normal = torch.einsum("aoft,boft->ab", J, J) + 1e-9 * torch.eye(len(J), dtype=torch.float64)
        moved = torch.linalg.solve(normal, J.sum(dim=2).flatten(1))
        return float((lasting[kept].square().sum() / spare).sqrt() * torch.linalg.matrix_norm(moved))

    def _left_out_in_turn(
        self, slopes: Float[Tensor, "parameter other frame 2"], found: Float[Tensor, "other frame 2"]
    ) -> float:
        """Standard error by the jackknife over contiguous parts, for errors last from frame to frame."""
        frames = found.shape[1]
        blocks = min(_BLOCKS, frames)
        if blocks < 2:
            return UNKNOWN
        part = torch.arange(frames) * blocks // frames
        moves = torch.stack([self._step(slopes[:, :, part != b], found[:, part != b]) for b in range(blocks)])
        spread = ((blocks - 1) / blocks * (moves - moves.mean(dim=0)).square().sum(dim=0)).sum().sqrt()
        return float(spread)


@dataclass(frozen=True)
class Finding:
    """A camera that is off, and why."""

    fit: Fit
    cost_before: float
    """of all pairs"""
    cost_after: float
    next_best: Fit | None
    """best explanation by the same camera's other causes, or by other cameras"""

    @property
    def explained(self) -> float:
        """Share of the disagreement that the explanation removes."""
        return 1 - self.cost_after / self.cost_before


@dataclass(frozen=True)
class Diagnosis:
    findings: list[Finding]
    fits: list[Fit]
    """each camera and cause, all findings undone; of a finding, the finding's own"""


def diagnose(recorded: Recorded, worth_naming: Mapping[Cause, float], least_explained: float) -> Diagnosis:
    """Name cameras that are off, the one that explains most first, until nothing more is worth naming.

    Args:
        recorded: outlines before their cameras.
        worth_naming: sizes (radians, frames, logarithm of a factor) from which a cause is named.
        least_explained: share of the disagreement that an explanation must remove.
    """
    corrections = [Correction()] * len(recorded.views)
    causes = [cause for cause in Cause if cause != Cause.time or recorded.tells_time]
    findings: list[Finding] = []
    while True:
        fits, savings, of_views = [], {}, []
        for view in recorded.views:
            beside = recorded.beside_others(view, corrections)
            of_views.append(beside.cost(corrections[view]))
            for cause in causes:
                fits.append(beside.fit(cause, corrections[view]))
                savings[view, cause] = of_views[view] - fits[-1].cost
        before = sum(of_views) / 2  # each pair was counted from both ends
        named = {(found.fit.view, found.fit.cause) for found in findings}
        candidates = [fit for fit in fits if (fit.view, fit.cause) not in named]
        candidates.sort(key=lambda fit: -savings[fit.view, fit.cause])
        best = candidates[0]
        saved = savings[best.view, best.cause]
        certain = best.size >= worth_naming[best.cause] and best.is_certain
        if not certain or saved < least_explained * before or len(findings) == len(recorded.views):
            return Diagnosis(findings, fits)
        findings.append(Finding(best, before, before - saved, candidates[1] if len(candidates) > 1 else None))
        corrections[best.view] = corrections[best.view].with_cause(best.cause, best.values)


def _turn(vector: Sequence[float]) -> Float[Tensor, "3 3"]:
    """Rotation by a vector, exactly."""
    x, y, z = vector
    cross = torch.tensor([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]], dtype=torch.float64)
    turned: Tensor = torch.linalg.matrix_exp(cross)
    return turned
