"""How far points of one surface are from another."""

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree
from torch import Tensor


def surface_distances(
    points: Float[Tensor, "point 3"], weights: Float[Tensor, " point"], surface: Float[Tensor, "true 3"]
) -> tuple[float, float]:
    """Measure both directions of the Chamfer distance, in the points' unit; half their sum is the symmetric one.

    Args:
        points: found, at least one.
        weights: of each, positive.
        surface: points of the true surface, evenly by area. Distances from them are larger than from the surface
            itself: from on it, by half of their spacing.

    Returns:
        accuracy: weighed mean distance of the points from the nearest of the true surface.
        completeness: mean distance of the true surface's points from the nearest found one.
    """
    there, _ = cKDTree(surface.numpy()).query(points.numpy())
    back, _ = cKDTree(points.numpy()).query(surface.numpy())
    return float(np.average(there, weights=weights.numpy())), float(np.mean(back))
