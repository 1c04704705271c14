"""The training loop: what it updates, what it leaves out, and that interruptions leave no trace."""

import logging
import math
import os
import signal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from mouse_facelift.training.leaving import Deadline
from mouse_facelift.training.loop import train
from mouse_facelift.training.outcome import StepOutcome
from mouse_facelift.training.state import StateFolder
from mouse_facelift.training.update import StepLoss, adamw
from tests.unit.training.tiny_training import ALREADY, PLAN, fresh_model, run


class StopForTestError(Exception):
    """Stands for whatever ends a process."""


def interrupt_at(step: int):
    def wrap(inner: StepLoss) -> StepLoss:
        def counted(generator: torch.Generator, number: int) -> StepOutcome:
            counted.calls += 1
            if counted.calls > step:
                raise StopForTestError
            return inner(generator, number)

        counted.calls = 0
        return counted

    return wrap


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_it_learns(tmp_path, plan) -> None:
    _, metrics = run(tmp_path, plan.model_copy(update={"steps": 60, "checkpoint_every": 60}))
    assert metrics[-1]["psnr"] > metrics[0]["psnr"] + 6


def test_matrices_decay_and_norms_and_biases_do_not() -> None:
    model = fresh_model()
    model[0].weight.requires_grad_(False)
    decayed, others = adamw(model, 0.1, 0.05, (0.9, 0.95)).param_groups
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.05, 0.0)
    assert [id(p) for p in decayed["params"]] == [id(model[2].weight)]
    assert {id(p) for p in others["params"]} == {id(p) for p in model.parameters() if p.ndim == 1}
    assert decayed["betas"] == (0.9, 0.95)


def test_the_rate_of_each_step_is_the_schedule_s(tmp_path, plan) -> None:
    _, metrics = run(tmp_path, plan)
    rates = [row["learning_rate"] for row in metrics]
    assert rates[:3] == pytest.approx([0.05 / 3, 0.1 / 3, 0.05])
    assert 0 < rates[-1] < 0.05 / 20
    assert [row["step"] for row in metrics] == list(range(1, 13))


@pytest.mark.parametrize("step", [1, 5, 7, 11])
def test_an_interrupted_training_ends_with_the_same_numbers(tmp_path, plan, step: int) -> None:
    expected = run(tmp_path / "whole", plan)
    with pytest.raises(StopForTestError):
        run(tmp_path / "broken", plan, wrap=interrupt_at(step))
    weights, metrics = run(tmp_path / "broken", plan)
    assert same(weights, expected[0])
    assert metrics == expected[1]
    assert (tmp_path / "broken/metrics.csv").read_bytes() == (tmp_path / "whole/metrics.csv").read_bytes()


@settings(max_examples=4, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), st.integers(1, 13))
def test_so_does_one_that_is_interrupted_often(tmp_path_factory, stops: list[int], every: int) -> None:
    folder = tmp_path_factory.mktemp("often")
    plan = PLAN.model_copy(update={"checkpoint_every": every})
    expected, _ = run(folder / "whole", plan)
    for stop in stops:
        try:
            run(folder / "broken", plan, wrap=interrupt_at(stop))
        except StopForTestError:
            continue
    assert same(run(folder / "broken", plan)[0], expected)


@pytest.mark.parametrize("every", [1, 5, 100])
def test_out_of_time_it_saves_and_leaves_with_code_75(tmp_path, plan, every: int) -> None:
    plan = plan.model_copy(update={"checkpoint_every": every})
    expected, _ = run(tmp_path / "whole", plan)
    for done in range(1, plan.steps):
        with pytest.raises(SystemExit) as left:
            run(tmp_path / "hurried", plan, deadline=ALREADY)
        assert left.value.code == 75
        assert StateFolder(tmp_path / "hurried", "this").states()[-1].name == f"step_{done:08d}.pt"
    weights, _ = run(tmp_path / "hurried", plan, deadline=ALREADY)  # the last step needs no leave
    assert same(weights, expected)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_asked_by_a_signal_it_saves_and_leaves_with_code_75(tmp_path, plan, number: signal.Signals, caplog) -> None:
    caplog.set_level(logging.INFO)
    expected, _ = run(tmp_path / "whole", plan)
    before = signal.getsignal(number)

    def asking(inner: StepLoss) -> StepLoss:
        def step(generator: torch.Generator, done: int) -> StepOutcome:
            if done == 4:
                os.kill(os.getpid(), number)
            return inner(generator, done)

        return step

    with pytest.raises(SystemExit) as left:
        run(tmp_path / "asked", plan, wrap=asking)
    assert left.value.code == 75
    assert f"asked to leave by {number.name} at step 5 of 12" in caplog.text
    assert StateFolder(tmp_path / "asked", "this").states()[-1].name == "step_00000005.pt"
    assert signal.getsignal(number) == before
    assert same(run(tmp_path / "asked", plan)[0], expected)


def test_the_deadline_is_a_little_before_the_job_s_end(monkeypatch) -> None:
    monkeypatch.setattr("mouse_facelift.training.leaving.time.monotonic", lambda: 1000.0)
    assert Deadline.in_minutes(10).moment == 1000 + 600 - 60
    assert Deadline.in_minutes(24 * 60).moment == 1000 + 24 * 3600 - 180
    assert Deadline.in_minutes(0).passed
    assert not Deadline.in_minutes(1).passed


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_update_that_is_not_finite_is_left_out_and_counted(tmp_path, plan, value: float, caplog) -> None:
    before: list[dict[str, Tensor]] = []
    model = fresh_model()

    def step(generator: torch.Generator, number: int) -> StepOutcome:
        before.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        loss = model(torch.randn(4, 3, generator=generator)).square().mean()
        return StepOutcome(loss * (value if len(before) == 4 else 1.0), 0.0)

    metrics = train(model, [step], plan, StateFolder(tmp_path, "this"), Deadline(math.inf))
    assert [row["step"] for row in metrics if not row["updated"]] == [4]
    assert same(before[4], before[3])
    assert not same(before[5], before[4])
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())
    assert "step 4:" in caplog.text and "update left out" in caplog.text


def test_a_gradient_that_is_not_finite_leaves_the_update_out_too(tmp_path, plan) -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)

    def step(generator: torch.Generator, number: int) -> StepOutcome:
        return StepOutcome(model.weight.sqrt().sum(), 0.0)  # 0 with an infinite slope

    metrics = train(model, [step], plan, StateFolder(tmp_path, "this"), Deadline(math.inf))
    assert [row["updated"] for row in metrics] == [0.0] * plan.steps
    assert model.weight.item() == 0


def test_each_step_and_seed_draws_its_own_numbers(tmp_path, plan) -> None:
    drawn: list[float] = []
    model = fresh_model()

    def step(generator: torch.Generator, number: int) -> StepOutcome:
        drawn.append(torch.rand((), generator=generator).item())
        return StepOutcome(model[0].weight.sum(), 0.0)

    for seed in range(3):
        folder = StateFolder(tmp_path / str(seed), "this")
        train(model, [step], plan.model_copy(update={"seed": seed}), folder, Deadline(math.inf))
    assert len(set(drawn)) == 3 * plan.steps


def test_steps_are_told_their_numbers_and_may_tell_of_different_terms(tmp_path, plan) -> None:
    numbers: list[int] = []
    model = fresh_model()

    def step(generator: torch.Generator, number: int) -> StepOutcome:
        numbers.append(number)
        return StepOutcome(model[0].weight.sum(), 0.0, {"late": 1.5} if number >= 10 else {})

    train(model, [step], plan, StateFolder(tmp_path, "this"), Deadline(math.inf))
    assert numbers == list(range(plan.steps))
    header, *rows = (tmp_path / "metrics.csv").read_text().splitlines()
    assert header.split(",")[-1] == "loss_late"
    assert [row.rsplit(",", 1)[1] for row in rows] == [""] * 10 + ["1.5"] * 2
