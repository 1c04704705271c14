"""Which of a frame's views go into a sample: those that stand around the animal most evenly."""

from collections.abc import Sequence
from itertools import combinations, pairwise
from math import comb

MOST_TRIED = 20_000


def choose_views(azimuths: Sequence[float], count: int) -> tuple[int, ...]:
    """Choose views so that the widest gap in azimuth is least, then so that the narrowest is widest.

    All choices are tried where there are few enough; else views are left out one by one, each time the one whose
    absence leaves the best rest.

    Args:
        azimuths: degrees about the animal.
        count: how many views to choose.

    Returns:
        Places of the chosen views, rising.

    Raises:
        ValueError: there are fewer views than that, or less than one is asked for.
    """
    if not 1 <= count <= len(azimuths):
        raise ValueError(f"{count} views of {len(azimuths)}")
    chosen = tuple(range(len(azimuths)))
    while comb(len(chosen), count) > MOST_TRIED:
        chosen = min(combinations(chosen, len(chosen) - 1), key=lambda some: _unevenness(azimuths, some))
    return min(combinations(chosen, count), key=lambda some: _unevenness(azimuths, some))


def _unevenness(azimuths: Sequence[float], chosen: Sequence[int]) -> tuple[float, float]:
    around = sorted(azimuths[view] % 360 for view in chosen)
    gaps = [after - before for before, after in pairwise([*around, around[0] + 360])]
    return round(max(gaps), 6), -round(min(gaps), 6)
