"""A nearly level plane through points many of which may be off it."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

CUT = 4.0  # spreads from the plane at which a point counts no more
TRIALS = 400
_STEPS = 30


@dataclass(frozen=True)
class Plane:
    """The plane z = slopes @ (x, y) + height."""

    slopes: Float[Tensor, "2"]
    height: float
    covariance: Float[Tensor, "2 2"]
    """of the slopes"""
    spread: float
    """standard deviation of the points that count about it"""


def fit_plane(
    points: Float[Tensor, "point 3"],
    independent: int,
    least_spread: float,
    expected: Float[Tensor, "2"],
    information: Float[Tensor, "2 2"],
) -> Plane:
    """Fit a plane of which something is known beforehand, and outvote points off it.

    Starts at the plane through three of the points (or the one expected) about which the median distance is least,
    then reweights by Tukey's biweight.

    Source: P. Rousseeuw, Least median of squares regression, JASA 1984; Beaton and Tukey, Technometrics 1974.

    Args:
        points: z is the height.
        independent: how many places the points tell of, each off the plane for its own reasons; what they tell of the
            slopes is that of so many points, though they be more.
        least_spread: points are not trusted further than this.
        expected: slopes expected beforehand,
        information: and the inverse of their covariance.
    """
    middle = points.mean(0)
    flat, z = points[:, :2] - middle[:2], points[:, 2] - middle[2]
    slopes, height = _least_median(flat, z, expected, information)
    ridge = torch.zeros(3, 3, dtype=torch.float64)
    ridge[:2, :2] = information
    design = torch.cat([flat, torch.ones_like(z)[:, None]], dim=1)
    solution = torch.cat([slopes, height[None]])
    for _ in range(_STEPS):
        residuals = z - design @ solution
        spread = max(least_spread, 1.4826 * float(residuals.abs().median()))
        weights = (1 - (residuals / (CUT * spread)).square()).clamp_min(0).square()
        counts = independent / len(points) / spread**2
        normal = counts * (design.T * weights) @ design + ridge
        right = counts * (design.T * weights) @ z + ridge[:, :2] @ expected
        step = torch.linalg.solve(normal, right) - solution
        solution = solution + step
        if float((design @ step).abs().max()) < 1e-6 * spread:
            break
    covariance = torch.linalg.inv(normal)[:2, :2]
    return Plane(solution[:2], float(solution[2] + middle[2] - solution[:2] @ middle[:2]), covariance, spread)


def _least_median(
    flat: Float[Tensor, "point 2"], z: Float[Tensor, "point"], expected: Float[Tensor, "2"], information: Tensor
) -> tuple[Float[Tensor, "2"], Float[Tensor, ""]]:
    chance = torch.Generator().manual_seed(0)
    rows = torch.randint(len(z), (TRIALS, 3), generator=chance)
    design = torch.cat([flat[rows], torch.ones(TRIALS, 3, 1, dtype=torch.float64)], dim=-1)
    size = flat.abs().max().clamp_min(1e-12)
    usable = torch.linalg.det(design).abs() > 1e-3 * size**2
    planes = torch.linalg.solve(design[usable], z[rows[usable]][..., None])[..., 0]
    off = planes[:, :2] - expected
    believable = torch.einsum("ti,ij,tj->t", off, information, off) < 9
    slopes = torch.cat([expected[None], planes[believable, :2]])
    heights = z - slopes @ flat.T
    middles = heights.median(dim=1).values
    best = (heights - middles[:, None]).abs().median(dim=1).values.argmin()
    return slopes[best], middles[best]
