"""What a training step compares, and the order in which it draws."""

from typing import Any

import pytest
import torch

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.gslrm import Gslrm, load_gslrm
from mouse_facelift.gslrm.draws import Draws
from mouse_facelift.gslrm.losses import LossNetworks
from mouse_facelift.gslrm.objective import ReconstructionStep
from mouse_facelift.gslrm.reconstruct import reconstruct
from mouse_facelift.rendering.lpips import load_lpips
from mouse_facelift.rendering.render import render
from mouse_facelift.settings import Losses
from tests.loss_networks import drawn_lpips
from tests.tiny_samples import CONTRACT, blobs
from tests.unit.gslrm.tiny_finetune import FINETUNE, L2_ALONE, Checkpoint

SAMPLES = [blobs(seed) for seed in range(3)]
LPIPS = load_lpips(drawn_lpips())


class Listed:
    """Samples in memory."""

    def __len__(self) -> int:
        return len(SAMPLES)

    def view_count(self, index: int) -> int:
        return len(SAMPLES[index].cameras)

    def sample(self, index: int) -> Sample:
        return SAMPLES[index]


@pytest.fixture
def model(checkpoint: Checkpoint) -> Gslrm:
    return load_gslrm(checkpoint.weights, checkpoint.config)


def step_on(model: Gslrm, inputs: tuple[int, int] = (2, 3), target_views: int = 2, **losses: Any) -> ReconstructionStep:
    plan = FINETUNE.model_copy(
        update={"target_views": target_views, "losses": Losses.model_validate(L2_ALONE.model_dump() | losses)}
    )
    networks = LossNetworks(lpips=LPIPS if "lpips" in losses else None)
    return ReconstructionStep(model, Draws(Listed(), 2, inputs), plan, "cpu", networks)


@pytest.mark.parametrize("seed", range(4))
def test_rows_then_inputs_then_orders_are_drawn_and_ends_of_the_orders_compared(model, seed: int) -> None:
    outcome = step_on(model)(torch.Generator().manual_seed(seed), 0)

    drawn = torch.Generator().manual_seed(seed)
    samples = [SAMPLES[row] for row in torch.randint(3, (2,), generator=drawn)]
    given = int(torch.randint(2, 4, (), generator=drawn))
    errors = []
    for sample in samples:
        order = torch.randperm(4, generator=drawn)
        scene = reconstruct(model, [sample], [order[:given]])[0]
        targets = order[[0, -1]]  # one that went in and one that did not
        rendered = render(scene, sample.cameras[targets.tolist()], "cpu").rgb
        errors.append((rendered - sample.over_white()[targets]).square().mean())
    assert outcome.loss == torch.stack(errors).mean()  # to the bit: a weight of 1 alone changes nothing
    assert outcome.psnr == pytest.approx(-10 * outcome.loss.log10().item(), abs=1e-4)
    assert outcome.terms == {"l2": outcome.loss.item()}


def test_the_loss_reaches_every_tensor(model) -> None:
    step_on(model, target_views=4)(torch.Generator().manual_seed(1), 0).loss.backward()
    silent = [name for name, parameter in model.named_parameters() if not parameter.grad.abs().sum() > 0]
    assert not silent


def test_the_order_of_input_views_does_not_matter(model) -> None:
    sample = SAMPLES[0]
    scenes = reconstruct(model, [sample] * 3, [torch.tensor(order) for order in ([0, 1, 3], [3, 0, 1], [1, 3, 0])])
    first, *others = (render(scenes[i], sample.cameras, "cpu") for i in range(3))
    for other in others:
        torch.testing.assert_close(other.rgb, first.rgb, rtol=0, atol=2e-5)


def test_a_scene_of_a_batch_is_the_scene_alone(model) -> None:
    inputs = [torch.tensor([0, 2]), torch.tensor([1, 3])]
    both = reconstruct(model, SAMPLES[:2], inputs)
    for i in range(2):
        alone = reconstruct(model, [SAMPLES[i]], [inputs[i]])
        torch.testing.assert_close(both[i].means, alone[0].means, rtol=0, atol=1e-5)


def test_pixels_of_a_view_lie_on_its_own_rays(model) -> None:
    """A camera and its picture go in together: each pixel's Gaussian projects to that pixel."""
    sample = SAMPLES[0]
    size = CONTRACT.image_size
    scene = reconstruct(model, [sample], [torch.tensor([2, 0])])[0]
    of_first = scene.means[2 : 2 + size**2].double()  # after two free ones, the pixels of the first input
    pixels = sample.cameras[[2]].project(of_first)[0]
    assert pixels.min() > 0 and pixels.max() < size
    corner = pixels[:8]  # the first row of the first patch
    expected = torch.stack([torch.arange(8) + 0.5, torch.full((8,), 0.5)], dim=-1)
    torch.testing.assert_close(corner, expected.double(), rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("target_views", "compared"), [(1, [5]), (2, [0, 5]), (3, [0, 4, 5]), (4, [0, 1, 4, 5]), (6, list(range(6)))]
)
def test_half_of_the_compared_views_went_in(model, target_views: int, compared: list[int]) -> None:
    step = step_on(model, target_views=target_views)
    assert step._targets(torch.arange(6)).tolist() == compared


def told_of(step: ReconstructionStep, number: int = 0) -> tuple[float, dict[str, float]]:
    outcome = step(torch.Generator().manual_seed(2), number)
    return outcome.loss.item(), {"psnr": outcome.psnr, **outcome.terms}


def test_every_term_that_counts_is_told_and_weighed(model) -> None:
    weights = {"l2": 0.7, "ssim": 0.2, "lpips": 0.3, "pixelalign": 0.5, "pointsdist": 0.05, "alpha": 0.4}
    loss, told = told_of(step_on(model, lpips_weights="given", lpips_license="MIT", **weights))
    assert set(told) == {"psnr", *weights}
    assert loss == pytest.approx(sum(weight * told[term] for term, weight in weights.items()), rel=1e-5)
    assert told["pixelalign"] < 1e-5  # pixels' Gaussians are bound to their rays
    assert min(value for name, value in told.items() if name not in ("psnr", "pixelalign")) > 1e-4


def test_weights_follow_the_steps(model) -> None:
    """FaceLift's first steps of its first stage: nothing but a spread of depths, then pictures."""
    warmup = {
        "l2": [{"from_step": 0, "weight": 0.0}, {"from_step": 1000, "weight": 1.0}],
        "pointsdist": [{"from_step": 0, "weight": 0.1}, {"from_step": 1000, "weight": 0.0}],
    }
    step = step_on(model, **warmup)
    loss, told = told_of(step, 999)
    assert set(told) == {"psnr", "pointsdist"} and loss == pytest.approx(0.1 * told["pointsdist"])
    assert told_of(step, 1000) == told_of(step_on(model))


def test_masked_losses_see_the_animal_and_the_psnr_the_picture(model) -> None:
    whole, animal = told_of(step_on(model)), told_of(step_on(model, masked=True))
    assert animal[1]["psnr"] == whole[1]["psnr"]
    share = torch.cat([sample.alpha for sample in SAMPLES]).gt(0.5).float().mean().item()
    assert 0 < animal[0] < whole[0] / share
    assert animal[0] != whole[0]


def test_a_mask_without_foreground_is_refused(model, monkeypatch) -> None:
    empty = SAMPLES[0].images.clone()
    empty[..., 3] = 0
    monkeypatch.setattr(Listed, "sample", lambda *_: Sample("empty", SAMPLES[0].cameras, empty))
    with pytest.raises(ValueError, match="no picture of a sample has any"):
        told_of(step_on(model, masked=True))


def test_the_alpha_loss_reaches_opacity(model) -> None:
    step = step_on(model, l2=0.0, alpha=1.0)
    loss = step(torch.Generator().manual_seed(2), 0).loss
    loss.backward()
    assert loss > 0 and any(parameter.grad.abs().sum() > 0 for parameter in model.parameters())
