"""3D Gaussians fitted to one scene: what they find, what they do not look at, and when they stop."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from ball_scene import RADIUS, VIEWS, ball, ring, write_table
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.evaluation.baselines import hull_of_inputs
from mouse_facelift.evaluation.fit_scenes import SECONDS_COLUMNS, fit_scenes
from mouse_facelift.evaluation.metrics import psnr
from mouse_facelift.evaluation.scene_fitting import Fit, draw_fitted, fit_scene, has_converged, start_at_hull
from mouse_facelift.formats.predictions import PredictionTable, Renderings
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.rendering.render import render
from mouse_facelift.settings import Compute, Evaluated, FittingRates, InputViews, SceneFitting

INPUTS, HELD_OUT = [1, 2, 3, 4, 5], 0
FITTING = SceneFitting(
    hull_resolution=32,
    scale=0.5,
    opacity=0.9,
    fineness=2,
    rates=FittingRates(means=1.6e-4, log_scales=5e-3, quats=1e-3, opacity_logits=0.05, colors=2.5e-3),
    dssim=0.2,
    alpha=0.5,
    equal_steps=60,
    converged_steps=300,
    window=50,
    least_gain=0.01,
)


def body(cameras: Cameras) -> Sample:
    """A body of known Gaussians: ten opaque ones of different colors, of many widths and directions."""
    generator = torch.Generator().manual_seed(4)
    along = torch.linspace(-0.45, 0.45, 10)
    places = torch.stack([along, 0.12 * (7 * along).sin(), 0.1 * (5 * along).cos()], dim=-1)
    scene = Gaussians(
        means=places,
        log_scales=(0.06 + 0.05 * torch.rand(10, 3, generator=generator)).log(),
        quats=torch.randn(10, 4, generator=generator),
        opacity_logits=torch.full((10,), 5.0),
        sh=2 * torch.rand(10, 1, 3, generator=generator) - 1.5,
    )
    seen = render(scene, cameras, "cpu")
    alpha = seen.alpha[:, None]
    straight = ((seen.rgb - 1 + alpha) / alpha.clamp(min=1e-6)).clamp(0, 1) * (alpha > 1 / 255)
    rgba = (255 * torch.cat([straight, alpha], dim=1)).round().to(torch.uint8)
    return Sample("body", cameras, rgba.permute(0, 2, 3, 1).contiguous())


def start_of(sample: Sample, tmp_path: Path) -> Gaussians:
    row = SampleTable.read(write_table(tmp_path, [sample])).samples[0]
    hull = hull_of_inputs(row, sample, INPUTS, 0.5, FITTING.hull_resolution)
    assert hull is not None
    return start_at_hull(hull, sample, INPUTS, FITTING)


@pytest.fixture(scope="module")
def known() -> Sample:
    return body(ring(VIEWS, 40))


@pytest.fixture(scope="module")
def start(known: Sample, tmp_path_factory: pytest.TempPathFactory) -> Gaussians:
    return start_of(known, tmp_path_factory.mktemp("start"))


@pytest.fixture(scope="module")
def fits(known: Sample, start: Gaussians) -> tuple[Fit, Fit]:
    return fit_scene(known, INPUTS, start, FITTING, "cpu")


def on_animal(gaussians: Gaussians, sample: Sample, views: list[int]) -> float:
    """Mean PSNR of the animal alone."""
    drawn = draw_fitted(gaussians, sample.cameras, FITTING, "cpu").rgb.clamp(0, 1)
    inside, target = sample.alpha > 0.5, sample.over_white()
    return sum(psnr(drawn[view][:, inside[view]], target[view][:, inside[view]]) for view in views) / len(views)


def test_known_gaussians_are_found_again_in_their_views(known: Sample, start: Gaussians, fits: tuple[Fit, Fit]) -> None:
    _, converged = fits
    assert on_animal(converged.gaussians, known, INPUTS) > 30
    assert on_animal(converged.gaussians, known, [HELD_OUT]) > on_animal(start, known, [HELD_OUT]) + 1


def test_the_loss_falls_and_one_course_gives_both_answers(fits: tuple[Fit, Fit]) -> None:
    equal, converged = fits
    assert equal.steps == FITTING.equal_steps < converged.steps <= FITTING.converged_steps
    assert converged.losses[: equal.steps] == equal.losses
    assert equal.losses[-1] < 0.5 * equal.losses[0]
    assert converged.losses[-1] < equal.losses[-1]
    assert 0 < equal.seconds < converged.seconds


def test_like_inputs_give_like_numbers_whatever_was_held_out(
    known: Sample, start: Gaussians, fits: tuple[Fit, Fit]
) -> None:
    images = known.images.clone()
    images[HELD_OUT] = 255 - images[HELD_OUT]
    spoiled = Sample(known.name, known.cameras, images)
    again, _ = fit_scene(spoiled, INPUTS, start, FITTING.model_copy(update={"converged_steps": 60}), "cpu")
    assert again.losses == fits[0].losses
    for name in ("means", "log_scales", "quats", "opacity_logits", "sh"):
        assert torch.equal(getattr(again.gaussians, name), getattr(fits[0].gaussians, name))


def test_a_start_is_left_as_it_was(start: Gaussians, fits: tuple[Fit, Fit]) -> None:
    assert not start.means.requires_grad
    assert float(start.opacities.min()) == pytest.approx(FITTING.opacity)
    assert len(fits[1].gaussians) == len(start)


@given(rate=st.floats(0.9, 1.0), steps=st.integers(2, 300))
def test_a_course_has_converged_once_a_window_gains_less_than_asked_for(rate: float, steps: int) -> None:
    losses = [rate**step for step in range(steps)]
    whole_windows = steps >= 2 * FITTING.window and steps % FITTING.window == 0
    slow = rate**FITTING.window > 1 - FITTING.least_gain
    assert has_converged(losses, FITTING) == (whole_windows and slow)


def test_a_course_that_converges_early_ends_both_answers(known: Sample, start: Gaussians) -> None:
    impatient = FITTING.model_copy(update={"window": 2, "least_gain": 1.0})
    equal, converged = fit_scene(known, INPUTS, start, impatient, "cpu")
    assert equal.steps == converged.steps == 4


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory, evaluation: Evaluated, compute: Compute) -> Path:
    """Folder of both answers for a ball, and for one whose second view shows nothing."""
    folder = tmp_path_factory.mktemp("fitted")
    cameras = ring(VIEWS, 32)
    images = ball("walk_001", cameras).images.clone()
    images[1] = 0
    table = write_table(folder, [ball("walk_000", cameras), Sample("walk_001", cameras, images)])
    fit_scenes(
        table,
        folder / "scene_equal_time/predictions.json",
        folder / "scene_converged/predictions.json",
        folder / "seconds.csv",
        InputViews(inputs=5),
        evaluation,
        FITTING.model_copy(update={"hull_resolution": 16, "equal_steps": 2, "converged_steps": 12}),
        compute,
    )
    return folder


def test_the_answers_are_tables_like_an_experiment_s(fitted: Path) -> None:
    for name in ("scene_equal_time", "scene_converged"):
        table = PredictionTable.read(fitted / name / "predictions.json")
        assert (table.experiment, table.samples, table.input_views) == (name, "../samples.json", 5)
        assert (table.weights, len(table.rows)) == ("none", 2 * VIEWS)
        drawn = Renderings.read(fitted / name / table.rows[0].renderings)
        assert drawn.rgb.shape == (VIEWS, 3, 32, 32)
        assert 0.5 < float((drawn.alpha > 0.5).sum()) / (3.14 * (RADIUS * 32 * 1.07 / 2.7) ** 2) / VIEWS < 1.5


def test_an_empty_hull_is_white_and_told(fitted: Path) -> None:
    table = PredictionTable.read(fitted / "scene_converged/predictions.json")
    assert table.status == "complete; empty hull in 5 of 12 turns"
    empty = [row for row in table.rows if row.sample == "walk_001" and 1 in row.inputs]
    blank = Renderings.read(fitted / "scene_converged" / empty[0].renderings)
    assert (float(blank.rgb.min()), float(blank.alpha.max())) == (1, 0)


def test_what_steps_took_stands_beside(fitted: Path) -> None:
    times = pd.read_csv(fitted / "seconds.csv")
    assert list(times.columns) == SECONDS_COLUMNS
    assert len(times) == 2 * (2 * VIEWS - 5)
    assert times.groupby("experiment")["steps"].unique().map(list).to_dict() == {
        "scene_converged": [12],
        "scene_equal_time": [2],
    }
    assert (times["seconds"] > 0).all()
