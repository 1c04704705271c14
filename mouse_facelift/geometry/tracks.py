"""Where something is, frame after frame: smoothed without lag, and frames that leave its course found."""

from itertools import combinations, product

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

ROUNDS = 2  # of robust weights
FAR = 6.0  # median distances from the smooth course at which a frame counts no more
LEAST_WEIGHT = 0.01  # where all frames around are far, they count alike
NEIGHBORS = 7  # frames before and after by which a frame is judged; an excursion of three is outvoted
LEAST = 3  # frames of a course that lies to one side
_CHUNK = 4096  # frames judged at once


def smooth_track(
    frames: Int[Tensor, "frame"],
    points: Float[Tensor, "frame 3"],
    weights: Float[Tensor, "frame"],
    width: float,
    longest_gap: int,
) -> Float[Tensor, "frame 3"]:
    """Smooth a track without lag: a line is fitted to the frames around each, which takes the line's place there.

    Frames up to `width` away count, nearer ones more (tricube); those far from the course of the others count less
    (biweight). Steady motion stays as it is, forward and backward in time give the same, and a width of 0 changes
    nothing. A frame of weight 0 takes its place from frames on both its sides; without them it is NaN.

    Source: W. Cleveland, Robust locally weighted regression and smoothing scatterplots, JASA 1979.

    Args:
        frames: numbers, rising; some may be missing.
        points: NaN where the weight is 0, perhaps.
        weights: 0 or more.
        width: in frames.
        longest_gap: frames; across steps of more than it from one frame with a weight to the next, nothing is smoothed.

    Raises:
        ValueError: frames do not rise, a weight or the width is negative, a point with a weight is not finite.
    """
    _require_rising(frames)
    if not width >= 0 or bool((weights < 0).any()):
        raise ValueError(f"width: {width} and weights {weights.min().item()} ... must not be negative")
    trusted = weights > 0
    if not bool(torch.isfinite(points[trusted]).all()):
        raise ValueError(f"frames {frames[trusted & ~torch.isfinite(points).all(-1)].tolist()[:8]}: not finite")
    smoothed = torch.full_like(points, torch.nan)
    for start, stop in _stretches(frames[trusted], longest_gap):
        first, last = frames[trusted][start], frames[trusted][stop - 1]
        rows = (frames >= first) & (frames <= last)
        smoothed[rows] = _smooth_stretch(frames[rows], points[rows], weights[rows], width)
    return smoothed


def find_jumps(
    frames: Int[Tensor, "frame"], points: Float[Tensor, "frame 3"], largest_step: float, longest_gap: int
) -> Bool[Tensor, "frame"]:
    """Mark frames that leave the course of their neighbors, for up to three frames; the neighbors are not marked.

    Straight courses are drawn through all pairs of the nearest frames: both before, both after, one on each side. A
    frame jumps if it is further from all three kinds than `largest_step`, by the median over their pairs: a fast but
    steady run, a sudden turn or a step to a new place that is kept leaves one of them valid. The first and last three
    frames have a course on one side alone; they do not jump, either, if most of their neighbors could be reached from
    them by `largest_step` a frame. Three frames or fewer between gaps have no course that one of them could leave.

    Args:
        frames: numbers, rising; some may be missing.
        points: NaN where there is none; such frames are neither judged nor marked.
        largest_step: in the points' unit, per frame of the distance to the nearest neighbor.
        longest_gap: frames; what lies beyond a longer gap is no neighbor.

    Raises:
        ValueError: frames do not rise.
    """
    _require_rising(frames)
    present = torch.isfinite(points).all(-1).nonzero()[:, 0]
    marked = torch.zeros(len(frames), dtype=torch.bool)
    for start, stop in _stretches(frames[present], longest_gap):
        if stop - start <= NEIGHBORS:
            continue
        rows = present[start:stop]
        marked[rows] = _distance_from_course(frames[rows].double(), points[rows]) > largest_step
    return marked


def _smooth_stretch(
    frames: Int[Tensor, "frame"], points: Float[Tensor, "frame 3"], weights: Float[Tensor, "frame"], width: float
) -> Float[Tensor, "frame 3"]:
    """Smooth by sums over a grid of all frame numbers; the first and the last frame have a weight."""
    places = frames - frames[0]
    middle = points[weights > 0].double().mean(0)
    offsets = torch.arange(-int(width), int(width) + 1, dtype=torch.float64)
    kernel = (1 - (offsets.abs() / (width + 1)) ** 3) ** 3
    robust = torch.ones_like(weights, dtype=torch.float64)
    values = torch.where((weights > 0)[:, None], points.double() - middle, 0.0)
    for rest in reversed(range(ROUNDS + 1)):
        grid = torch.zeros(int(places[-1]) + 1, 4, dtype=torch.float64)
        grid[places, 0] = weights.double() * robust
        grid[places, 1:] = grid[places, :1] * values
        fitted = _fit_lines(grid, kernel, offsets)[places]
        apart = torch.linalg.vector_norm(values - fitted, dim=-1)
        typical = float(apart[weights > 0].median())
        if rest == 0 or typical <= 1e-9 * float(values.abs().max()):
            break
        robust = (1 - (apart / (FAR * typical)).square()).clamp_min(LEAST_WEIGHT).square().where(weights > 0, 0.0)
    return (fitted + middle).to(points.dtype)


def _fit_lines(
    grid: Float[Tensor, "place 4"], kernel: Float[Tensor, "offset"], offsets: Float[Tensor, "offset"]
) -> Float[Tensor, "place 3"]:
    """Fit a line in time around every place, and take its value there; `grid` holds weights and weighted values."""
    moments = torch.stack([kernel, kernel * offsets, kernel * offsets.square()])
    sums = torch.nn.functional.conv1d(grid.T[:, None], moments[:, None], padding=len(offsets) // 2)
    (s0, s1, s2), t0, t1 = sums[0], sums[1:, 0].T, sums[1:, 1].T
    determinant = s0 * s2 - s1.square()
    steep = determinant > 1e-9 * s0 * s2
    line = (s2[:, None] * t0 - s1[:, None] * t1) / determinant[:, None]
    fitted = torch.where(steep[:, None], line, t0 / s0[:, None])
    heard = grid[:, 0] > 0
    reach = len(offsets) // 2
    beside = torch.nn.functional.pad(heard.double(), (reach, reach)).unfold(0, 2 * reach + 1, 1) > 0
    between = beside[:, :reach].any(-1) & beside[:, reach + 1 :].any(-1)
    return torch.where((heard | between)[:, None], fitted, torch.nan)


def _distance_from_course(times: Float[Tensor, "frame"], points: Float[Tensor, "frame 3"]) -> Float[Tensor, "frame"]:
    """Distance of each frame from the nearest of the courses around it, per frame of time; 0 where nothing is said."""
    count, points = len(times), points.double()
    before = torch.tensor([(-near, -far) for near, far in combinations(range(1, NEIGHBORS + 1), 2)])
    between = torch.tensor(list(product(range(-NEIGHBORS, 0), range(1, NEIGHBORS + 1))))
    closest = torch.zeros(count, dtype=torch.float64)
    nearest = torch.zeros(count, dtype=torch.float64)
    for start in range(0, count, _CHUNK):
        rows = torch.arange(start, min(start + _CHUNK, count))
        inside = torch.minimum(rows, count - 1 - rows) >= LEAST
        away, steps = _distance_from_frames(rows, times, points)
        courses = [
            _median(_distance_from_lines(rows, before, times, points), rows >= LEAST),
            _median(_distance_from_lines(rows, -before, times, points), count - 1 - rows >= LEAST),
            _median(_distance_from_lines(rows, between, times, points), inside),
        ]
        nearest[rows] = steps.nan_to_num(torch.inf).amin(dim=1)
        resting = _median(away / steps, ~inside) * nearest[rows]  # near an end of the track, courses lie to one side
        found = torch.stack([*courses, resting]).amin(dim=0)
        closest[rows] = found.where(torch.isfinite(found), 0.0)
    return closest / nearest


def _median(apart: Float[Tensor, "row pair"], told: Bool[Tensor, "row"]) -> Float[Tensor, "row"]:
    """Median over the pairs that are there; infinite where nothing is told."""
    middle: Tensor = apart.nanmedian(dim=1).values
    return middle.nan_to_num(torch.inf).where(told, torch.inf)


def _distance_from_frames(
    rows: Int[Tensor, "row"], times: Float[Tensor, "frame"], points: Float[Tensor, "frame 3"]
) -> tuple[Float[Tensor, "row neighbor"], Float[Tensor, "row neighbor"]]:
    """Distance of frames from their neighbors, in space and in time; NaN where there is none."""
    offsets = torch.tensor([offset for offset in range(-NEIGHBORS, NEIGHBORS + 1) if offset])
    other = rows[:, None] + offsets
    there = (other >= 0) & (other < len(times))
    other = other.clamp(0, len(times) - 1)
    away = torch.linalg.vector_norm(points[rows][:, None] - points[other], dim=-1)
    return away.where(there, torch.nan), (times[rows][:, None] - times[other]).abs().where(there, torch.nan)


def _distance_from_lines(
    rows: Int[Tensor, "row"], pairs: Int[Tensor, "pair 2"], times: Float[Tensor, "frame"], points: Tensor
) -> Float[Tensor, "row pair"]:
    """Distance of frames from the lines in time through two of their neighbors; NaN where there is no neighbor."""
    one, other = (rows[:, None] + pairs.T[:, None]).unbind(0)
    there = (torch.minimum(one, other) >= 0) & (torch.maximum(one, other) < len(times))
    one, other = one.clamp(0, len(times) - 1), other.clamp(0, len(times) - 1)
    span = (times[other] - times[one]).where(there, 1.0)
    share = (times[rows][:, None] - times[one]) / span
    expected = points[one] + share[..., None] * (points[other] - points[one])
    apart: Tensor = torch.linalg.vector_norm(points[rows][:, None] - expected, dim=-1)
    return apart.where(there, torch.nan)


def _stretches(frames: Int[Tensor, "frame"], longest_gap: int) -> list[tuple[int, int]]:
    """Rows, from and to, of frames that follow one another without a longer gap."""
    if not len(frames):
        return []
    breaks = ((torch.diff(frames) > longest_gap).nonzero()[:, 0] + 1).tolist()
    return list(zip([0, *breaks], [*breaks, len(frames)], strict=True))


def _require_rising(frames: Int[Tensor, "frame"]) -> None:
    if bool((torch.diff(frames) <= 0).any()):
        raise ValueError(f"frames must rise; found {frames.tolist()[:8]} ...")
