"""The largest part of a mask, measured wherever it lies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.capture.silhouettes import largest_component


@given(st.integers(0, 30), st.integers(0, 20), st.integers(2, 9), st.integers(2, 9))
def test_a_block_is_found_beside_a_smaller_one(left: int, top: int, width: int, height: int) -> None:
    mask = np.zeros((40, 60), bool)
    mask[top : top + height, left : left + width] = True
    mask[38, 58] = True
    area, center = largest_component(mask)
    assert area == width * height
    assert center.tolist() == pytest.approx([left + (width - 1) / 2, top + (height - 1) / 2])


def test_parts_that_touch_at_a_corner_are_one() -> None:
    assert largest_component(np.eye(12, dtype=bool))[0] == 12


def test_an_empty_mask_has_no_part() -> None:
    with pytest.raises(ValueError, match="found 0 px"):
        largest_component(np.zeros((4, 4), bool))
