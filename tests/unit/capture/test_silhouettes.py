"""A mask, measured wherever it lies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.capture.silhouettes import measure_silhouette


@given(st.integers(0, 30), st.integers(0, 20), st.integers(2, 9), st.integers(2, 9))
def test_a_block_is_measured_wherever_it_lies(left: int, top: int, width: int, height: int) -> None:
    mask = np.zeros((40, 60), bool)
    mask[top : top + height, left : left + width] = True
    found = measure_silhouette(mask)
    assert found.area == width * height
    assert found.center.tolist() == pytest.approx([left + (width - 1) / 2, top + (height - 1) / 2])


def test_an_outline_runs_along_the_outer_edges_of_pixels() -> None:
    mask = np.zeros((40, 60), bool)
    mask[10:20, 5:30] = True
    found = measure_silhouette(mask)
    assert found.whole
    assert found.outline.min(axis=0).tolist() == [4.5, 9.5]
    assert found.outline.max(axis=0).tolist() == [29.5, 19.5]


def test_a_part_at_the_picture_s_edge_is_not_whole() -> None:
    mask = np.zeros((40, 60), bool)
    mask[10:20, :9] = True
    assert not measure_silhouette(mask).whole


def test_parts_are_measured_together() -> None:
    mask = np.zeros((40, 60), bool)
    mask[10:20, 5:15] = mask[10:20, 25:35] = True
    found = measure_silhouette(mask)
    assert (found.area, found.center.tolist()) == (200, [19.5, 14.5])
    assert found.outline.max(axis=0).tolist() == [34.5, 19.5]


def test_an_empty_mask_has_no_part() -> None:
    with pytest.raises(ValueError, match="found 0 px"):
        measure_silhouette(np.zeros((4, 4), bool))
