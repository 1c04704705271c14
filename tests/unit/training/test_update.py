"""One update: parts of a batch, half precision and its scaler, averaged weights."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import nn

from mouse_facelift.settings import TrainingPlan
from mouse_facelift.training.loop import train
from mouse_facelift.training.outcome import Seen, StepLoss, StepOutcome
from mouse_facelift.training.precision import require_precision
from mouse_facelift.training.processes import ALONE
from mouse_facelift.training.state import StateFolder
from mouse_facelift.training.update import Updater
from tests.unit.training.tiny_training import ALREADY, NEVER, fresh_model, run

SCALE = 2.0**16  # at which torch's scaler starts


def share(model: nn.Module, number: int, count: int) -> StepLoss:
    """The loss of one of so many equal shares of twelve drawn pairs."""

    def step(generator: torch.Generator, _: int) -> StepOutcome:
        inputs = torch.randn(12, 3, generator=generator).chunk(count)[number]
        loss = (model(inputs) - inputs[:, :2]).square().mean()
        seen = Seen(white=inputs.mean().item(), target_white=0.5, opacity=1.0, scales=(0.25, 0.75))
        return StepOutcome(loss, -10 * math.log10(loss.item()), {"mean": inputs.mean().item()}, seen)

    return step


def trained_in(parts: int, folder: Path, plan: TrainingPlan) -> tuple[nn.Module, list[dict[str, int | float]]]:
    model = fresh_model()
    steps = [share(model, number, parts) for number in range(parts)]
    return model, train(model, steps, plan, StateFolder(folder, "this"), NEVER)


@pytest.mark.parametrize("parts", [2, 3])
def test_parts_of_a_batch_make_the_update_of_the_whole(tmp_path, plan, parts: int) -> None:
    whole, rows = trained_in(1, tmp_path / "whole", plan)
    model, partial_rows = trained_in(parts, tmp_path / "parts", plan)
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], tensor, rtol=1e-4, atol=1e-6)
    for row, partial in zip(rows, partial_rows, strict=True):
        assert partial == pytest.approx(row, rel=1e-4)


def test_the_average_is_the_one_of_its_formula_and_is_what_remains(tmp_path, plan) -> None:
    plan = plan.model_copy(update={"ema": 0.8})
    model = fresh_model()
    expected = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    updater = Updater(model, plan, ALONE)
    for step in range(3):
        assert updater.update([share(model, 0, 1)], step, 0.05, step).made
        for name, tensor in model.state_dict().items():
            expected[name] = 0.8 * expected[name] + 0.2 * tensor
    assert not torch.equal(model.state_dict()["0.weight"], expected["0.weight"])
    updater.finish()
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, expected[name])


def test_parts_are_seen_together(plan) -> None:
    model = fresh_model()
    parts = [share(model, number, 3) for number in range(3)]
    whole, together = (
        Updater(fresh_model(), plan, ALONE).update(steps, 0, 0.0, seed=4) for steps in ([share(model, 0, 1)], parts)
    )
    assert whole.seen is not None and together.seen is not None
    assert together.seen.numbers == pytest.approx(whole.seen.numbers)


def test_what_is_not_allowed_is_left_out_and_the_scaler_survives(plan) -> None:
    model = nn.Linear(1, 1, bias=False)
    updater = Updater(model, plan.model_copy(update={"precision": "float16"}), ALONE)
    asked: list[tuple[float, float]] = []

    def allowed(loss: float, norm: float) -> bool:
        asked.append((loss, norm))
        return len(asked) != 2

    step = times([1.0, 2.0, 1e38, math.nan, 1.0], model.weight)
    made = [updater.update([step], number, 0.1, number, allowed).made for number in range(5)]
    assert made == [True, False, False, False, True]
    # The scaled gradient that overflowed was the scaler's affair; the loss that is no number was not.
    assert [norm for _, norm in asked] == [1.0, 2.0, pytest.approx(math.nan, nan_ok=True), 1.0]


def test_within_averaged_the_network_has_what_would_be_written(plan) -> None:
    model = fresh_model()
    updater = Updater(model, plan.model_copy(update={"ema": 0.8}), ALONE)
    updater.update([share(model, 0, 1)], 0, 0.05, 0)
    own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with updater.averaged():
        within = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert all(torch.equal(own[name], tensor) for name, tensor in model.state_dict().items())
    updater.finish()
    assert all(torch.equal(within[name], tensor) for name, tensor in model.state_dict().items())
    assert not torch.equal(within["0.weight"], own["0.weight"])


@pytest.mark.parametrize("changes", [{"ema": 0.9}, {"precision": "float16"}])
def test_average_and_scaler_go_on_where_they_stopped(tmp_path, plan, changes) -> None:
    plan = plan.model_copy(update=changes)
    expected, _ = run(tmp_path / "whole", plan)
    for _ in range(plan.steps - 1):
        with pytest.raises(SystemExit):
            run(tmp_path / "hurried", plan, deadline=ALREADY)
    found, _ = run(tmp_path / "hurried", plan, deadline=ALREADY)
    again, _ = run(tmp_path / "hurried", plan, deadline=ALREADY)  # all steps done, but nothing written yet
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor) and torch.equal(again[name], tensor)


def times(factors: Sequence[float], weight: nn.Parameter) -> StepLoss:
    """A loss with these slopes, one a step."""
    left = iter(factors)

    def step(generator: torch.Generator, _: int) -> StepOutcome:
        return StepOutcome(weight.sum() * next(left), 0.0)

    return step


def test_the_scaler_survives_both_kinds_of_skip(plan) -> None:
    model = nn.Linear(1, 1, bias=False)
    updater = Updater(model, plan.model_copy(update={"precision": "float16"}), ALONE)
    slopes = [1.0, math.nan, 1.0, 1e38, 1.0, math.inf, 1.0]  # 1e38 overflows once it is scaled
    step = times(slopes, model.weight)
    made, scales = [], []
    for number in range(len(slopes)):
        before = model.weight.item()
        made.append(updater.update([step], number, 0.1, number).made)
        assert (model.weight.item() != before) == made[-1]
        scales.append(updater.scaler.get_scale())
    assert made == [True, False, True, False, True, False, True]
    # A loss that is not finite tells nothing of the scale; a gradient that overflows halves it.
    assert scales == [SCALE, SCALE, SCALE, SCALE / 2, SCALE / 2, SCALE / 2, SCALE / 2]


def test_the_scale_is_part_of_the_state(tmp_path, plan) -> None:
    plan = plan.model_copy(update={"precision": "float16", "steps": 2})
    for slopes, deadline in (([1e38], ALREADY), ([1.0], NEVER)):
        model = nn.Linear(1, 1, bias=False)
        updater = [times(slopes, model.weight)]
        try:
            train(model, updater, plan, StateFolder(tmp_path, "this"), deadline)
        except SystemExit:
            continue
    state = torch.load(tmp_path / "step_00000002.pt", weights_only=True)
    assert state["updater"]["scaler"]["scale"] == SCALE / 2


def test_precisions_that_a_device_lacks_are_refused(monkeypatch) -> None:
    for precision in ("float32", "bfloat16", "float16"):
        require_precision(torch.device("cpu"), precision, "precision")
    monkeypatch.setattr(
        "mouse_facelift.training.precision.mixed_precision", lambda *_: torch.autocast("cpu", enabled=False)
    )
    with pytest.raises(
        ValueError, match=r"precision: found float16, but products on this cpu come out as torch\.float32"
    ):
        require_precision(torch.device("cpu"), "float16", "precision")
