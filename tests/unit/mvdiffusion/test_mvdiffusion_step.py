"""A training step of a view generator: what is drawn, what is compared, and who watches."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.mvdiffusion.generator import rays_of
from mouse_facelift.mvdiffusion.held_out import reference_first
from mouse_facelift.mvdiffusion.measure import mean_picture, measure_unseen_objects
from mouse_facelift.mvdiffusion.objective import draw_step
from mouse_facelift.mvdiffusion.step import GenerationStep, draw_objects, learned_views, mirrored
from mouse_facelift.settings import GeneratorGuardPolicy, Plucker, SamplingPlan, ViewIndex
from mouse_facelift.training.diagnose import diagnose
from mouse_facelift.training.guard import Guard, HeldOutPsnr
from mouse_facelift.training.leaving import Deadline
from mouse_facelift.training.loop import train
from mouse_facelift.training.state import StateFolder
from tests.unit.mvdiffusion.conftest import random_rig
from tests.unit.mvdiffusion.tiny_generation import VIEWS, Ring, plan, tiny_generator

RAYS = Plucker(kind="plucker", width=8, ray_drop=0.3, prompt_mean=0.3)
INDEX = ViewIndex(kind="view_index")
ALL = [list(range(VIEWS))] * 3


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pixels(cameras: Cameras, points: Tensor) -> Tensor:
    """Where cameras see points: [view, point, 2]."""
    homogeneous = torch.cat([points, torch.ones(len(points), 1, dtype=points.dtype)], dim=1)
    seen = torch.einsum("vij,pj->vpi", cameras.world_to_camera, homogeneous)[..., :3]
    drawn = torch.einsum("vij,vpj->vpi", cameras.intrinsics, seen)
    return drawn[..., :2] / drawn[..., 2:]


@given(seed=st.integers(0, 10**6))
def test_mirrored_cameras_see_a_mirrored_world_in_mirrored_pictures(seed: int) -> None:
    rig = random_rig(seed)
    points = torch.randn(5, 3, generator=seeded(seed), dtype=torch.float64) * 0.3
    images = torch.randint(256, (4, 64, 64, 4), generator=seeded(seed)).to(torch.uint8)
    turned, flipped = mirrored(rig, images)
    there = pixels(turned, points * torch.tensor([-1.0, 1.0, 1.0]))
    here = pixels(rig, points)
    here[..., 0] = rig.width - here[..., 0]
    torch.testing.assert_close(there, here, rtol=0, atol=1e-6)
    assert torch.equal(flipped.flip(2), images)
    back, again = mirrored(turned, flipped)
    torch.testing.assert_close(back.camera_to_world, rig.camera_to_world, rtol=0, atol=0)
    assert torch.equal(again, images)


@pytest.mark.parametrize(("references", "firsts"), [("fixed", {0}), ("rotated", {0, 1, 3, 4})])
def test_references_come_first_and_left_out_views_never(references, firsts) -> None:
    names = [tuple("abcde")] * 3
    settings = plan(mirrored=False, brightness=0.0, batch=60)
    views = learned_views(names, ("c",), settings, "generators.x")
    ring = Ring(3)
    seen = []
    for sample in draw_objects(ring, views, settings, references, seeded(0)):
        source = ring.sample(int(sample.name.removeprefix("ring_")))
        numbers = [next(n for n in range(VIEWS) if torch.equal(image, source.images[n])) for image in sample.images]
        assert len(set(numbers)) == 3
        seen.append(numbers)
    assert {numbers[0] for numbers in seen} == firsts
    assert 2 not in {number for numbers in seen for number in numbers}


def test_names_that_no_sample_has_and_too_few_views_are_refused() -> None:
    with pytest.raises(ValueError, match=r"generators.x.left_out_views: no sample has views \['z'\]"):
        learned_views([("a", "b", "c")], ("z",), plan(), "generators.x")
    with pytest.raises(ValueError, match="target_views: found 3, but samples have 2 views to learn from"):
        learned_views([("a", "b", "c")], ("a",), plan(), "generators.x")


def test_references_are_counted_around() -> None:
    assert reference_first(4, 6) == [2, 0, 1, 3]


@pytest.mark.parametrize("conditioning", [INDEX, RAYS], ids=["index", "rays"])
def test_shares_have_the_loss_and_gradients_of_the_whole_batch(tmp_path, conditioning) -> None:
    generator = tiny_generator(tmp_path, rays=conditioning is RAYS)
    networks = generator.trained.train()
    with torch.no_grad():  # heads at zero would hide what rays do
        for parameter in networks.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=seeded(1)))
    step = GenerationStep(generator, Ring(3), ALL, plan(), "rotated", conditioning)

    def gradients(parts: list[GenerationStep]) -> tuple[float, dict[str, Tensor]]:
        networks.zero_grad()
        losses = []
        for part in parts:
            loss = part(seeded(7), 0).loss / len(parts)
            torch.autograd.backward(loss)
            losses.append(float(loss.detach()))
        return sum(losses), {name: p.grad.clone() for name, p in networks.named_parameters() if p.grad is not None}

    whole, expected = gradients([step])
    shared, found = gradients(step.shares(2))
    assert shared == pytest.approx(whole, rel=1e-5)
    assert found.keys() == expected.keys()
    assert any(name.startswith("film.") for name in found) == (conditioning is RAYS)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-6)


def test_an_interrupted_training_ends_as_one_in_one_piece(tmp_path) -> None:
    def trained(name: str, pieces: bool) -> dict[str, Tensor]:
        generator = tiny_generator(tmp_path / name, rays=True)
        step = GenerationStep(generator, Ring(3), ALL, plan(checkpoint_every=1), "rotated", RAYS)
        folder = StateFolder(tmp_path / name / "state", "one")
        never = Deadline(float("inf"))
        if pieces:
            with pytest.raises(SystemExit):
                train(generator.trained.train(), [step], plan(checkpoint_every=1), folder, Deadline(float("-inf")))
            again = tiny_generator(tmp_path / f"{name}_again", rays=True)
            step = GenerationStep(again, Ring(3), ALL, plan(checkpoint_every=1), "rotated", RAYS)
            generator = again
        train(generator.trained.train(), [step], plan(checkpoint_every=1), folder, never)
        return generator.trained.state_dict()

    for name in ("whole", "pieces", "pieces_again"):
        (tmp_path / name).mkdir()
    whole, pieces = trained("whole", pieces=False), trained("pieces", pieces=True)
    assert whole.keys() == pieces.keys()
    assert all(torch.equal(whole[name], pieces[name]) for name in whole)


def test_drawing_depends_on_nothing_but_sample_views_and_seed(tmp_path) -> None:
    generator = tiny_generator(tmp_path, rays=True)
    sampling = SamplingPlan(steps=2, guidance=1.5, eta=1.0, seed=0)
    samples = [Ring(2).sample(index) for index in range(2)]
    alone = generator.draw(samples[:1], [samples[0].cameras], sampling, 3)
    assert torch.equal(alone, generator.draw(samples[:1], [samples[0].cameras], sampling, 3))
    assert not torch.equal(alone, generator.draw(samples[:1], [samples[0].cameras], sampling, 4))
    assert alone.shape == (1, VIEWS, 3, 16, 16)
    aims = [generator.aim(sample.cameras) for sample in samples]
    assert rays_of(aims).shape == (2, VIEWS, 54, 8, 8)


def watching(**changes: object) -> GeneratorGuardPolicy:
    rolls = {"limit": 10.0, "patience": 3, "action": "roll_back"}
    rows = {
        "window": 5, "least": 2, "every": 1, "slower": 0.5, "roll_backs": 1, "loss": rolls, "gradient_norm": rolls,
        "not_finite": {"patience": 2, "action": "roll_back"}, "update_ratio": rolls,
        "collapse": {"limit": 0.5, "patience": 2, "action": "stop"},
        "held_out": {"split": "val", "samples": 1, "drop": 3.0, "patience": 2, "action": "stop"},
    }  # fmt: skip
    return GeneratorGuardPolicy.model_validate(rows | changes)


def test_copies_of_the_input_stop_a_training_and_the_best_weights_go_on() -> None:
    """Their PSNR may well rise meanwhile."""
    model = nn.Linear(1, 1)
    looks = iter([(20.0, -0.4), (21.0, 0.1), (22.0, 0.6), (23.0, 0.8)])

    def look() -> HeldOutPsnr:
        psnr, copies = next(looks)
        return HeldOutPsnr(psnr, psnr, copies)

    guard = Guard(watching(), look)
    guard.begin({"model": model})
    for step in (1, 2, 3):
        with torch.no_grad():
            model.weight.fill_(step)
        assert guard.allows(step, 0.1, 0.1)
        guard.judge(step, 0.01, None, last=False)
    assert guard.stopped is not None
    assert [signal.signal for signal in guard.stopped.signals] == ["collapse"]
    assert (guard.stopped.step, guard.stopped.kept_step) == (3, 1)
    guard.keep_best()
    assert model.weight.item() == 1
    told = diagnose(guard, [{"step": 1}], "index", lambda guard: ())
    assert told.status == "collapsed at step 3; weights of step 1"
    assert "copies of the input by 80%" in told.paragraph
    assert [look.collapse for look in told.held_out] == [-0.4, 0.1, 0.6, 0.8]


def test_collapse_cannot_be_watched_without_looking() -> None:
    with pytest.raises(ValueError, match="collapse is seen in held-out samples alone"):
        watching(held_out=None)


def test_the_average_follows_as_the_released_one_and_rates_may_stay() -> None:
    settings = plan(ema=0.9999)
    assert [settings.ema_decay(n) for n in (0, 8)] == [0.1, 0.5]
    assert settings.ema_decay(10**6) == 0.9999
    assert plan(ema=None).ema_decay(3) is None
    assert not settings.rate_falls
    assert plan(schedule="cosine").rate_falls
    assert settings.betas == (0.9, 0.999)


@pytest.mark.parametrize("least", [0, 900, 999])
def test_noise_is_drawn_from_the_least_timestep_on(tmp_path, least) -> None:
    pipeline = tiny_generator(tmp_path, rays=False).pipeline
    draws = draw_step(pipeline, 2000, 1, (16, 16), seeded(0), least)
    assert least <= int(draws.timesteps.min()) <= least + 20
    assert 980 <= int(draws.timesteps.max()) <= 999
    with pytest.raises(ValueError, match="least_timestep: found 1000, expected less than the scheduler's 1000"):
        draw_step(pipeline, 1, 1, (16, 16), seeded(0), 1000)


def test_a_generator_is_measured_beside_the_reference_again_and_a_mean_picture(tmp_path) -> None:
    """Of a ring all of whose views are one gray, a copy is perfect, and so is the mean of that gray alone."""
    generator = tiny_generator(tmp_path, rays=True)
    generator.trained.eval()

    class Gray(Ring):
        def sample(self, index: int) -> Sample:
            sample = super().sample(index)
            return Sample(sample.name, sample.cameras, torch.full_like(sample.images, 150 + 100 * (index == 2)))

    dark, light = mean_picture(Gray(2), 2), mean_picture(Gray(3), 3)
    assert float(light.mean()) > float(dark.mean())
    sampling = SamplingPlan(steps=1, guidance=1.0, eta=0.0, seed=0)
    found = measure_unseen_objects(generator, Gray(2), dark, sampling)
    assert set(found) == {
        f"{name}_psnr{part}" for name in ("network", "copy", "mean_picture") for part in ("", "_foreground")
    }
    assert found["copy_psnr"] == found["mean_picture_psnr"] > 90 > found["network_psnr"] > 0
    other = measure_unseen_objects(generator, Gray(2), light, sampling)
    assert other["mean_picture_psnr"] < 90
    assert other["network_psnr"] == found["network_psnr"]


def test_all_networks_move_to_a_device_together(tmp_path) -> None:
    generator = tiny_generator(tmp_path, rays=True).to(torch.device("meta"))
    assert {parameter.device.type for parameter in generator.trained.parameters()} == {"meta"}
    assert {parameter.device.type for parameter in generator.pipeline.image_encoder.parameters()} == {"meta"}
