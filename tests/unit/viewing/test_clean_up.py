"""What is left out is no part of the animal, and what the views show stays."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.rendering.render import render
from mouse_facelift.settings import CleanUp
from mouse_facelift.viewing.clean_up import clean_up, near_hull
from tests.tiny_samples import CONTRACT, ring

RADIUS = 0.5
CAMERAS = ring(4, CONTRACT.model_copy(update={"image_size": 64, "focal": 68.624}))


def ball_masks(cameras: Cameras, center: tuple[float, float, float] = (0, 0, 0)) -> torch.Tensor:
    """Alpha of a ball, exact at the middle of every pixel."""
    columns, rows = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(64) + 0.5, indexing="xy")
    pixels = torch.stack([columns, rows, torch.ones_like(columns)], dim=-1).double()
    masks = []
    for pose, K in zip(cameras.camera_to_world, cameras.intrinsics, strict=True):
        rays = torch.nn.functional.normalize(pixels @ torch.linalg.inv(K).T @ pose[:3, :3].T, dim=-1)
        away = torch.linalg.cross(rays, (pose[:3, 3] - torch.tensor(center)).expand_as(rays), dim=-1)
        masks.append((torch.linalg.vector_norm(away, dim=-1) < RADIUS).float())
    return torch.stack(masks)


ALPHAS = ball_masks(CAMERAS)


def gaussians_at(points: torch.Tensor, opacity: float = 0.9) -> Gaussians:
    count = len(points)
    return Gaussians(
        means=points.float(),
        log_scales=torch.full((count, 3), -3.0),
        quats=torch.tensor([[1.0, 0.0, 0.0, 0.0]]).expand(count, 4),
        opacity_logits=torch.full((count,), opacity).logit(),
        sh=torch.zeros(count, 1, 3),
    )


directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: 0.1 < sum(x * x for x in v) < 3)


@given(direction=directions, reach=st.floats(0, 1))
def test_what_lies_in_the_animal_stays(direction: tuple[float, float, float], reach: float) -> None:
    point = torch.nn.functional.normalize(torch.tensor([direction], dtype=torch.float64), dim=-1) * reach * RADIUS
    assert near_hull(point, CAMERAS, ALPHAS, margin=0.0).all()


@given(direction=directions, margin=st.floats(0, 0.3))
def test_what_lies_well_beside_a_silhouette_goes(direction: tuple[float, float, float], margin: float) -> None:
    """Seen from a camera at right angles, the ball's edge is a margin and two pixels away."""
    view = 1
    pose = CAMERAS.camera_to_world[view]
    across = torch.tensor([*direction[:2], 0.0], dtype=torch.float64)
    if float(torch.linalg.vector_norm(across)) < 1e-3:
        return
    away = pose[:3, :3] @ torch.nn.functional.normalize(across, dim=-1)
    pixel = CONTRACT.distance / 68.624
    point = away[None] * (1.03 * RADIUS + margin + 3 * pixel)
    assert not near_hull(point, CAMERAS, ALPHAS, margin).any()


@given(seed=st.integers(0, 1000), least=st.floats(0, 0.3), more=st.floats(0, 0.5))
def test_a_wider_margin_never_loses_more(seed: int, least: float, more: float) -> None:
    points = 2 * torch.rand(64, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1
    narrow = near_hull(points, CAMERAS, ALPHAS, least)
    assert near_hull(points, CAMERAS, ALPHAS, least + more)[narrow].all()


def test_a_view_without_the_animal_says_nothing_and_a_cut_silhouette_little() -> None:
    point = torch.tensor([[0.0, 0.0, 0.9]], dtype=torch.float64)
    assert not near_hull(point, CAMERAS, ALPHAS, 0.05).any()
    assert near_hull(point, CAMERAS, torch.zeros_like(ALPHAS), 0.05).all()
    far = torch.tensor([[0.0, 0.0, 2.0]], dtype=torch.float64)  # outside of every picture
    assert not near_hull(far, CAMERAS, ALPHAS, 0.05).any()
    assert near_hull(far, CAMERAS, torch.ones_like(ALPHAS), 0.05).all()


@given(seed=st.integers(0, 1000))
def test_counts_add_up_and_the_rest_keeps_its_order(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    scene = gaussians_at(2 * torch.rand(50, 3, generator=generator) - 1)
    scene = Gaussians(scene.means, scene.log_scales, scene.quats, 4 * torch.randn(50, generator=generator), scene.sh)
    done = clean_up(scene, CAMERAS, ALPHAS, CleanUp(opacity=0.3, hull_margin=0.05))
    assert len(done.gaussians) + done.faint + done.outside == 50
    assert (done.gaussians.opacities > 0.3).all()
    rows = [int((scene.means == mean).all(-1).nonzero()[0, 0]) for mean in done.gaussians.means]
    assert rows == sorted(rows)
    again = clean_up(done.gaussians, CAMERAS, ALPHAS, CleanUp(opacity=0.3, hull_margin=0.05))
    assert (again.faint, again.outside) == (0, 0)


def test_null_switches_a_step_off() -> None:
    scene = gaussians_at(torch.tensor([[0.0, 0.0, 0.0], [0.9, 0.0, 0.0]]), opacity=0.01)
    assert len(clean_up(scene, CAMERAS, ALPHAS, CleanUp(opacity=None, hull_margin=None)).gaussians) == 2
    assert clean_up(scene, CAMERAS, ALPHAS, CleanUp(opacity=0.02, hull_margin=None)).faint == 2
    assert clean_up(scene, CAMERAS, ALPHAS, CleanUp(opacity=None, hull_margin=0.05)).outside == 1


def test_a_floater_goes_and_the_picture_comes_nearer_to_the_truth() -> None:
    body = 0.3 * (2 * torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) - 1)
    floater = torch.tensor([[0.8, 0.3, 0.2]])
    scene = gaussians_at(torch.cat([body, floater]))
    done = clean_up(scene, CAMERAS, ALPHAS, CleanUp(opacity=0.02, hull_margin=0.05))
    assert (len(done.gaussians), done.outside) == (200, 1)
    torch.testing.assert_close(
        render(done.gaussians, CAMERAS, "cpu").rgb, render(gaussians_at(body), CAMERAS, "cpu").rgb
    )


@pytest.mark.parametrize("count", [0, 1])
def test_few_gaussians_are_no_trouble(count: int) -> None:
    done = clean_up(gaussians_at(torch.zeros(count, 3)), CAMERAS, ALPHAS, CleanUp(opacity=0.02, hull_margin=0.05))
    assert len(done.gaussians) == count
