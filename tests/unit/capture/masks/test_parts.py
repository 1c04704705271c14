"""Parts of one mask."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.capture.masks.parts import close_holes, find_parts, keep_parts
from tests.unit.capture.masks.mouse_views import RULE


def square(side: int, left: int, top: int, shape: tuple[int, int] = (60, 80)) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_parts_are_found_in_the_order_of_their_areas_without_specks() -> None:
    mask = square(6, 3, 40) | square(20, 30, 10) | square(1, 70, 50)
    parts = find_parts(mask, speck=0.01)
    assert parts.areas.tolist() == [400, 36]
    assert parts.raw_area == 437
    np.testing.assert_allclose(parts.centers, [[39.5, 19.5], [5.5, 42.5]])
    assert parts.boxes.tolist() == [[30, 10, 20, 20], [3, 40, 6, 6]]
    assert np.array_equal(keep_parts(parts, [1, 2], mask.shape, RULE), square(6, 3, 40) | square(20, 30, 10))
    assert np.array_equal(keep_parts(parts, [2], mask.shape, RULE), square(6, 3, 40))


def test_an_empty_mask_has_no_parts() -> None:
    parts = find_parts(np.zeros((60, 80), dtype=bool), speck=0.0)
    assert len(parts) == 0 and parts.raw_area == 0
    assert not keep_parts(parts, [], (60, 80), RULE).any()


@given(gap=st.integers(1, 12), reach=st.floats(0, 14))
def test_a_part_is_near_if_pixels_of_both_are(gap: int, reach: float) -> None:
    parts = find_parts(square(20, 10, 20) | square(4, 30 + gap, 25), speck=0.0)
    expected = [2] if gap + 1 <= reach else []
    assert parts.near(1, reach) == expected


@given(side=st.integers(1, 16), largest=st.floats(0, 300))
def test_holes_are_closed_up_to_a_size(side: int, largest: float) -> None:
    whole = square(24, 0, 0, (24, 24))
    open_hole = whole & ~square(side, 4, 4, (24, 24))
    assert np.array_equal(close_holes(open_hole, largest), whole if side**2 <= largest else open_hole)


@pytest.mark.parametrize("top", [0, 20])
def test_what_opens_to_the_edge_is_no_hole(top: int) -> None:
    notched = ~square(4, 10, top, (24, 24))
    assert np.array_equal(close_holes(notched, 500.0), notched)
