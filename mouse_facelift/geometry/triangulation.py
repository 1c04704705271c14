"""Where rays of several cameras meet."""

from dataclasses import dataclass
from itertools import combinations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

HONEST_MISS = 0.02
"""of a ray's length: the centers of silhouettes are no views of one point, and part by so much on a mouse in a rig"""
PARALLAX_LIMIT = 1e-5
"""smallest eigenvalue of the mean normal matrix: rays within about 0.3 degrees of one direction meet nowhere"""
_STEPS = 20


@dataclass(frozen=True)
class Meetings:
    """One point per frame, and how well the rays agree on it."""

    points: Float[Tensor, "frame 3"]
    misses: Float[Tensor, "frame ray"]
    """distance of each ray from the point, in the unit of the origins; NaN where there is no ray"""
    depths: Float[Tensor, "frame ray"]
    """how far along its ray each camera sees the point; negative behind the camera, NaN where there is no ray"""
    weights: Float[Tensor, "frame ray"]
    """0 to 1: how much each ray counted"""

    @property
    def rms_misses(self) -> Float[Tensor, "frame"]:
        """Root mean square over all rays, those that were outvoted included."""
        return self.misses.square().nanmean(dim=-1).sqrt()


def meet_rays(
    origins: Float[Tensor, "ray 3"],
    directions: Float[Tensor, "frame ray 3"],
    present: Bool[Tensor, "frame ray"] | None = None,
) -> Meetings:
    """Find the point nearest to all rays of each frame, where single rays may be grossly wrong.

    Starts at the pair of rays on whose midpoint most others agree, then minimizes the sum of m^2 / (m^2 + s^2) over
    the misses m by reweighted least squares. The scale s is `HONEST_MISS` of the distance, or three times the spread
    of the misses where that is more: rays that part as silhouettes do count nearly alike, a ray that misses by s
    counts a quarter, by 3 s a hundredth.

    Source: Geman and McClure's estimator, as in Zhang, "Parameter estimation techniques", INRIA RR-2676.

    Args:
        origins: camera centers, at least two.
        directions: of any length but zero, world axes.
        present: which rays there are; None: all.

    Raises:
        ValueError: fewer than two rays in a frame, or all rays of a frame are parallel: they meet nowhere.
    """
    present = torch.ones(directions.shape[:2], dtype=torch.bool) if present is None else present
    if len(present) and (fewest := int(present.sum(dim=1).min())) < 2:
        raise ValueError(f"{fewest} rays: two or more are needed to meet")
    directions = directions.where(present[..., None], torch.tensor([0.0, 0.0, 1.0], dtype=directions.dtype))
    directions = directions / torch.linalg.vector_norm(directions, dim=-1, keepdim=True)
    across = torch.eye(3, dtype=directions.dtype) - directions[..., :, None] * directions[..., None, :]
    return _meet(_Rays(origins, directions, across, (across @ origins[..., None])[..., 0], present))


@dataclass(frozen=True)
class _Rays:
    """Lines, and what the normal equations of the point nearest to them need: I - d d^T, and its product with o."""

    origins: Float[Tensor, "ray 3"]
    directions: Float[Tensor, "frame ray 3"]
    across: Float[Tensor, "frame ray 3 3"]
    across_origins: Float[Tensor, "frame ray 3"]
    present: Bool[Tensor, "frame ray"]

    def nearest(self, weights: Float[Tensor, "frame ray"]) -> Float[Tensor, "frame 3"]:
        """Solve sum w (I - d d^T) (x - o) = 0."""
        normal = (weights[..., None, None] * self.across).sum(dim=1)
        target = (weights[..., None] * self.across_origins).sum(dim=1)
        solved: Tensor = torch.linalg.solve(normal, target)
        return solved

    def misses(self, points: Float[Tensor, "frame 3"]) -> tuple[Float[Tensor, "frame ray"], Float[Tensor, "frame ray"]]:
        """Distance of the points from each ray's line, and their depth along it; NaN where there is no ray."""
        offsets = points[:, None] - self.origins
        depths = (offsets * self.directions).sum(dim=-1)
        misses = torch.linalg.vector_norm(offsets - depths[..., None] * self.directions, dim=-1)
        return misses.where(self.present, torch.nan), depths.where(self.present, torch.nan)


def _meet(rays: _Rays) -> Meetings:
    everywhere = rays.present.to(rays.directions.dtype)
    normal = (everywhere[..., None, None] * rays.across).sum(dim=1) / everywhere.sum(dim=1)[:, None, None]
    parallax = torch.linalg.eigvalsh(normal)[:, 0]
    if bool((parallax < PARALLAX_LIMIT).any()):
        frame = int(torch.argmin(parallax))
        raise ValueError(f"rays of frame {frame} (counted from 0 among those given) are parallel: they meet nowhere")
    plain = rays.nearest(everywhere)
    distances = torch.linalg.vector_norm(plain[:, None] - rays.origins, dim=-1)
    distance = distances.where(rays.present, torch.nan).nanmedian(dim=-1).values
    points = _best_start(rays, plain, HONEST_MISS * distance)
    misses, depths = rays.misses(points)
    spread = 1.4826 * misses.nanmedian(dim=-1).values  # of normally distributed misses, their standard deviation
    scale = torch.maximum(3 * spread, HONEST_MISS * distance)
    weights = everywhere
    for _ in range(_STEPS):
        weights = ((1 + (misses / scale[:, None]).square()) ** -2).where(rays.present, 0)
        points = rays.nearest(weights)
        misses, depths = rays.misses(points)
    return Meetings(points, misses, depths, weights)


def _best_start(
    rays: _Rays, plain: Float[Tensor, "frame 3"], scale: Float[Tensor, "frame"]
) -> Float[Tensor, "frame 3"]:
    """Take, of the points nearest to all rays and to each pair of them, that with which most rays agree."""
    best, least = plain, _cost(rays, plain, scale)
    for one, other in combinations(range(len(rays.origins)), 2):
        midpoint = _midpoint(rays, one, other)
        cost = _cost(rays, midpoint, scale)  # NaN for parallel rays, and then not less
        better = (cost < least) & rays.present[:, one] & rays.present[:, other]
        best, least = torch.where(better[:, None], midpoint, best), torch.where(better, cost, least)
    return best


def _cost(rays: _Rays, points: Float[Tensor, "frame 3"], scale: Float[Tensor, "frame"]) -> Float[Tensor, "frame"]:
    squares = rays.misses(points)[0].square()
    shares = squares / (squares + scale[:, None].square())
    return shares.where(rays.present, 0).sum(dim=-1)


def _midpoint(rays: _Rays, one: int, other: int) -> Float[Tensor, "frame 3"]:
    """Middle of the shortest bridge between two lines; not finite where they are parallel."""
    a, b = rays.directions[:, one], rays.directions[:, other]
    between = rays.origins[other] - rays.origins[one]
    cosine = (a * b).sum(dim=-1)
    along_a, along_b = (a * between).sum(dim=-1), (b * between).sum(dim=-1)
    squared_sine = 1 - cosine.square()
    s = (along_a - cosine * along_b) / squared_sine
    t = (cosine * along_a - along_b) / squared_sine
    return (rays.origins[one] + s[:, None] * a + rays.origins[other] + t[:, None] * b) / 2
