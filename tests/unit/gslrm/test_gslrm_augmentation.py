"""Varied samples: pictures and cameras change together, seeded, and nothing else changes."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.gslrm import load_gslrm
from mouse_facelift.gslrm.augmentation import augment, color, roll, vary, yawed
from mouse_facelift.gslrm.draws import Batch, Draws
from mouse_facelift.gslrm.losses import LossNetworks
from mouse_facelift.gslrm.objective import ReconstructionStep
from mouse_facelift.gslrm.reconstruct import reconstruct
from mouse_facelift.rendering.render import render
from mouse_facelift.settings import Augmentation
from tests.tiny_samples import CONTRACT, blobs, ring
from tests.unit.gslrm.tiny_finetune import FINETUNE

NOTHING = Augmentation(brightness=0, contrast=0, hue_degrees=0, background=False, roll_degrees=0, yaw_degrees=0)
EVERYTHING = Augmentation(
    brightness=0.3, contrast=0.3, hue_degrees=40, background=True, roll_degrees=30, yaw_degrees=180
)
FINE = CONTRACT.model_copy(update={"image_size": 64, "focal": 68.6})
ANGLE = st.floats(-math.pi, math.pi)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def bent() -> Cameras:
    """Cameras off the contract: focal lengths differ, and axes do not meet the pictures' middles."""
    cameras = ring(4, FINE)
    K = cameras.intrinsics.clone()
    K[:, 0, 0], K[:, 1, 1] = 66.0, 74.0
    K[:, 0, 2], K[:, 1, 2] = 33.5, 30.0
    return replace(cameras, intrinsics=K)


def spot(point: torch.Tensor) -> Gaussians:
    return Gaussians(
        means=point[None],
        log_scales=torch.full((1, 3), math.log(0.09)),
        quats=torch.tensor([[1.0, 0.0, 0.0, 0.0]]),
        opacity_logits=torch.full((1,), 4.0),
        sh=torch.tensor([[[0.5, -0.5, -1.0]]]),
    )


def pictures_of(scene: Gaussians, cameras: Cameras) -> Sample:
    seen = render(scene, cameras, "cpu", (0.0, 0.0, 0.0))
    alpha = seen.alpha[:, None]
    rgba = torch.cat([seen.rgb / alpha.clamp(min=1e-6), alpha], dim=1).permute(0, 2, 3, 1)
    return Sample("seen", cameras, (255 * rgba).round().clamp(0, 255).to(torch.uint8).contiguous())


@examples(max_examples=12)
@given(angles=st.lists(ANGLE, min_size=4, max_size=4), x=st.floats(-0.4, 0.4), z=st.floats(-0.4, 0.4))
def test_a_point_stays_on_its_pixel_when_its_view_rolls(angles, x, z):
    point = torch.tensor([x, 0.1, z])
    sample = pictures_of(spot(point), bent())
    rolled = roll(sample, torch.tensor(angles, dtype=torch.float64))
    rows, columns = (torch.arange(64) + 0.5 for _ in range(2))
    alpha = rolled.alpha
    mass = alpha.sum(dim=(1, 2))
    centroid = torch.stack([(alpha.sum(dim=1) * columns).sum(-1) / mass, (alpha.sum(dim=2) * rows).sum(-1) / mass], -1)
    expected = rolled.cameras.project(point[None].double())[:, 0].float()
    torch.testing.assert_close(centroid, expected, rtol=0, atol=0.15)  # px; a spot's middle is not quite its centroid
    seen = render(spot(point), rolled.cameras, "cpu").rgb
    assert (rolled.over_white() - seen).abs().max() < 0.06  # resampled once, on 64 px


def test_no_roll_changes_nothing():
    sample = blobs(0, FINE)
    still = roll(sample, torch.zeros(4, dtype=torch.float64))
    assert (still.over_white() - sample.over_white()).abs().max() < 0.02 and torch.equal(
        still.images[..., 3], sample.images[..., 3]
    )
    torch.testing.assert_close(still.cameras.camera_to_world, sample.cameras.camera_to_world)


def test_four_quarter_rolls_are_none():
    sample = blobs(1, FINE)
    turned = sample
    for _ in range(4):
        turned = roll(turned, torch.full((4,), math.pi / 2, dtype=torch.float64))
    assert (turned.over_white() - sample.over_white()).abs().max() < 0.02
    torch.testing.assert_close(turned.cameras.camera_to_world, sample.cameras.camera_to_world)
    torch.testing.assert_close(turned.cameras.centers, sample.cameras.centers)


@examples(max_examples=10)
@given(angle=ANGLE, seed=st.integers(0, 20))
def test_gaussians_that_turn_with_the_world_look_the_same(angle, seed):
    generator = seeded(seed)
    scene = Gaussians(
        means=0.6 * torch.rand(8, 3, generator=generator) - 0.3,
        log_scales=-3 + torch.rand(8, 3, generator=generator),
        quats=torch.randn(8, 4, generator=generator),
        opacity_logits=torch.full((8,), 2.0),
        sh=torch.randn(8, 1, 3, generator=generator),
    )
    w, x, y, z = scene.quats.unbind(-1)
    c, s = math.cos(angle / 2), math.sin(angle / 2)
    quats = torch.stack([c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w], dim=-1)
    c, s = math.cos(angle), math.sin(angle)
    means = scene.means @ torch.tensor([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]).T
    before = render(scene, ring(4), "cpu")
    after = render(replace(scene, means=means, quats=quats), yawed(ring(4), angle), "cpu")
    torch.testing.assert_close(after.rgb, before.rgb, rtol=0, atol=1e-4)
    torch.testing.assert_close(after.depth, before.depth, rtol=0, atol=1e-3)


def test_pixels_of_a_varied_sample_lie_on_their_rays(checkpoint) -> None:
    """A network binds Gaussians to rays: they project to the pixels that they came from in the varied cameras."""
    model = load_gslrm(checkpoint.weights, checkpoint.config)
    sample = vary(blobs(0), EVERYTHING, seeded(0))
    scene = reconstruct(model, [sample], [torch.tensor([2, 0])])[0]
    pixels = sample.cameras[[2]].project(scene.means[2 : 2 + 8].double())[0]
    expected = torch.stack([torch.arange(8) + 0.5, torch.full((8,), 0.5)], dim=-1)
    torch.testing.assert_close(pixels, expected.double(), rtol=0, atol=1e-3)


def test_colors_change_alike_in_all_views_and_alpha_does_not():
    sample = blobs(2)
    same = replace(sample, images=sample.images[[0, 0, 0, 0]])
    varied = color(same, brightness=0.9, contrast=1.2, hue=0.4).images
    assert all(torch.equal(varied[0], view) for view in varied[1:])
    assert torch.equal(varied[..., 3], same.images[..., 3])
    assert not torch.equal(varied[..., :3], same.images[..., :3])


def test_what_colors_mean():
    gray = torch.full((1, 4, 4, 4), 100, dtype=torch.uint8)
    gray[..., 3] = 255
    gray[0, :2, :, :3] = 60
    sample = Sample("gray", ring(1), gray)
    assert color(sample, 1.5, 1.0, 0.0).images[0, :, 0, 0].tolist() == [90, 90, 150, 150]
    assert color(sample, 1.0, 0.5, 0.0).images[0, :, 0, 0].tolist() == [70, 70, 90, 90]  # about their mean, 80
    assert color(sample, 1.0, 1.0, 1.0).images[0, :, 0, :3].unique(dim=-1).shape[-1] == 1  # gray has no hue
    red = gray.clone()
    red[..., 0] = 180
    turned = color(Sample("red", ring(1), red), 1.0, 1.0, math.radians(30)).images[0, 3, 0].float()
    luma = torch.tensor([0.299, 0.587, 0.114])
    assert turned[:3] @ luma == pytest.approx((red[0, 3, 0, :3].float() @ luma).item(), abs=1.0)
    assert (turned[:3] - red[0, 3, 0, :3].float()).abs().max() > 20


def test_inputs_targets_and_renderings_stand_on_one_color():
    cameras = ring(4, FINE)
    scene = spot(torch.tensor([0.1, 0.0, 0.1]))
    sample = replace(pictures_of(scene, cameras), background=(0.1, 0.6, 0.3))
    rendered = render(scene, cameras, "cpu", sample.background).rgb
    assert (rendered - sample.over_background()).abs().max() < 0.01
    torch.testing.assert_close(sample.over_background()[0, :, 0, 0], torch.tensor([0.1, 0.6, 0.3]))
    torch.testing.assert_close(sample.over_white()[0, :, 0, 0], torch.ones(3))


def test_the_same_generator_gives_the_same_samples_and_another_others():
    batch = Batch([0, 1], [blobs(0), blobs(1)], [torch.arange(4)] * 2, 2)
    first, second, other = (augment(batch, EVERYTHING, seeded(seed)) for seed in (0, 0, 1))
    for a, b, c, before in zip(first.samples, second.samples, other.samples, batch.samples, strict=True):
        assert torch.equal(a.images, b.images) and a.background == b.background
        assert torch.equal(a.cameras.camera_to_world, b.cameras.camera_to_world)
        assert not torch.equal(a.images, c.images) and a.background != c.background
        assert torch.equal(a.cameras.intrinsics, before.cameras.intrinsics)
        assert not torch.allclose(a.cameras.camera_to_world, before.cameras.camera_to_world)
    assert first.samples[0].background != first.samples[1].background
    assert first.orders is batch.orders and first.given == 2


def test_shares_of_a_batch_are_varied_as_in_the_whole():
    rows, orders = [0, 1, 1, 2], [torch.arange(4)] * 4
    samples = [blobs(row) for row in rows]
    whole = augment(Batch(rows, samples, orders, 2), EVERYTHING, seeded(0)).samples
    shares = [Batch(rows[i : i + 2], samples[i : i + 2], orders[i : i + 2], 2, first=i) for i in (0, 2)]
    parts = [sample for share in shares for sample in augment(share, EVERYTHING, seeded(0)).samples]
    assert all(torch.equal(a.images, b.images) for a, b in zip(whole, parts, strict=True))
    assert [sample.background for sample in whole] == [sample.background for sample in parts]
    assert not torch.equal(whole[1].images, whole[2].images)  # one sample drawn twice


def test_one_setting_does_not_change_what_others_draw():
    yaw = NOTHING.model_copy(update={"yaw_degrees": 90.0})
    both = yaw.model_copy(update={"background": True, "brightness": 0.2})
    alone, together = (vary(blobs(0), setting, seeded(3)) for setting in (yaw, both))
    assert torch.equal(alone.cameras.camera_to_world, together.cameras.camera_to_world)
    untouched = vary(blobs(0), NOTHING, seeded(3))
    assert torch.equal(untouched.images, blobs(0).images) and untouched.background == (1.0, 1.0, 1.0)


class Listed:
    """One sample in memory."""

    def __len__(self) -> int:
        return 1

    def sample(self, index: int) -> Sample:
        return blobs(index)

    def view_count(self, index: int) -> int:
        return len(blobs(index).cameras)


def step_with(checkpoint, augmentation: Augmentation | None) -> tuple[float, dict[str, float]]:
    model = load_gslrm(checkpoint.weights, checkpoint.config)
    plan = FINETUNE.model_copy(update={"augmentation": augmentation})
    step = ReconstructionStep(model, Draws(Listed(), 2, (2, 2)), plan, "cpu", LossNetworks())
    outcome = step(seeded(5), 0)
    return outcome.loss.item(), {"psnr": outcome.psnr, **outcome.terms}


def test_a_step_on_varied_samples_is_seeded_and_nothing_varied_is_the_step_of_before(checkpoint) -> None:
    assert step_with(checkpoint, EVERYTHING) == step_with(checkpoint, EVERYTHING)
    assert step_with(checkpoint, EVERYTHING) != step_with(checkpoint, None)
    assert step_with(checkpoint, NOTHING) == step_with(checkpoint, None)
