"""Which part of each view's mask shows the one animal: those whose rays meet.

A mirror image of the animal, in a cage's wall, is the picture of a virtual animal behind the wall. Seen by one camera,
its ray misses where the others' meet; seen by several, they do meet there, but fewer of them, and smaller.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mouse_facelift.capture.masks.parts import Parts
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.lenses import undistort
from mouse_facelift.geometry.triangulation import PARALLAX_LIMIT
from mouse_facelift.settings import MaskCleaning

MOST = 4  # candidates of one view
ALIKE = 3.0  # silhouettes of one animal, as roots of areas at its distance, differ by no more than this factor
SMALLNESS = 0.2  # of a vote: what the smallest part loses beside the largest in its view
ELSEWHERE = 1.5  # animal's sizes; pieces of one animal that bars cut in two lie about one size apart
_STEPS = 4


@dataclass(frozen=True)
class Candidates:
    """Larger parts of all views as rays."""

    views: Int[np.ndarray, "ray"]
    labels: Int[np.ndarray, "ray"]
    origins: Float[np.ndarray, "ray 3"]
    directions: Float[np.ndarray, "ray 3"]
    """of length 1, world axes"""
    sizes: Float[np.ndarray, "ray"]
    """root of the part's area, as seen at distance 1"""
    shares: Float[np.ndarray, "ray"]
    """the part's area, of the largest in its view"""

    def __len__(self) -> int:
        return len(self.views)

    def select(self, rays: list[int]) -> "Candidates":
        fields = self.views, self.labels, self.origins, self.directions, self.sizes, self.shares
        return Candidates(*(values[rays] for values in fields))

    def likeliest(self, view: int, meeting: "Meeting") -> int:
        """The label of the part that shows the animal; in a view that does not agree, of that nearest to it."""
        if view in meeting.labels:
            return meeting.labels[view]
        own = np.flatnonzero(self.views == view)
        if not len(own):
            return 1
        offsets = meeting.point - self.origins[own]
        across = np.linalg.norm(np.cross(offsets, self.directions[own]), axis=1)
        return int(self.labels[own[int(np.argmin(across))]])


@dataclass(frozen=True)
class Meeting:
    """Where rays of at least two views meet."""

    point: Float[np.ndarray, "3"]
    size: float
    """of the animal: root of its silhouette's area, mm"""
    labels: dict[int, int]
    """of the part that shows the animal, for each view that agrees"""


def find_candidates(
    parts: Sequence[Parts], calibration: Calibration, centers: Float[np.ndarray, "view 3"], rule: MaskCleaning
) -> Candidates:
    """Cast rays through the centers of the larger parts; one where the lens cannot be inverted is no candidate."""
    focals = calibration.intrinsics[:, :2, :2].diagonal(dim1=-2, dim2=-1).mean(dim=-1).tolist()
    found: list[tuple[int, int, float, float]] = []
    directions = []
    for view, own in enumerate(parts):
        for index in range(min(len(own), MOST)):
            share = float(own.areas[index] / own.areas[0])
            if share < rule.candidate:
                break
            try:
                directions.append(_cast(torch.from_numpy(own.centers[[index]]), calibration, view))
            except ValueError:
                continue
            found.append((view, index + 1, float(own.areas[index]) ** 0.5 / focals[view], share))
    views, labels, sizes, shares = (np.array(column) for column in zip(*found, strict=True)) if found else [[]] * 4
    views = np.asarray(views, dtype=np.int64)
    return Candidates(
        views,
        np.asarray(labels, dtype=np.int64),
        centers[views],
        np.concatenate(directions) if directions else np.zeros((0, 3)),
        np.asarray(sizes, dtype=np.float64),
        np.asarray(shares, dtype=np.float64),
    )


def _cast(pixels: Float[Tensor, "1 2"], calibration: Calibration, view: int) -> Float[np.ndarray, "1 3"]:
    flat = undistort(pixels, calibration.intrinsics[view], calibration.distortion[view])
    ray = torch.nn.functional.pad(flat, (0, 1), value=1.0) @ calibration.world_to_camera[view, :3, :3]
    return np.asarray(ray / torch.linalg.vector_norm(ray))


def meet(candidates: Candidates, rule: MaskCleaning, near: Float[np.ndarray, "3"] | None) -> Meeting | None:
    """Find the point on which most views agree, and the part of each of them that shows the animal.

    Every two candidates of different views propose the middle between their rays. A view votes for a point with its
    best part, by 1 - (miss / tolerance)^2 of the part's ray, where the tolerance is `rule.meeting` times the animal's
    size there; parts smaller than the largest of their view count up to a fifth less. `near`, where the animal was
    last, has a vote as well. The winner is then moved to where the voters' rays meet best.

    None where no two views agree.
    """
    if len(set(candidates.views.tolist())) < 2:
        return None
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        points, sizes = _proposals(candidates)
        votes = _votes(candidates, points, sizes, rule.meeting)
        totals = _by_view(votes, candidates.views).sum(axis=1)
    if near is not None:
        apart = np.linalg.norm(points - near, axis=1)
        totals = totals + np.where(np.isfinite(apart), np.exp(-((apart / (2 * sizes)) ** 2)), 0)
    if not len(totals) or not np.nanmax(totals) > 0:
        return None
    best = int(np.nanargmax(totals))
    point, size = points[best], float(sizes[best])
    chosen = _choose(candidates, votes[best])
    for _ in range(_STEPS):
        moved = _nearest(candidates, chosen)
        if len(chosen) < 2 or moved is None:
            break
        size = float(np.median([candidates.sizes[i] * ((moved - candidates.origins[i]) @ candidates.directions[i])
                                for i in chosen]))  # fmt: skip
        again = _choose(candidates, _votes(candidates, moved[None], np.array([size]), rule.meeting)[0])
        if len(again) < len(chosen):
            break
        point, chosen = moved, again
    if len(chosen) < 2:
        return None
    return Meeting(point, size, {int(candidates.views[i]): int(candidates.labels[i]) for i in chosen})


def meet_elsewhere(candidates: Candidates, meeting: Meeting, rule: MaskCleaning) -> set[tuple[int, int]]:
    """View and label of parts that meet too far from the animal to be pieces of it: mirror images, other animals."""
    found: set[tuple[int, int]] = set()
    left, last = candidates, meeting
    while True:
        left = left.select([i for i in range(len(left)) if last.labels.get(int(left.views[i])) != left.labels[i]])
        again = meet(left, rule, None)
        if again is None:
            return found
        last = again
        if np.linalg.norm(last.point - meeting.point) > ELSEWHERE * meeting.size:
            found.update(last.labels.items())


def _proposals(candidates: Candidates) -> tuple[Float[np.ndarray, "pair 3"], Float[np.ndarray, "pair"]]:
    """Middles of the shortest bridges between two views' rays, and the animal's size there; behind cameras, NaN."""
    one, other = np.triu_indices(len(candidates.views), 1)
    apart = candidates.views[one] != candidates.views[other]
    one, other = one[apart], other[apart]
    a, b = candidates.directions[one], candidates.directions[other]
    between = candidates.origins[other] - candidates.origins[one]
    cosine, along_a, along_b = ((left * right).sum(axis=1) for left, right in ((a, b), (a, between), (b, between)))
    squared_sine = np.where(1 - cosine**2 > PARALLAX_LIMIT, 1 - cosine**2, np.nan)
    s = (along_a - cosine * along_b) / squared_sine
    t = (cosine * along_a - along_b) / squared_sine
    points = (candidates.origins[one] + s[:, None] * a + candidates.origins[other] + t[:, None] * b) / 2
    sizes = np.sqrt(np.where((s > 0) & (t > 0), s * t, np.nan) * candidates.sizes[one] * candidates.sizes[other])
    return points, sizes


def _votes(
    candidates: Candidates, points: Float[np.ndarray, "point 3"], sizes: Float[np.ndarray, "point"], meeting: float
) -> Float[np.ndarray, "point ray"]:
    offsets = points[:, None] - candidates.origins
    depths = (offsets * candidates.directions).sum(axis=-1)
    misses = np.linalg.norm(offsets - depths[..., None] * candidates.directions, axis=-1)
    alike = candidates.sizes * depths / sizes[:, None]
    vote = 1 - (misses / (meeting * sizes[:, None])) ** 2
    vote = np.where((alike > 1 / ALIKE) & (alike < ALIKE) & (vote > 0), vote, 0)
    return np.asarray(vote * (1 - SMALLNESS * (1 - candidates.shares)))


def _by_view(votes: Float[np.ndarray, "point ray"], views: Int[np.ndarray, "ray"]) -> Float[np.ndarray, "point view"]:
    return np.stack([votes[:, views == view].max(axis=1) for view in np.unique(views)], axis=1)


def _choose(candidates: Candidates, votes: Float[np.ndarray, "ray"]) -> list[int]:
    """The best candidate of each view that has a vote."""
    best: dict[int, int] = {}
    for index in np.flatnonzero(votes > 0).tolist():
        view = int(candidates.views[index])
        if view not in best or votes[index] > votes[best[view]]:
            best[view] = index
    return list(best.values())


def nearest_to(candidates: Candidates, labels: dict[int, int]) -> Float[np.ndarray, "3"] | None:
    """Where the rays of one part of each view (by label) meet best; None where they are parallel or fewer than two."""
    chosen = [i for i in range(len(candidates.views)) if labels.get(int(candidates.views[i])) == candidates.labels[i]]
    return _nearest(candidates, chosen) if len(chosen) > 1 else None


def _nearest(candidates: Candidates, chosen: list[int]) -> Float[np.ndarray, "3"] | None:
    """The point nearest to some rays by least squares; None where they are parallel."""
    d, o = candidates.directions[chosen], candidates.origins[chosen]
    across = np.eye(3) - d[:, :, None] * d[:, None, :]
    normal = across.mean(axis=0)
    if np.linalg.eigvalsh(normal)[0] < PARALLAX_LIMIT:
        return None
    return np.asarray(np.linalg.solve(normal, (across @ o[..., None])[..., 0].mean(axis=0)))
