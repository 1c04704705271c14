"""A photograph is framed as the view from the front, as large as a recording's frames are under `fill`."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.verbs.photographs import Photograph, frame_photograph
from tests.tiny_samples import CONTRACT

FINE = CONTRACT.model_copy(update={"image_size": 128, "focal": 128 * CONTRACT.focal / CONTRACT.image_size})


def ellipse(width: int, height: int, x: int, y: int, across: int, down: int) -> Photograph:
    mask = np.zeros((height, width), np.uint8)
    cv2.ellipse(mask, (x, y), (across, down), 0, 0, 360, 1, -1)
    pixels = np.full((height, width, 3), 200, np.uint8)
    pixels[mask > 0] = (40, 80, 120)
    return Photograph("mouse.png", "mouse", pixels, mask > 0)


@given(st.integers(40, 200), st.integers(40, 160), st.integers(15, 39), st.integers(15, 39), st.floats(0.3, 0.9))
def test_the_furthest_point_of_the_animal_comes_to_the_radius(x, y, across, down, radius):
    framed = frame_photograph(ellipse(240, 200, x, y, across, down), radius, FINE)
    rows, columns = np.nonzero(framed[..., 3] > 127)
    middle = FINE.principal_point
    reach = np.hypot(columns + 0.5 - middle, rows + 0.5 - middle).max()
    assert reach == pytest.approx(FINE.focal * radius / FINE.distance, abs=1.5)
    assert (columns.min() + columns.max() + 1) / 2 == pytest.approx(middle, abs=1)
    assert (rows.min() + rows.max() + 1) / 2 == pytest.approx(middle, abs=1)
    long, short = max(across, down), min(across, down)
    spans = sorted([columns.max() - columns.min() + 1, rows.max() - rows.min() + 1])
    assert spans[0] / spans[1] == pytest.approx((2 * short + 1) / (2 * long + 1), abs=0.06)  # nothing is stretched


def test_colors_stay_and_no_background_bleeds_in():
    framed = frame_photograph(ellipse(240, 200, 100, 90, 60, 30), 0.6, FINE)
    assert np.abs(framed[framed[..., 3] > 0][:, :3].astype(int) - (40, 80, 120)).max() <= 1


def test_an_animal_at_the_edge_is_cut():
    assert ellipse(100, 80, 5, 40, 20, 10).cut
    assert not ellipse(100, 80, 50, 40, 20, 10).cut


def test_masks_that_say_nothing_are_refused():
    whole = ellipse(100, 80, 50, 40, 20, 10)
    for mask, words in ((np.zeros_like(whole.mask), "empty"), (np.ones_like(whole.mask), "covers everything")):
        with pytest.raises(ValueError, match=f"mouse.png: mask: {words}"):
            Photograph("mouse.png", "mouse", whole.pixels, mask)
    with pytest.raises(ValueError, match="mask: found 50 x 80 px, expected 100 x 80 as the picture"):
        Photograph("mouse.png", "mouse", whole.pixels, whole.mask[:, :50])
