"""What a guard saw and did, as a file and as a paragraph."""

import logging
from collections.abc import Callable, Sequence

from mouse_facelift.formats.diagnosis import (
    DoneAbout,
    HeldOutLook,
    SeenSignal,
    Stopped,
    TrainingCause,
    TrainingDiagnosis,
    finite,
)
from mouse_facelift.settings import WatchPolicy
from mouse_facelift.training.guard import Guard, Intervention, TooFarOff
from mouse_facelift.training.state import StepMetrics

log = logging.getLogger(__name__)

_WORDS = {
    "not_finite": "the loss or the gradient's norm was not a finite number",
    "loss": "the loss was {value:.3g} times the usual (limit {limit:g})",
    "gradient_norm": "the gradient's norm was {value:.3g} times the usual (limit {limit:g})",
    "update_ratio": "an update changed the weights by {value:.3g} of their length (limit {limit:g})",
    "white": "of what is not white in the targets, renderings had {value:.0%} more white (limit {limit:.0%})",
    "opacity": "the Gaussians' mean opacity was {value:.3g} times lower than at the start (limit {limit:g})",
    "scales": "the histogram of the Gaussians' scales had moved by {value:.3g} since the start (limit {limit:g})",
    "collapse": "drawn views were copies of the input by {value:.0%}, more than the true ones are (limit {limit:.0%})",
    "held_out": "held-out views were {drop:.2f} dB worse than at step 0 (limit {limit:g})",
}


def diagnose(
    guard: Guard | None,
    metrics: Sequence[StepMetrics],
    experiment: str,
    causes: Callable[[Guard], tuple[TrainingCause, ...]],
) -> TrainingDiagnosis:
    """Say what was seen, what was done about it, and, if the training was stopped, where to look first.

    `causes` judges each possible cause of a training that was stopped: the suspected ones first.
    """
    if guard is None:
        return TrainingDiagnosis(
            experiment=experiment,
            watched=False,
            steps=len(metrics),
            stopped=None,
            done=(),
            held_out=(),
            paragraph=f"{experiment}: no guard watched these {len(metrics)} steps.",
        )
    last = guard.stopped
    stopped = None
    if last is not None:
        stopped = Stopped(
            step=last.step,
            since=min(signal.since for signal in last.signals),
            kept_step=last.kept_step,
            signals=_signals(last, guard.policy),
            causes=causes(guard),
        )
    found = TrainingDiagnosis(
        experiment=experiment,
        watched=True,
        steps=len(metrics),
        stopped=stopped,
        done=tuple(
            DoneAbout(
                step=done.step, action=done.action, signals=_signals(done, guard.policy), kept_step=done.kept_step
            )
            for done in guard.interventions
        ),
        held_out=tuple(
            HeldOutLook(step=step, whole=finite(psnr.whole), animal=finite(psnr.animal), collapse=finite(psnr.collapse))
            for step, psnr in guard.looks.items()
        ),
        paragraph=_paragraph(experiment, guard, stopped, len(metrics)),
    )
    (log.info if stopped is None else log.warning)("%s", found.paragraph)
    return found


def _signals(done: Intervention, policy: WatchPolicy) -> tuple[SeenSignal, ...]:
    return tuple(_signal(signal, policy) for signal in done.signals)


def _signal(seen: TooFarOff, policy: WatchPolicy) -> SeenSignal:
    if seen.signal == "not_finite":
        limit = None
    elif seen.signal == "held_out":
        limit = policy.held_out.drop if policy.held_out else None
    else:
        limit = getattr(policy, seen.signal).limit
    return SeenSignal(
        signal=seen.signal,
        value=finite(seen.value),
        limit=limit,
        since=seen.since,
        says=_WORDS[seen.signal].format(value=seen.value, drop=-seen.value, limit=limit),
    )


def _paragraph(experiment: str, guard: Guard, stopped: Stopped | None, steps: int) -> str:
    counts = {
        action: sum(1 for done in guard.interventions if done.action == action) for action in ("skip", "roll_back")
    }
    before = f"updates left out: {counts['skip']}, times rolled back: {counts['roll_back']}"
    if stopped is None:
        return f"{experiment}: all {steps} steps were taken; {before}."
    kept = f"The weights of step {stopped.kept_step} go on"
    if (psnr := guard.looks.get(stopped.kept_step)) is not None:
        kept += f" (held-out PSNR {psnr.whole:.2f} dB, of the animal alone {psnr.animal:.2f})"
    seen = "; ".join(f"{signal.says}, since step {signal.since}" for signal in stopped.signals)
    checks = [
        f"{number}. {cause.cause.replace('_', ' ')}: {cause.says}" + ("" if cause.suspected else " (not suspected)")
        for number, cause in enumerate(stopped.causes, start=1)
    ]
    return (
        f"{experiment}: stopped at step {stopped.step}: {seen}. {kept}; {before}."
        f" Check in this order: {'. '.join(checks)}."
    )
