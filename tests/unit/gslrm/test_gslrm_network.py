import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.geometry.rays import nearest_point_rays
from mouse_facelift.gslrm import Gslrm, GslrmConfig, fresh_gslrm
from mouse_facelift.gslrm.patches import pixels_to_rows, rows_to_pixels

CLOSE = {"rtol": 0.0, "atol": 1e-5}


def loud(config: GslrmConfig, seed: int = 0) -> Gslrm:
    """A fresh network whose heads are turned up, so that predictions differ from pixel to pixel."""
    model = fresh_gslrm(config, seed).requires_grad_(False)
    for parameter in model.parameters():
        if parameter.ndim == 2:
            parameter.mul_(8)
    return model


def assert_same(found: Gaussians, expected: Gaussians, **tolerance: float) -> None:
    for name in ("means", "log_scales", "quats", "opacity_logits", "sh"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), **tolerance)


def test_one_gaussian_a_pixel_and_the_free_ones(tiny_config, views):
    gaussians = fresh_gslrm(tiny_config, seed=0)(**views)
    assert gaussians.means.shape == (2, 2 + 3 * 16 * 16, 3)
    assert gaussians.sh.shape == (2, 2 + 3 * 16 * 16, 1, 3)


def test_the_order_of_views_only_orders_the_gaussians(tiny_config, views):
    model = loud(tiny_config)
    order = [2, 0, 1]
    straight = model(**views)
    turned = model(**{name: value[:, order] for name, value in views.items()})
    rows = torch.arange(2 + 3 * 256)
    rows[2:] = 2 + torch.arange(3 * 256).reshape(3, 256)[order].flatten()
    for sample in range(2):
        assert_same(turned[sample], straight[sample].select(rows), rtol=0.0, atol=1e-4)


def test_samples_of_a_batch_do_not_see_each_other(tiny_config, views):
    model = loud(tiny_config)
    together = model(**views)
    alone = model(**{name: value[1:] for name, value in views.items()})
    assert_same(together[1], alone[0], **CLOSE)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 1000),
    loudness=st.floats(0, 1e4),
    distance=st.floats(0.1, 100),
    target=st.tuples(*[st.floats(-1, 1)] * 3),
)
def test_every_pixel_gaussian_lies_on_its_ray_near_its_nearest_point(tiny_config, seed, loudness, distance, target):
    generator = torch.Generator().manual_seed(seed)
    model = fresh_gslrm(tiny_config, seed).requires_grad_(False)
    model.pixel_gaussian_decoder[1].weight.mul_(loudness)
    rotation = torch.linalg.qr(torch.randn(3, 3, 3, generator=generator, dtype=torch.float64))[0]
    rotation = rotation * torch.linalg.det(rotation)[:, None, None]
    pose = torch.eye(4).repeat(1, 3, 1, 1)
    pose[0, :, :3, :3] = rotation
    pose[0, :, :3, 3] = torch.tensor(target) - distance * pose[0, :, :3, 2]
    intrinsics = torch.tensor([17.0, 17.5, 8.0, 7.5]).expand(1, 3, 4)

    gaussians = model(torch.rand(1, 3, 3, 16, 16, generator=generator), pose, intrinsics)

    rays = nearest_point_rays(pose, intrinsics, 16, 16)
    means = rows_to_pixels(gaussians.means[:, 2:], 4, views=3, height=16, width=16)
    offset = means - rays.nearest_points
    along = (offset * rays.directions).sum(dim=2, keepdim=True)
    tolerance = 1e-5 * (distance + 2)
    assert (offset - along * rays.directions).norm(dim=2).max() < tolerance
    assert along.abs().max() <= 1.8 + tolerance


def test_raw_zero_is_the_nearest_point_and_the_biases(tiny, views):
    tiny["activations"] = {"scale_bias": -3.0, "scale_cap": -1.0, "opacity_bias": -1.5, "depth_range": 0.7}
    model = fresh_gslrm(GslrmConfig.model_validate(tiny), seed=0).requires_grad_(False)
    for head in (model.gaussian_upsampler.linear, model.pixel_gaussian_decoder[1]):
        head.weight.zero_()
    gaussians = model(**views)
    rays = nearest_point_rays(views["camera_to_world"], views["fxfycxcy"], 16, 16)
    torch.testing.assert_close(gaussians.means[:, 2:], pixels_to_rows(rays.nearest_points, 4))
    assert (gaussians.log_scales == -3.0).all()
    assert (gaussians.opacity_logits == -1.5).all()
    model.pixel_gaussian_decoder[1].weight.normal_(std=1e3)
    gaussians = model(**views)
    assert gaussians.log_scales.max() == -1.0
    assert (gaussians.means[:, 2:] - pixels_to_rows(rays.nearest_points, 4)).norm(dim=-1).max() <= 0.7 + 1e-5


def test_a_seed_gives_one_network(tiny_config):
    first, again, other = (fresh_gslrm(tiny_config, seed).state_dict() for seed in (3, 3, 4))
    for name in first:
        assert torch.equal(first[name], again[name])
    assert not torch.equal(first["patch_embedder.1.weight"], other["patch_embedder.1.weight"])


def test_fresh_weights_spread_as_published(tiny_config):
    for name, parameter in fresh_gslrm(tiny_config, seed=0).named_parameters():
        if parameter.ndim == 1:
            assert (parameter == 1).all()
        elif parameter.numel() > 1000:
            assert parameter.std().item() == pytest.approx(0.02, rel=0.1), name


def test_fresh_weights_leave_the_global_random_state_alone(tiny_config):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    fresh_gslrm(tiny_config, seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_computing_blocks_again_changes_no_gradient(tiny_config, views):
    gradients = []
    for checkpoint_activations in (False, True):
        model = fresh_gslrm(tiny_config, 0, checkpoint_activations)
        model.predict_raw(**views).square().mean().backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    for kept, computed_again in zip(*gradients, strict=True):
        torch.testing.assert_close(computed_again, kept)


def test_autocast_leaves_rays_and_heads_in_full_precision(tiny_config, views):
    model = fresh_gslrm(tiny_config, seed=0).requires_grad_(False)
    expected = model(**views)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = model(**views)
    assert_same(found, expected, rtol=0.0, atol=5e-3)
    assert found.means.dtype == torch.float32
    fine = found.means * 256  # bfloat16 numbers near 1 are multiples of 1/128
    assert (fine - fine.round()).abs().max() > 0.1


def test_with_a_marker_the_first_view_is_another(tiny, views):
    tiny["add_refsrc_marker"] = True
    model = loud(GslrmConfig.model_validate(tiny))
    assert model.state_dict()["view_type_embeddings"].shape == (2, 32)
    straight = model.predict_raw(**views)
    swapped_last = model.predict_raw(**{name: value[:, [0, 2, 1]] for name, value in views.items()})
    swapped_first = model.predict_raw(**{name: value[:, [1, 0, 2]] for name, value in views.items()})
    torch.testing.assert_close(swapped_last[:, :2], straight[:, :2], rtol=0.0, atol=1e-4)
    assert (swapped_first[:, :2] - straight[:, :2]).abs().max() > 1e-2


def test_a_mirrored_camera_is_refused(tiny_config, views):
    mirrored = views["camera_to_world"].clone()
    mirrored[1, 2, :3, 0] *= -1
    with pytest.raises(ValueError, match=r"view 5: camera_to_world: the rotation is mirrored"):
        fresh_gslrm(tiny_config, seed=0)(**{**views, "camera_to_world": mirrored})


def test_pictures_that_patches_do_not_fill_are_refused(tiny_config, views):
    with pytest.raises(ValueError, match="16 x 14 px do not divide into patches of 4 px"):
        fresh_gslrm(tiny_config, seed=0)(**{**views, "images": views["images"][:, :, :, :14]})


def test_pictures_need_not_be_square(tiny_config, views):
    gaussians = fresh_gslrm(tiny_config, seed=0)(**{**views, "images": views["images"][:, :, :, :8]})
    assert gaussians.means.shape == (2, 2 + 3 * 8 * 16, 3)


def test_rows_follow_view_patch_and_pixel():
    pictures = torch.arange(2 * 4 * 6).reshape(1, 2, 1, 4, 6)
    rows = pixels_to_rows(pictures.float(), patch_size=2)[0, :, 0].tolist()
    assert rows[:8] == [0, 1, 6, 7, 2, 3, 8, 9]
    assert rows[12:14] == [12, 13]
    assert rows[24] == 24
    restored = rows_to_pixels(pixels_to_rows(pictures.float(), 2), 2, views=2, height=4, width=6)
    assert torch.equal(restored, pictures.float())
