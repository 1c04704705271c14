"""The guard of a training: leaves updates out, rolls back to a good state, or stops and keeps the best weights.

To roll back is to take an earlier state and to go on with the steps that follow, at a lower rate, not to repeat those
that led astray (source: PaLM, arXiv:2204.02311, section 5.1). Nothing here draws random numbers: the same training
meets the same decisions. Guards of processes that train one network together judge the means of what all of them saw.
"""

import logging
import math
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, astuple, dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import torch

from mouse_facelift.settings import GeneratorGuardPolicy, WatchPolicy
from mouse_facelift.training.outcome import Seen
from mouse_facelift.training.processes import ALONE, Processes
from mouse_facelift.training.watched import Beginning, TooFar, Usual

log = logging.getLogger(__name__)

BEFORE_UPDATE = ("not_finite", "loss", "gradient_norm")


@runtime_checkable
class Stateful(Protocol):
    """A network, an optimizer, and whatever else a training must put back to go on from an earlier state."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any: ...


@dataclass(frozen=True)
class HeldOutPsnr:
    """PSNR in dB of views that did not go in."""

    whole: float
    animal: float
    collapse: float = math.nan
    """of drawn views: 0 as the truth, 1 as copies of the input; NaN where nobody asks"""

    def above(self, other: "HeldOutPsnr") -> float:
        """By how many dB it is above another, in the one of both numbers that rose less; -inf if not finite."""
        gain = min(self.whole - other.whole, self.animal - other.animal)
        return gain if math.isfinite(gain) else -math.inf


@dataclass(frozen=True)
class TooFarOff:
    """One signal when something was done about it."""

    signal: str
    value: float
    since: int
    """first step of the row"""


@dataclass(frozen=True)
class Intervention:
    """What was done, after which step, and why."""

    step: int
    action: Literal["skip", "roll_back", "stop"]
    signals: tuple[TooFarOff, ...]
    kept_step: int
    """whose weights the training goes on with"""


class Guard:
    """Watches a training step by step.

    `measure`, called every `policy.every` steps, gives the held-out PSNR of the weights as they are. `changes` are
    steps, from 1, from which on the loss is another one, so that nothing is usual yet. All that a guard remembers is in
    `state_dict`, the states and weights it keeps too.

    Raises:
        ValueError: the policy asks for held-out samples, and `measure` is None.
    """

    def __init__(
        self,
        policy: WatchPolicy,
        measure: Callable[[], HeldOutPsnr] | None,
        processes: Processes = ALONE,
        changes: Collection[int] = (),
    ) -> None:
        if policy.held_out is not None and measure is None:
            raise ValueError("guard.held_out: nothing measures held-out samples here; set it to null")
        self.policy = policy
        self.measure = measure if policy.held_out is not None else None
        self.processes = processes
        self.changes = changes
        self.rate = 1.0
        """times the learning rate of the plan"""
        self.interventions: list[Intervention] = []
        self.looks: dict[int, HeldOutPsnr] = {}
        """held-out PSNR by step"""
        self.best_step = 0
        self._losses, self._norms = (Usual(policy.window, policy.least) for _ in range(2))
        self._beginning = Beginning(policy.least)
        self._too_far = TooFar()
        self._good_step = 0
        self._good: dict[str, Any] = {}
        self._best: dict[str, Any] = {}
        self._parts: Mapping[str, Stateful] = {}
        self._as_written: Callable[[], AbstractContextManager[None]] = nullcontext

    @property
    def stopped(self) -> Intervention | None:
        last = self.interventions[-1] if self.interventions else None
        return last if last is not None and last.action == "stop" else None

    def begin(
        self, parts: Mapping[str, Stateful], as_written: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        """Take charge of all parts of a training's state, `model` among them; at the start, keep them.

        Within `as_written` the model has the weights that would be written: those are measured, and may be the best.
        """
        self._parts, self._as_written = parts, as_written
        if not self._good:
            self._look(0)

    def at(self, step: int) -> Callable[[float, float], bool]:
        """What `allows` says of a step."""
        return lambda loss, norm: self.allows(step, loss, norm)

    def allows(self, step: int, loss: float, norm: float) -> bool:
        """Whether the update of a step should be made, by its loss and its gradient's norm before clipping."""
        if step in self.changes:
            self._losses.values, self._norms.values = [], []
        finite = math.isfinite(loss) and math.isfinite(norm)
        self._too_far.note("not_finite", step, math.nan, beyond=not finite)
        if finite:
            for name, value, usual in (("loss", loss, self._losses), ("gradient_norm", norm, self._norms)):
                times = usual.times(value)
                beyond = times is not None and times > getattr(self.policy, name).limit
                self._too_far.note(name, step, times or math.nan, beyond)
        found = [name for name in BEFORE_UPDATE if name in self._too_far.counts]
        if found:
            self._intervene(step, "skip", found, self._good_step)
        else:
            self._losses.add(loss)
            self._norms.add(norm)
        return not found

    def judge(self, step: int, update_ratio: float, seen: Seen | None, last: bool) -> dict[str, float]:
        """Look at what a step led to, and act; return the step's numbers. Nothing but a stop follows the last step.

        `update_ratio` is NaN where no update was made, `seen` None where nothing was looked at.
        """
        update_ratio, *looked = self.processes.mean([update_ratio, *([] if seen is None else seen.numbers)])
        numbers = self._note(step, update_ratio, None if seen is None else Seen.of_numbers(looked))
        if step % self.policy.every == 0 or last:
            self._look(step)
        due = self._too_far.due(self.policy, lenient=not last)
        actions = {getattr(self.policy, name).action for name in due}
        if "stop" in actions or ("roll_back" in actions and (last or self._roll_backs() >= self.policy.roll_backs)):
            self._intervene(step, "stop", due, self.best_step)
        elif "roll_back" in actions:
            self._intervene(step, "roll_back", due, self._good_step)
            self._roll_back()
        return numbers

    def keep_best(self) -> None:
        """Give the network the best weights there were."""
        self._parts["model"].load_state_dict(self._best)

    def state_dict(self) -> dict[str, Any]:
        """All that the guard remembers, as tensors and plain data."""
        return {
            "rate": self.rate,
            "interventions": [
                asdict(done) | {"signals": [asdict(signal) for signal in done.signals]} for done in self.interventions
            ],
            "looks": {step: asdict(psnr) for step, psnr in self.looks.items()},
            "losses": self._losses.values,
            "norms": self._norms.values,
            "opacities": self._beginning.opacities,
            "scales": self._beginning.scales,
            "too_far": asdict(self._too_far),
            "good_step": self._good_step,
            "best_step": self.best_step,
            "good": self._good,
            "best": self._best,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.rate = state["rate"]
        self.interventions = [
            Intervention(**done | {"signals": tuple(TooFarOff(**signal) for signal in done["signals"])})
            for done in state["interventions"]
        ]
        self.looks = {step: HeldOutPsnr(**psnr) for step, psnr in state["looks"].items()}
        self._losses.values, self._norms.values = state["losses"], state["norms"]
        self._beginning.opacities, self._beginning.scales = state["opacities"], state["scales"]
        self._too_far = TooFar(**state["too_far"])
        self._good_step, self.best_step = state["good_step"], state["best_step"]
        self._good, self._best = state["good"], state["best"]

    def _note(self, step: int, update_ratio: float, seen: Seen | None) -> dict[str, float]:
        found: dict[str, float | None] = {"update_ratio": update_ratio}
        if seen is not None:
            self._beginning.add(seen)
            found |= {
                "white": seen.white_excess,
                "opacity": self._beginning.fainter(seen),
                "scales": self._beginning.moved(seen),
            }
        for name, value in found.items():
            if value is not None and not (name == "update_ratio" and math.isnan(value)):
                beyond = not value <= getattr(self.policy, name).limit
                self._too_far.note(name, step, value, beyond)
        scales = found.get("scales")
        return {
            "white": math.nan if seen is None else seen.white,
            "target_white": math.nan if seen is None else seen.target_white,
            "opacity": math.nan if seen is None else seen.opacity,
            "scales_moved": math.nan if scales is None else scales,
        }

    def _look(self, step: int) -> None:
        """Measure, and keep what is good or best. Without held-out samples the last good weights are the best."""
        better = True
        if self.measure is not None and self.policy.held_out is not None:
            with self._as_written():
                psnr = HeldOutPsnr(*self.processes.mean(list(astuple(self.measure()))))
            self.looks[step] = psnr
            gain = psnr.above(self.looks[0])
            log.info(
                "step %d: held-out PSNR %.2f dB, of the animal alone %.2f (since step 0: %+.2f, %+.2f)",
                step, psnr.whole, psnr.animal, psnr.whole - self.looks[0].whole, psnr.animal - self.looks[0].animal,
            )  # fmt: skip
            self._too_far.note("held_out", step, gain, beyond=step > 0 and gain < -self.policy.held_out.drop)
            if isinstance(self.policy, GeneratorGuardPolicy):
                log.info("step %d: collapse %.2f: 0 is the truth, 1 copies of the input", step, psnr.collapse)
                beyond = step > 0 and not psnr.collapse <= self.policy.collapse.limit
                self._too_far.note("collapse", step, psnr.collapse, beyond)
            better = step == 0 or gain > self.looks[self.best_step].above(self.looks[0])
        if self._too_far.counts:
            return
        self._good = {name: _copy(part.state_dict()) for name, part in self._parts.items()}
        self._good_step = step
        if better:
            with self._as_written():
                self._best, self.best_step = _copy(self._parts["model"].state_dict()), step

    def _roll_back(self) -> None:
        for name, part in self._parts.items():
            part.load_state_dict(_copy(self._good[name]))  # an optimizer keeps the tensors that it is given
        self.rate *= self.policy.slower
        self._too_far.forget()

    def _roll_backs(self) -> int:
        return sum(1 for done in self.interventions if done.action == "roll_back")

    def _intervene(
        self, step: int, action: Literal["skip", "roll_back", "stop"], signals: list[str], kept: int
    ) -> None:
        too_far = self._too_far
        why = tuple(TooFarOff(name, too_far.values[name], too_far.since[name]) for name in signals)
        self.interventions.append(Intervention(step, action, why, step - 1 if action == "skip" else kept))
        words = ", ".join(f"{one.signal} {one.value:.3g} since step {one.since}" for one in why)
        log.warning("step %d: %s: %s", step, _WORDS[action].format(kept=kept), words)


_WORDS = {
    "skip": "update left out",
    "roll_back": "back to the state of step {kept}, with a lower rate",
    "stop": "stopped; the weights of step {kept} go on",
}


def _copy(value: Any) -> Any:
    """Copy a state to the processor's memory, as plain data."""
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, Mapping):
        return {key: _copy(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(part) for part in value]
    return value
