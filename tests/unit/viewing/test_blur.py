"""The blur of the training pictures is what a rasterizer would have added, at any size of picture."""

import torch

from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.rendering import rasterize
from mouse_facelift.viewing.blur import blur, pixel_at_subject
from tests.tiny_samples import ring

CAMERAS = ring(4)
EPS2D = 0.3


def small_gaussians() -> Gaussians:
    generator = torch.Generator().manual_seed(1)
    return Gaussians(
        means=0.4 * (2 * torch.rand(30, 3, generator=generator) - 1),
        log_scales=torch.full((30, 3), -5.0),
        quats=torch.randn(30, 4, generator=generator),
        opacity_logits=torch.full((30,), 2.0),
        sh=torch.randn(30, 1, 3, generator=generator),
    )


def drawn(scene: Gaussians, eps2d: float) -> torch.Tensor:
    rgb, _, _ = rasterize(
        scene.means, scene.quats, scene.scales, scene.opacities, scene.colors, CAMERAS.world_to_camera.float(),
        CAMERAS.intrinsics.float(), CAMERAS.width, CAMERAS.height, eps2d=eps2d, backgrounds=torch.ones(4, 3),
    )  # fmt: skip
    return rgb


def test_blurred_gaussians_look_without_a_rasterizer_s_widening_as_others_do_with_it() -> None:
    scene = small_gaussians()
    blurred = blur(scene, pixel_at_subject(CAMERAS), EPS2D)
    as_trained = drawn(scene, EPS2D)
    error = (drawn(blurred, 1e-6) - as_trained).abs().mean()
    without = (drawn(scene, 1e-6) - as_trained).abs().mean()
    assert float(error) < 0.15 * float(without)


def test_a_pixel_at_the_subject_is_the_distance_by_the_focal_length() -> None:
    assert abs(pixel_at_subject(CAMERAS) - 2.7 / 17.156) < 1e-6


def test_variances_add_and_nothing_else_changes() -> None:
    scene = small_gaussians()
    blurred = blur(scene, 0.1, EPS2D)
    torch.testing.assert_close(blurred.scales**2, scene.scales**2 + EPS2D * 0.01)
    torch.testing.assert_close(blur(scene, 0.1, 0.0).log_scales, scene.log_scales)
    assert blurred.means is scene.means
