"""The known surface of procedural animals as a lesson, and which views are compared."""

import math

import pytest
import torch

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.geometry.gaussians import SH_BAND_0, Gaussians
from mouse_facelift.geometry.rays import nearest_point_rays
from mouse_facelift.gslrm import fresh_gslrm
from mouse_facelift.gslrm.draws import Batch, Draws
from mouse_facelift.gslrm.losses import LossNetworks
from mouse_facelift.gslrm.objective import ReconstructionStep, SurfaceStep
from mouse_facelift.gslrm.patches import pixels_to_rows
from mouse_facelift.gslrm.pretrain import small_config
from mouse_facelift.gslrm.surface import SurfaceError
from mouse_facelift.settings import SurfaceLoss
from tests.tiny_samples import CONTRACT, blobs
from tests.unit.gslrm.test_gslrm_pretrain import PRETRAINING
from tests.unit.gslrm.tiny_finetune import FINETUNE

DEPTH = 2.5
CONFIG = small_config(PRETRAINING, CONTRACT)
VIEWS = torch.tensor([2, 0])
BATCH = Batch(rows=[0], samples=[blobs(0)], orders=[torch.tensor([2, 0, 1, 3])], given=2)


class FlatSource:
    """One scene whose surface is flat before every camera."""

    def __len__(self) -> int:
        return 1

    def view_count(self, index: int) -> int:
        return len(blobs(0).cameras)

    def sample(self, index: int) -> Sample:
        return blobs(0)

    def depth(self, index: int) -> torch.Tensor:
        return torch.full_like(blobs(0).alpha, DEPTH)


def on_the_surface(shift: float = 0.0, darker: float = 0.0) -> Gaussians:
    """Pixels' Gaussians on the flat surface, `shift` further along the cameras' axes, in the pictures' colors."""
    sample = blobs(0)
    cameras = sample.cameras[VIEWS.tolist()].to(torch.float32)
    rays = nearest_point_rays(cameras.camera_to_world, cameras.fxfycxcy, cameras.height, cameras.width)
    axes = cameras.camera_to_world[:, :3, 2, None, None]
    along = (rays.directions * axes).sum(dim=1, keepdim=True)
    means = rays.origins + rays.directions * (DEPTH + shift) / along
    patch = CONFIG.image_tokenizer.patch_size
    rows = pixels_to_rows(means[None], patch)
    colors = pixels_to_rows(sample.over_white()[VIEWS][None] - darker, patch)
    alpha = pixels_to_rows(sample.alpha[VIEWS][None, :, None], patch)[..., 0]
    free = CONFIG.gaussians.n_gaussians
    means = torch.cat([torch.zeros(1, free, 3), rows], dim=1)
    sh = torch.cat([torch.zeros(1, free, 3), (colors - 0.5) / SH_BAND_0], dim=1)[:, :, None]
    logits = torch.cat([torch.zeros(1, free), torch.logit(alpha, eps=1e-6)], dim=1)
    quats = torch.tensor([1.0, 0, 0, 0]).expand(1, means.shape[1], 4)
    return Gaussians(means, torch.full_like(means, -3), quats, logits, sh)


def error(gaussians: Gaussians, **weights: float) -> float:
    loss = SurfaceLoss(**({"depth": 0.0, "color": 0.0, "opacity": 0.0} | weights))
    return SurfaceError(FlatSource(), CONFIG, loss)(gaussians, BATCH).item()


def test_gaussians_on_the_surface_are_right():
    assert error(on_the_surface(), depth=1, color=1) == pytest.approx(0, abs=1e-5)


def test_depth_and_color_count_in_world_units_and_in_0_to_1():
    assert error(on_the_surface(shift=0.1), depth=0.5) == pytest.approx(0.05, abs=1e-5)
    assert error(on_the_surface(shift=-0.1), depth=0.5) == pytest.approx(0.05, abs=1e-5)
    animal = blobs(0).alpha[VIEWS] > 0.5
    dark = (blobs(0).over_white()[VIEWS] - 0.01).clamp(min=0).permute(0, 2, 3, 1)[animal]
    expected = (blobs(0).over_white()[VIEWS].permute(0, 2, 3, 1)[animal] - dark).abs().mean()
    assert error(on_the_surface(darker=0.01), color=1) == pytest.approx(float(expected), abs=1e-5)


def test_opacity_is_least_where_it_equals_alpha():
    right = on_the_surface()
    wrong = Gaussians(right.means, right.log_scales, right.quats, -right.opacity_logits, right.sh)
    assert error(right, opacity=1) < error(wrong, opacity=1)


@pytest.mark.parametrize("targets", range(1, 9))
def test_seen_and_unseen_views_are_compared_alike(targets):
    plan = FINETUNE.model_copy(update={"target_views": targets})
    step = ReconstructionStep(fresh_gslrm(CONFIG, 0), Draws(FlatSource(), 1, (3, 3)), plan, "cpu", LossNetworks())
    chosen = step._targets(torch.arange(6)).tolist()
    assert len(set(chosen)) == len(chosen) == min(targets, 6)
    assert chosen[: len(chosen) // 2] == list(range(len(chosen) // 2))
    assert 5 in chosen


def test_a_surface_step_renders_nothing_and_lowers_its_loss():
    surface = SurfaceError(FlatSource(), CONFIG, SurfaceLoss(depth=1.0, color=1.0, opacity=1.0))
    model = fresh_gslrm(CONFIG, 0)
    step = SurfaceStep(model, Draws(FlatSource(), 1, (2, 2)), "float32", surface)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(12):
        outcome = step(torch.Generator().manual_seed(0), 0)
        optimizer.zero_grad()
        outcome.loss.backward()
        optimizer.step()
        losses.append(outcome.loss.item())
        assert math.isnan(outcome.psnr)
    assert losses[-1] < 0.8 * losses[0]


def test_half_precision_changes_little():
    surface = SurfaceError(FlatSource(), CONFIG, SurfaceLoss(depth=1.0, color=1.0, opacity=1.0))
    model = fresh_gslrm(CONFIG, 0)
    exact, rough = (
        SurfaceStep(model, Draws(FlatSource(), 1, (2, 2)), precision, surface)(torch.Generator().manual_seed(0), 0).loss
        for precision in ("float32", "bfloat16")
    )
    assert exact.dtype == rough.dtype == torch.float32
    assert exact != rough
    torch.testing.assert_close(rough, exact, rtol=1e-2, atol=0)
