"""One update: parts of a batch, half precision and its scaler, averaged weights."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mouse_facelift.settings import TrainingPlan
from mouse_facelift.training.loop import train
from mouse_facelift.training.precision import require_precision
from mouse_facelift.training.processes import ALONE
from mouse_facelift.training.state import StateFolder
from mouse_facelift.training.update import StepLoss, Updater
from tests.unit.training.tiny_training import ALREADY, NEVER, fresh_model, run

SCALE = 2.0**16  # at which torch's scaler starts


def share(model: nn.Module, number: int, count: int) -> StepLoss:
    """The loss of one of so many equal shares of twelve drawn pairs."""

    def step(generator: torch.Generator) -> tuple[Tensor, float]:
        inputs = torch.randn(12, 3, generator=generator).chunk(count)[number]
        loss = (model(inputs) - inputs[:, :2]).square().mean()
        return loss, -10 * math.log10(loss.item())

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
        assert updater.update([share(model, 0, 1)], 0.05, step).made
        for name, tensor in model.state_dict().items():
            expected[name] = 0.8 * expected[name] + 0.2 * tensor
    assert not torch.equal(model.state_dict()["0.weight"], expected["0.weight"])
    updater.finish()
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, expected[name])


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

    def step(generator: torch.Generator) -> tuple[Tensor, float]:
        return weight.sum() * next(left), 0.0

    return step


def test_the_scaler_survives_both_kinds_of_skip(plan) -> None:
    model = nn.Linear(1, 1, bias=False)
    updater = Updater(model, plan.model_copy(update={"precision": "float16"}), ALONE)
    slopes = [1.0, math.nan, 1.0, 1e38, 1.0, math.inf, 1.0]  # 1e38 overflows once it is scaled
    step = times(slopes, model.weight)
    made, scales = [], []
    for number in range(len(slopes)):
        before = model.weight.item()
        made.append(updater.update([step], 0.1, number).made)
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
    assert state["optimizer"]["scaler"]["scale"] == SCALE / 2


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
