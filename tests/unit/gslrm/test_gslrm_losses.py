from dataclasses import fields

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from mouse_facelift.geometry.rays import nearest_point_rays
from mouse_facelift.gslrm.losses import (
    RELEASED_WEIGHTS,
    Alphas,
    Foreground,
    LossNetworks,
    LossWeights,
    distance_from_rays,
    gslrm_loss,
    l2,
    psnr,
    spread_of_distances,
    ssim,
)
from mouse_facelift.gslrm.perceptual import PerceptualDistance, load_perceptual_distance
from mouse_facelift.rendering.lpips import load_lpips
from tests.loss_networks import drawn_lpips, drawn_perceptual


def pictures(seed: int, images: int = 2) -> torch.Tensor:
    return torch.rand(images, 3, 20, 24, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def perceptual() -> PerceptualDistance:
    prefix = "loss_calculator.perceptual_loss_module.net."
    return load_perceptual_distance({f"{prefix}{name}": tensor for name, tensor in drawn_perceptual().items()})


@pytest.fixture(scope="module")
def networks(perceptual) -> LossNetworks:
    return LossNetworks(perceptual, load_lpips(drawn_lpips()))


def weigh(**weights: float) -> LossWeights:
    return LossWeights(**({field.name: 0.0 for field in fields(LossWeights)} | weights))


def disc(images: int = 2) -> torch.Tensor:
    """Foreground in the middle of the pictures."""
    y, x = torch.meshgrid(torch.arange(20) - 9.5, torch.arange(24) - 11.5, indexing="ij")
    return (x.square() + y.square() < 36).expand(images, 20, 24)


WHITE = torch.ones(3)
OF_PICTURES = ("l2", "ssim", "perceptual", "lpips", "alpha")


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


def test_gradients_reach_the_rendering(networks):
    rendering = pictures(0).requires_grad_()
    weights = weigh(l2=1.0, perceptual=0.5, ssim=0.2)
    losses = gslrm_loss(rendering, pictures(1), weights, networks)
    losses["total"].backward()
    assert set(losses) == {"total", "l2", "ssim", "perceptual"}
    assert rendering.grad.abs().min() > 0


def test_a_loss_without_what_it_needs_is_refused():
    with pytest.raises(ValueError, match=r"perceptual loss has weight 0\.5, but its network was not given"):
        gslrm_loss(pictures(0), pictures(1), RELEASED_WEIGHTS, LossNetworks())
    with pytest.raises(ValueError, match=r"lpips loss has weight 0\.1, but its network was not given"):
        gslrm_loss(pictures(0), pictures(1), weigh(lpips=0.1), LossNetworks())
    with pytest.raises(ValueError, match="no positions were given"):
        gslrm_loss(pictures(0), pictures(1), weigh(pointsdist=0.1), LossNetworks())
    with pytest.raises(ValueError, match="no alphas were given"):
        gslrm_loss(pictures(0), pictures(1), weigh(alpha=0.1), LossNetworks())
    with pytest.raises(ValueError, match="no picture of a sample has any: look at alpha"):
        nothing = Foreground(torch.zeros_like(disc()), WHITE)
        gslrm_loss(pictures(0), pictures(1), weigh(l2=1.0), LossNetworks(), foreground=nothing)
    with pytest.raises(ValueError, match="one of them above 0"):
        weigh()
    with pytest.raises(ValueError, match="0 or above"):
        weigh(l2=1.0, ssim=-0.5)


def total(term: str, networks: LossNetworks, rendering, target, masked: bool = False) -> torch.Tensor:
    """One term alone; the first colors stand for alphas, too."""
    alphas = Alphas(rendering[:, 0], target[:, 0])
    foreground = Foreground(disc(), WHITE) if masked else None
    return gslrm_loss(rendering, target, weigh(**{term: 1.0}), networks, alphas=alphas, foreground=foreground)["total"]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("term", OF_PICTURES)
def test_equal_pictures_cost_nothing_and_give_finite_gradients_and_others_cost_something(term, masked, networks):
    for target in (pictures(0), torch.ones(2, 3, 20, 24)):  # noise; a white picture, where features may all be 0
        rendering = target.clone().requires_grad_()
        loss = total(term, networks, rendering, target, masked)
        assert loss.item() == pytest.approx(0, abs=1e-6)
        loss.backward()
        assert rendering.grad.isfinite().all()
        assert rendering.grad.abs().max() < 1e-3
    assert total(term, networks, pictures(1), pictures(0), masked) > 1e-3


@pytest.mark.parametrize("term", OF_PICTURES)
def test_the_step_downhill_makes_every_term_smaller(term, networks):
    rendering = pictures(1).requires_grad_()
    before = total(term, networks, rendering, pictures(0))
    before.backward()
    step = 1e-3 * rendering.grad / rendering.grad.abs().max()
    assert total(term, networks, (rendering - step).detach(), pictures(0)) < before


@pytest.mark.parametrize("term", ["l2", "perceptual", "lpips"])
def test_a_masked_term_is_blind_to_what_lies_outside(term, networks):
    rendering, target = pictures(0), pictures(1)
    outside = ~disc()[:, None]
    changed = torch.where(outside, pictures(2), rendering).requires_grad_()
    loss = total(term, networks, changed, target, masked=True)
    assert loss == total(term, networks, rendering, torch.where(outside, pictures(3), target), masked=True)
    loss.backward()
    inside = disc()[:, None].expand_as(changed)
    assert changed.grad[~inside].abs().max() == 0
    assert changed.grad[inside].abs().min() > 0


def test_so_is_masked_structural_similarity(networks):
    outside = ~disc()[:, None]
    changed = torch.where(outside, pictures(2), pictures(0)).requires_grad_()
    loss = total("ssim", networks, changed, pictures(1), masked=True)
    assert loss == total("ssim", networks, pictures(0), pictures(1), masked=True)
    loss.backward()
    assert changed.grad[outside.expand_as(changed)].abs().max() == 0


def test_masked_l2_is_the_sum_over_the_foreground_by_its_pixels():
    rendering, target = pictures(0), pictures(1)
    inside = disc()[:, None]
    expected = ((rendering - target).square() * inside).sum() / (3 * inside.sum())
    torch.testing.assert_close(l2(rendering, target, disc()), expected)


@pytest.mark.parametrize("term", ["l2", "ssim"])
def test_an_empty_margin_changes_no_masked_mean_of_pixels(term, networks):
    """The mouse may fill 2 % of a picture: masked terms of pixels do not fade with the margin around it."""
    losses = []
    for margin in (8, 20):
        margins = (margin,) * 4
        wide = [torch.nn.functional.pad(x, margins, value=1.0) for x in (pictures(0), pictures(1))]
        foreground = Foreground(torch.nn.functional.pad(disc(), margins), WHITE)
        losses.append(gslrm_loss(*wide, weigh(**{term: 1.0}), networks, foreground=foreground)["total"])
    torch.testing.assert_close(*losses)


def test_slopes_are_those_of_the_values():
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.rand(1, 3, 12, 12, generator=generator, dtype=torch.float64) for _ in range(2))
    mask = torch.rand(1, 12, 12, generator=generator) > 0.5
    for loss in (l2, ssim):
        for chosen in (None, mask):
            assert torch.autograd.gradcheck(lambda x, f=loss, m=chosen: f(x, second, m), first.requires_grad_())


def test_the_slope_of_the_distance_from_rays_is_that_to_a_foot_held_fixed():
    rays = nearest_point_rays(torch.eye(4)[None], torch.tensor([[10.0, 10.0, 4.0, 4.0]]), 8, 8)
    on_rays = (rays.origins + 2.5 * rays.directions).requires_grad_()
    distance_from_rays(on_rays, rays).backward()
    assert on_rays.grad.isfinite().all()
    spread = (rays.origins + 2.5 * rays.directions).detach().requires_grad_()  # all equally far: no deviation
    spread_of_distances(spread, rays).backward()
    assert spread.grad.isfinite().all()
