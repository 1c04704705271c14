import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from mouse_facelift.geometry.rays import nearest_point_rays
from mouse_facelift.gslrm.losses import (
    RELEASED_WEIGHTS,
    LossWeights,
    distance_from_rays,
    gslrm_loss,
    l2,
    psnr,
    spread_of_distances,
    ssim,
)
from mouse_facelift.gslrm.perceptual import PerceptualDistance, load_perceptual_distance


def pictures(seed: int, images: int = 2) -> torch.Tensor:
    return torch.rand(images, 3, 20, 24, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def perceptual() -> PerceptualDistance:
    generator = torch.Generator().manual_seed(0)
    drawn = {
        name: torch.randn(tensor.shape, generator=generator) / math.sqrt(tensor[0].numel())
        for name, tensor in PerceptualDistance().state_dict().items()
    }
    prefix = "loss_calculator.perceptual_loss_module.net."
    return load_perceptual_distance({f"{prefix}{name}": tensor for name, tensor in drawn.items()})


def test_psnr_of_a_tenth_is_20_decibel():
    assert psnr(l2(torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.1))).item() == pytest.approx(20, abs=1e-4)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 100), noise=st.floats(0, 1))
def test_ssim_is_that_of_scikit_image(seed, noise):
    target = pictures(seed, images=1)
    rendering = (1 - noise) * target + noise * pictures(seed + 1, images=1)
    *_, full = structural_similarity(
        rendering[0].double().numpy(),
        target[0].double().numpy(),
        data_range=1,
        channel_axis=0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    assert ssim(rendering, target).item() == pytest.approx(full[:, 5:-5, 5:-5].mean(), abs=1e-5)


def test_ssim_needs_a_whole_window():
    with pytest.raises(ValueError, match="8 x 8 px hold no window of 11 px"):
        ssim(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8))


def test_positions_on_their_rays_cost_nothing_and_off_them_are_drawn_straight_back():
    rays = nearest_point_rays(torch.eye(4)[None], torch.tensor([[10.0, 10.0, 4.0, 4.0]]), 8, 8)
    on_rays = rays.origins + 2.5 * rays.directions
    assert distance_from_rays(on_rays, rays).item() == pytest.approx(0, abs=1e-6)
    off_rays = (on_rays + torch.tensor([0.3, 0.0, 0.0])[:, None, None]).requires_grad_()
    distance_from_rays(off_rays, rays).backward()
    assert (off_rays.grad * rays.directions).sum(dim=1).abs().max() < 1e-6


def test_distances_that_spread_as_wanted_cost_nothing():
    pose = torch.eye(4)
    pose[2, 3] = -2.7
    rays = nearest_point_rays(pose[None], torch.tensor([[10.0, 10.0, 4.0, 4.0]]), 8, 8)
    distances = torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    distances = 2.7 + 0.5 * (distances - distances.mean()) / distances.std()
    assert spread_of_distances(rays.origins + distances * rays.directions, rays).item() < 1e-9


def test_equal_pictures_are_at_no_perceptual_distance(perceptual):
    assert perceptual(pictures(0), pictures(0)).item() == 0
    assert perceptual(pictures(0), pictures(1)).item() > 0
    assert not any(parameter.requires_grad for parameter in perceptual.parameters())


def test_gradients_reach_the_rendering(perceptual):
    rendering = pictures(0).requires_grad_()
    weights = LossWeights(l2=1.0, perceptual=0.5, ssim=0.2, pixelalign=0.0, pointsdist=0.0)
    losses = gslrm_loss(rendering, pictures(1), weights, perceptual)
    losses["total"].backward()
    assert set(losses) == {"total", "l2", "ssim", "perceptual"}
    assert rendering.grad.abs().min() > 0


def test_a_loss_without_what_it_needs_is_refused():
    with pytest.raises(ValueError, match=r"perceptual loss has weight 0\.5, but its network was not given"):
        gslrm_loss(pictures(0), pictures(1), RELEASED_WEIGHTS)
    with pytest.raises(ValueError, match="no positions were given"):
        gslrm_loss(pictures(0), pictures(1), LossWeights(0.0, 0.0, 0.0, 0.0, 0.1))
    with pytest.raises(ValueError, match="one of them above 0"):
        LossWeights(0.0, 0.0, 0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="0 or above"):
        LossWeights(1.0, -0.5, 0.0, 0.0, 0.0)
