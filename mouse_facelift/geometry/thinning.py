"""Fewer points of a surface that keep its extent: feet, tail and ears are few points among many."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

_GOLDEN = math.pi * (3 - math.sqrt(5))


def thin_surface(points: Float[Tensor, "point 3"], count: int) -> Int[Tensor, "kept"]:
    """Choose at most `count` points, as rising indices: the outermost along many directions, then others evenly.

    Half of the places are for the outermost points along directions spread evenly over the sphere, so that the lowest
    point along any up loses little; the rest are taken at even steps in the order given.

    Source: the directions are Fibonacci's lattice on the sphere (Gonzalez, Mathematical Geosciences 2010).

    Raises:
        ValueError: `count` is below 2.
    """
    if count < 2:
        raise ValueError(f"count: {count}, expected 2 or more")
    if len(points) <= count:
        return torch.arange(len(points))
    turns = torch.arange(count // 2, dtype=torch.float64)
    height = 1 - (2 * turns + 1) / len(turns)
    around = (1 - height.square()).sqrt()
    directions = torch.stack([around * (_GOLDEN * turns).cos(), around * (_GOLDEN * turns).sin(), height])
    kept = torch.zeros(len(points), dtype=torch.bool)
    kept[((points - points.mean(0)).double() @ directions).argmax(0)] = True
    others = (~kept).nonzero()[:, 0]
    wanted = count - int(kept.sum())
    kept[others[torch.arange(wanted) * len(others) // wanted]] = True
    return kept.nonzero()[:, 0]
