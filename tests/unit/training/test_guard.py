"""The guard on series that were made up: what it leaves alone, leaves out, takes back and stops."""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from mouse_facelift.settings import GuardPolicy
from mouse_facelift.training.guard import Guard, HeldOutPsnr
from mouse_facelift.training.loop import StepLoss, _step_seed
from mouse_facelift.training.outcome import Seen, StepOutcome
from mouse_facelift.training.state import StateFolder
from tests.unit.training.tiny_training import ALREADY, NEVER, PLAN, POLICY, run

WELL = Seen(white=0.9, target_white=0.9, opacity=0.2, scales=(0.2, 0.5, 0.3))


@dataclass(frozen=True)
class Step:
    """What a guard is shown of one step."""

    loss: float = 0.01
    norm: float = 1.0
    seen: Seen = WELL
    moved: float = 0.001
    """of the weight's length, by the update"""


class Watched:
    """A network of one weight, which tells whose step's it is: each update makes it a little longer."""

    def __init__(self, policy: GuardPolicy = POLICY, psnr: Callable[[int], HeldOutPsnr] | None = None) -> None:
        """`psnr` is that of the weights of a step."""
        self.model = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.model.weight, 1.0)
        self.weights = [1.0]
        self.guard = Guard(policy, None if psnr is None else lambda: psnr(len(self.weights) - 1))
        self.guard.begin({"model": self.model})

    def show(self, steps: Sequence[Step], last: int = 0) -> "Watched":
        for step in steps:
            done, ratio = len(self.weights), math.nan
            if self.guard.allows(done, step.loss, step.norm):
                ratio = step.moved
                with torch.no_grad():
                    self.model.weight.mul_(1 + step.moved)
            self.weights.append(self.model.weight.item())
            self.guard.judge(done, ratio, step.seen, last=done == last)
            if self.guard.stopped is not None:
                self.guard.keep_best()
                break
        return self

    @property
    def story(self) -> list[tuple[int, str, int]]:
        return [(done.step, done.action, done.kept_step) for done in self.guard.interventions]


def changed(**rows: Any) -> GuardPolicy:
    return GuardPolicy.model_validate(POLICY.model_dump() | rows)


@pytest.mark.parametrize("spike", [Step(loss=1.0), Step(norm=100.0), Step(loss=math.nan), Step(norm=math.inf)])
def test_a_spike_is_left_out_and_nothing_more(spike: Step) -> None:
    watched = Watched().show([*[Step()] * 12, spike, *[Step()] * 12])
    assert watched.story == [(13, "skip", 12)]
    assert watched.weights[13] == watched.weights[12] < watched.weights[14]
    assert watched.guard.rate == 1.0


def test_a_jump_of_the_norm_rolls_back_to_the_last_good_state(caplog) -> None:
    watched = Watched().show([*[Step()] * 13, *[Step(norm=2808.0)] * 3, *[Step()] * 4])
    assert watched.story == [(14, "skip", 13), (15, "skip", 14), (16, "skip", 15), (16, "roll_back", 12)]
    assert watched.model.weight.item() == pytest.approx(watched.weights[12] * 1.001**4)
    assert watched.guard.rate == 0.5
    assert "step 16: back to the state of step 12" in caplog.text


def test_a_norm_that_stays_high_ends_the_training_with_the_best_weights() -> None:
    watched = Watched().show([*[Step()] * 13, *[Step(norm=2808.0)] * 30])
    assert [row for row in watched.story if row[1] != "skip"] == [
        (16, "roll_back", 12), (19, "roll_back", 12), (22, "stop", 12),
    ]  # fmt: skip
    assert watched.guard.rate == 0.25
    assert watched.model.weight.item() == watched.weights[12]


def test_to_skip_may_be_all_that_is_done() -> None:
    policy = changed(gradient_norm={"limit": 10, "patience": 3, "action": "skip"})
    watched = Watched(policy).show([*[Step()] * 13, *[Step(norm=2808.0)] * 30])
    assert {action for _, action, _ in watched.story} == {"skip"}


def test_updates_that_are_too_long_are_taken_back() -> None:
    watched = Watched().show([*[Step()] * 5, *[Step(moved=0.5)] * 2])
    assert watched.story == [(7, "roll_back", 4)]
    assert watched.model.weight.item() == watched.weights[4]


def drifting(step: int) -> dict[str, Seen]:
    """Renderings that go white, or Gaussians that fade or grow, over 43 steps."""
    share = step / 43
    return {
        "white": replace(WELL, white=0.9 + 0.1 * share),
        "opacity": replace(WELL, opacity=0.2 * (1 - 0.95 * share)),
        "scales": replace(WELL, scales=(0.2 * (1 - share), 0.5 * (1 - share), 0.3 + 0.7 * share)),
    }


@pytest.mark.parametrize(("signal", "since"), [("white", 22), ("opacity", 37), ("scales", 40)])
def test_a_slow_drift_stops_with_the_weights_from_before(signal: str, since: int) -> None:
    watched = Watched().show([Step(seen=drifting(step)[signal]) for step in range(1, 44)])
    stopped = watched.guard.stopped
    assert stopped is not None and [found.signal for found in stopped.signals] == [signal]
    assert (stopped.signals[0].since, stopped.step) == (since, since + 3)
    kept = (since - 1) // 4 * 4
    assert stopped.kept_step == kept
    assert watched.model.weight.item() == watched.weights[kept]
    assert watched.story == [(since + 3, "stop", kept)]


def test_white_at_once_keeps_the_weights_it_started_from() -> None:
    watched = Watched().show([Step(seen=replace(WELL, white=1.0))] * 10)
    assert watched.story == [(4, "stop", 0)]
    assert watched.model.weight.item() == 1.0


def held_out(**row: Any) -> GuardPolicy:
    return changed(held_out={"split": "val", "samples": 1, "drop": 1.0, "patience": 2, "action": "stop"} | row)


def test_held_out_views_that_get_worse_stop_it_and_the_best_step_goes_on() -> None:
    by_step = {0: 20.0, 4: 21.0, 8: 20.5, 12: 18.0, 16: 18.5}
    watched = Watched(held_out(), lambda step: HeldOutPsnr(25.0, by_step[step])).show([Step()] * 30)
    assert watched.story == [(16, "stop", 0)]  # the whole picture never got better
    watched = Watched(held_out(), lambda step: HeldOutPsnr(5 + by_step[step], by_step[step])).show([Step()] * 30)
    assert watched.story == [(16, "stop", 4)]
    assert watched.model.weight.item() == watched.weights[4]
    assert list(watched.guard.looks) == [0, 4, 8, 12, 16]


def test_the_last_look_has_no_patience_and_nothing_is_taken_back_after_it() -> None:
    policy = held_out(action="roll_back")
    watched = Watched(policy, lambda step: HeldOutPsnr(20.0 - step, 20.0)).show([Step()] * 3, last=3)
    assert watched.story == [(3, "stop", 0)]


def test_held_out_numbers_that_are_none_are_the_worst() -> None:
    watched = Watched(held_out(), lambda step: HeldOutPsnr(math.nan if step else 20.0, 20.0)).show([Step()] * 30)
    assert watched.story == [(8, "stop", 0)]


def test_held_out_samples_need_somebody_who_measures() -> None:
    with pytest.raises(ValueError, match=r"guard\.held_out: nothing measures"):
        Guard(held_out(), None)


noise = st.floats(0.3, 3.0)
numbers = st.tuples(noise, noise, st.floats(-1, 0.4), st.floats(0.5, 2), st.floats(0, 0.2), st.floats(1e-6, 0.05))


def noisy(loss: float, norm: float, white: float, opacity: float, shift: float, moved: float) -> Step:
    seen = Seen(0.9 + 0.1 * white, 0.9, 0.2 * opacity, (0.2 - shift, 0.5, 0.3 + shift))
    return Step(0.01 * loss, norm, seen, moved)


@given(st.lists(numbers, min_size=1, max_size=60), st.floats(0.97, 1.0))
def test_a_healthy_noisy_training_is_never_touched(drawn: list[tuple[float, ...]], fall: float) -> None:
    steps = [noisy(*row) for row in drawn]
    falling = [replace(step, loss=step.loss * fall**number) for number, step in enumerate(steps)]
    watched = Watched(held_out(), lambda step: HeldOutPsnr(20 + step / 9, 20 - 0.9 * (step % 8 > 0))).show(
        falling, last=len(steps)
    )
    assert watched.story == []
    assert watched.guard.rate == 1.0


steps_of_any_kind = st.lists(
    st.sampled_from([Step(), Step(), Step(), Step(norm=50.0), Step(moved=0.4), Step(seen=replace(WELL, white=1.0))]),
    min_size=2,
    max_size=40,
)


@given(steps_of_any_kind, st.data())
def test_a_guard_that_was_saved_goes_on_as_if_it_had_not_been(steps: list[Step], data: st.DataObject) -> None:
    whole = Watched().show(steps)
    if whole.guard.stopped is not None:
        steps = steps[: whole.guard.stopped.step]
    cut = data.draw(st.integers(0, len(steps) - 1))
    first = Watched().show(steps[:cut])
    file = io.BytesIO()
    torch.save({"guard": first.guard.state_dict(), "weight": first.model.weight.detach()}, file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    second = Watched()
    second.weights = list(first.weights)
    with torch.no_grad():
        second.model.weight.copy_(state["weight"])
    second.guard.load_state_dict(state["guard"])
    second.guard.begin({"model": second.model})
    second.show(steps[cut:])
    assert second.story == whole.story
    assert second.model.weight.item() == whole.model.weight.item()
    assert second.guard.rate == whole.guard.rate


def test_what_is_usual_is_forgotten_where_the_loss_becomes_another() -> None:
    def asked(changes: tuple[int, ...]) -> list[bool]:
        guard = Guard(POLICY, None, changes=changes)
        return [guard.allows(step, 1.0 if step < 20 else 50.0, 1.0) for step in range(1, 40)]

    assert asked((1, 20)) == [True] * 39
    assert not all(asked(()))


def jumping(inner: StepLoss) -> StepLoss:
    """The gradient is a thousand times as long in steps 7 to 9."""
    seeds = {_step_seed(PLAN.seed, step - 1) for step in (7, 8, 9)}

    def step(generator: torch.Generator, number: int) -> StepOutcome:
        times = 1000 if generator.initial_seed() in seeds else 1
        outcome = inner(generator, number)
        return StepOutcome(outcome.loss * times, outcome.psnr)

    return step


def test_leaving_and_resuming_at_every_step_also_after_a_roll_back_gives_the_same_bytes(tmp_path) -> None:
    def again(folder: str, deadline: Any) -> tuple[dict[str, Tensor], list[Any], Guard]:
        guard = Guard(POLICY, None)
        return *run(tmp_path / folder, PLAN, deadline, jumping, guard=guard), guard

    weights, metrics, guard = again("whole", NEVER)
    assert [(done.step, done.action) for done in guard.interventions] == [
        (7, "skip"), (8, "skip"), (9, "skip"), (9, "roll_back"),
    ]  # fmt: skip
    for _ in range(PLAN.steps - 1):
        with pytest.raises(SystemExit):
            again("hurried", ALREADY)
    resumed, _, another = again("hurried", ALREADY)
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)
    assert (tmp_path / "hurried/metrics.csv").read_bytes() == (tmp_path / "whole/metrics.csv").read_bytes()
    assert another.interventions == guard.interventions
    rates = [row["learning_rate"] for row in metrics]
    unwatched = [row["learning_rate"] for row in run(tmp_path / "unwatched", PLAN)[1]]
    assert rates == pytest.approx(unwatched[:9] + [0.5 * rate for rate in unwatched[9:]])


def test_a_training_that_was_stopped_stays_so(tmp_path) -> None:
    policy = changed(roll_backs=0)
    guard = Guard(policy, None)
    weights, metrics = run(tmp_path, PLAN, wrap=jumping, guard=guard)
    assert len(metrics) == 9 and guard.stopped is not None
    again = Guard(policy, None)
    resumed, others = run(tmp_path, PLAN, wrap=jumping, guard=again)
    assert len(others) == 9 and again.stopped == guard.stopped
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)


def test_a_training_that_nobody_watched_does_not_go_on_with_a_guard(tmp_path) -> None:
    with pytest.raises(SystemExit):
        run(tmp_path, PLAN, deadline=ALREADY)
    with pytest.raises(ValueError, match=r"no guard watched this training; remove"):
        run(tmp_path, PLAN, guard=Guard(POLICY, None))
    assert StateFolder(tmp_path, "this").states()
