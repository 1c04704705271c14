"""Colors of pictures."""

import numpy as np

from mouse_facelift.imaging.pictures import to_straight_alpha


def test_straight_alpha_keeps_the_color_of_thin_coverage():
    rgba = np.array([[0.1, 0.2, 0.05, 0.25], [0.0, 0.0, 0.0, 0.0], [0.5, 0.25, 1.0, 1.0]])
    np.testing.assert_array_equal(to_straight_alpha(rgba), [[102, 204, 51, 64], [0, 0, 0, 0], [128, 64, 255, 255]])


def test_straight_alpha_bears_what_a_filter_overshoots():
    rgba = np.array([[0.6, 1.1, -0.1, 1.2], [0.1, 0.1, 0.1, -0.1], [0.3, 0.3, 0.3, 1e-4]])
    np.testing.assert_array_equal(to_straight_alpha(rgba), [[153, 255, 0, 255], [0, 0, 0, 0], [0, 0, 0, 0]])
