"""Views of a sample stand around the animal as evenly as its cameras allow."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.dataset.choose_views import choose_views


def widest(azimuths: list[float], chosen: tuple[int, ...]) -> float:
    around = sorted(azimuths[view] % 360 for view in chosen)
    return max(b - a for a, b in zip(around, [*around[1:], around[0] + 360], strict=True))


@given(st.lists(st.floats(-180, 180), min_size=3, max_size=8), st.data())
def test_no_other_choice_has_a_narrower_widest_gap(azimuths: list[float], data: st.DataObject) -> None:
    count = data.draw(st.integers(1, len(azimuths)))
    chosen = choose_views(azimuths, count)
    assert list(chosen) == sorted(set(chosen)) and len(chosen) == count
    least = min(widest(azimuths, some) for some in combinations(range(len(azimuths)), count))
    assert widest(azimuths, chosen) == pytest.approx(least, abs=1e-5)


@given(st.lists(st.integers(-180, 179), min_size=6, max_size=6, unique=True), st.integers(0, 359))
def test_turning_the_world_changes_nothing_but_ties(azimuths: list[int], turn: int) -> None:
    plain = choose_views([float(a) for a in azimuths], 4)
    turned = choose_views([float(a + turn) for a in azimuths], 4)
    assert widest([float(a) for a in azimuths], plain) == widest([float(a) for a in azimuths], turned)


def test_two_cameras_beside_each_other_are_not_both_taken() -> None:
    assert choose_views([0.0, 2.0, 120.0, 240.0], 3) in ((0, 2, 3), (1, 2, 3))


def test_many_cameras_are_thinned_to_an_even_ring() -> None:
    chosen = choose_views([360 / 48 * view for view in range(48)], 6)
    assert widest([360 / 48 * view for view in range(48)], chosen) <= 75


@pytest.mark.parametrize("count", [0, 4])
def test_more_views_than_there_are_cannot_be_chosen(count: int) -> None:
    with pytest.raises(ValueError, match=f"{count} views of 3"):
        choose_views([0.0, 90.0, 180.0], count)
