"""The four numbers of a view, against hand-made values and independent implementations."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import jaccard
from skimage.metrics import peak_signal_noise_ratio as skimage_psnr
from torchmetrics.functional.image import structural_similarity_index_measure

from mouse_facelift.evaluation.metrics import PSNR_CAP, ViewScores, iou, psnr, score_view, ssim


def gray(value: float, size: int = 16) -> torch.Tensor:
    return torch.full((3, size, size), value)


def square_alpha(size: int = 16) -> torch.Tensor:
    alpha = torch.zeros(size, size)
    alpha[4:12, 4:12] = 1
    return alpha


@pytest.mark.parametrize(("error", "expected"), [(0.1, 20.0), (0.01, 40.0), (0.5, 6.0206)])
def test_psnr_of_a_constant_error(error: float, expected: float) -> None:
    assert psnr(gray(0.25 + error), gray(0.25)) == pytest.approx(expected, abs=1e-4)


@given(st.integers(0, 2**32 - 1), st.floats(0.001, 0.5))
def test_psnr_agrees_with_scikit_image_and_by_hand(seed: int, noise: float) -> None:
    random = np.random.default_rng(seed)
    target = random.random((3, 12, 13))
    picture = np.clip(target + noise * random.standard_normal(target.shape), 0, 1)
    found = psnr(torch.from_numpy(picture), torch.from_numpy(target))
    assert found == pytest.approx(skimage_psnr(target, picture, data_range=1.0), abs=1e-5)
    assert found == pytest.approx(-10 * math.log10(((picture - target) ** 2).mean()), abs=1e-5)


def test_equal_pictures_have_the_cap_and_not_infinity() -> None:
    perfect = score_view(gray(0.3), square_alpha(), gray(0.3), square_alpha(), 0.5)
    assert perfect == ViewScores(psnr=PSNR_CAP, psnr_foreground=PSNR_CAP, ssim=1.0, iou=1.0)
    assert psnr(gray(0.3) + 1e-6, gray(0.3)) == PSNR_CAP


def test_foreground_is_measured_alone_and_the_background_flatters() -> None:
    target = gray(1.0)
    target[:, 4:12, 4:12] = 0.5
    white = score_view(gray(1.0), torch.zeros(16, 16), target, square_alpha(), 0.5)
    assert white.psnr_foreground == pytest.approx(-20 * math.log10(0.5), abs=1e-5)
    assert white.psnr == pytest.approx(white.psnr_foreground + 10 * math.log10(4), abs=1e-5)  # a quarter is animal
    assert white.iou == 0


def test_no_foreground_is_nan_and_never_zero() -> None:
    empty = score_view(gray(0.9), torch.ones(16, 16), gray(1.0), torch.zeros(16, 16), 0.5)
    assert math.isnan(empty.psnr_foreground)
    assert math.isnan(empty.iou)
    assert empty.psnr == pytest.approx(20, abs=1e-4)


def test_alpha_at_the_threshold_is_background() -> None:
    alpha = square_alpha() * 0.5
    assert math.isnan(score_view(gray(1.0), alpha, gray(1.0), alpha, 0.5).iou)
    assert score_view(gray(1.0), square_alpha(), gray(1.0), alpha, 0.49).iou == 1


def test_renderings_are_clamped_before_they_are_compared() -> None:
    scores = score_view(gray(1.7), square_alpha(), gray(1.0), square_alpha(), 0.5)
    assert (scores.psnr, scores.psnr_foreground) == (PSNR_CAP, PSNR_CAP)


def test_undefined_pixels_are_refused() -> None:
    rendering = gray(0.5)
    rendering[1, 3, 4] = math.nan
    with pytest.raises(ValueError, match="1 of 256 rendered pixels are NaN"):
        score_view(rendering, square_alpha(), gray(0.5), square_alpha(), 0.5)


def test_pictures_below_the_window_of_ssim_are_refused() -> None:
    with pytest.raises(ValueError, match="smaller than SSIM's window"):
        score_view(gray(0.5, 10), torch.ones(10, 10), gray(0.5, 10), torch.ones(10, 10), 0.5)


@given(st.integers(0, 2**32 - 1))
def test_iou_agrees_with_counting(seed: int) -> None:
    found, target = np.random.default_rng(seed).random((2, 9, 11)) > 0.6
    expected = (found & target).sum() / (found | target).sum()
    assert iou(torch.from_numpy(found), torch.from_numpy(target)) == pytest.approx(expected, abs=1e-5)


def test_ssim_agrees_with_its_formula_written_out() -> None:
    random = np.random.default_rng(5)
    target = gaussian_filter(random.random((3, 40, 36)), (0, 2, 2))
    picture = np.clip(target + 0.05 * random.standard_normal(target.shape), 0, 1)

    def smooth(values: np.ndarray) -> np.ndarray:
        return gaussian_filter(values, (0, 1.5, 1.5), radius=(0, 5, 5))

    mean_t, mean_p = smooth(target), smooth(picture)
    var_t, var_p = smooth(target**2) - mean_t**2, smooth(picture**2) - mean_p**2
    covariance = smooth(target * picture) - mean_t * mean_p
    c1, c2 = 0.01**2, 0.03**2
    similarity = ((2 * mean_t * mean_p + c1) * (2 * covariance + c2)) / (
        (mean_t**2 + mean_p**2 + c1) * (var_t + var_p + c2)
    )
    expected = similarity[:, 5:-5, 5:-5].mean()  # windows that lie inside the picture
    assert ssim(torch.from_numpy(picture), torch.from_numpy(target)) == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 0.3))
def test_ssim_agrees_with_torchmetrics(seed: int, noise: float) -> None:
    random = np.random.default_rng(seed)
    target = torch.from_numpy(gaussian_filter(random.random((3, 30, 26)), (0, 2, 2)))
    picture = (target + noise * torch.from_numpy(random.standard_normal(target.shape))).clamp(0, 1)
    _, windows = structural_similarity_index_measure(
        picture[None], target[None], sigma=1.5, kernel_size=11, data_range=1.0, return_full_image=True
    )
    inside = windows[..., 5:-5, 5:-5]  # it pads pictures; windows that lie inside them do not see that
    assert ssim(picture, target) == pytest.approx(float(inside.mean()), abs=1e-6)


@given(st.integers(0, 2**32 - 1))
def test_iou_agrees_with_scipy(seed: int) -> None:
    found, target = np.random.default_rng(seed).random((2, 9, 11)) > 0.4
    assert iou(torch.from_numpy(found), torch.from_numpy(target)) == pytest.approx(
        1 - jaccard(found.ravel(), target.ravel()), abs=1e-6
    )
