"""Structural similarity, as scikit-image computes it, with a gradient."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import structural_similarity as by_skimage

from mouse_facelift.imaging.structure import structural_similarity


@given(seed=st.integers(0, 2**31), height=st.integers(11, 24), width=st.integers(11, 24))
def test_it_is_that_of_scikit_image(seed, height, width):
    generator = torch.Generator().manual_seed(seed)
    pictures, targets = torch.rand(2, 1, 3, height, width, generator=generator, dtype=torch.float64)
    expected = by_skimage(
        targets[0].numpy(),
        pictures[0].numpy(),
        data_range=1.0,
        channel_axis=0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert float(structural_similarity(pictures, targets)) == pytest.approx(expected, abs=1e-9)


def test_it_rises_along_its_gradient():
    generator = torch.Generator().manual_seed(0)
    targets = torch.rand(2, 3, 16, 20, generator=generator)
    pictures = torch.rand(2, 3, 16, 20, generator=generator).requires_grad_()
    before = structural_similarity(pictures, targets)
    (gradient,) = torch.autograd.grad(before, pictures)
    assert float(structural_similarity(pictures.detach() + gradient, targets)) > float(before)
    assert float(structural_similarity(targets, targets)) == pytest.approx(1)


def test_a_picture_smaller_than_a_window_is_refused():
    with pytest.raises(ValueError, match="10 x 32 px is smaller than SSIM's window of 11 px"):
        structural_similarity(torch.zeros(1, 3, 10, 32), torch.zeros(1, 3, 10, 32))
