"""Why the training of a view generator may have gone astray: what to check, in which order, and what speaks for it."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from mouse_facelift.formats.diagnosis import TrainingCause, finite
from mouse_facelift.formats.predictions import spread
from mouse_facelift.formats.sample_table import SampleTable, load_cameras
from mouse_facelift.mvdiffusion.canonical import nearest_released_views, relative_azimuths
from mouse_facelift.mvdiffusion.held_out import reference_first
from mouse_facelift.mvdiffusion.prompts import RELEASED_VIEWS
from mouse_facelift.settings import DiffusionPlan, ViewGenerator, ViewIndex
from mouse_facelift.training.guard import Guard
from mouse_facelift.training.state import StepMetrics

LOOKED_AT = 8  # training samples whose cameras are read
TOO_FAST = ("not_finite", "loss", "gradient_norm", "update_ratio")
APART = 30.0  # degrees; views further apart than this under one prompt are different views


def causes(
    samples: SampleTable, table: Path, row: ViewGenerator, guard: Guard, metrics: Sequence[StepMetrics]
) -> tuple[TrainingCause, ...]:
    """Judge each possible cause: those that the evidence speaks for come first, else in the order to check."""
    found = [
        _contract(samples),
        _conditioning(samples, table, row),
        _learning_rate(row.training, guard, metrics),
        _loss(row, guard),
    ]
    return tuple(sorted(found, key=lambda cause: not cause.suspected))


def spread_of_prompts(samples: SampleTable, table: Path, references: str) -> dict[str, float]:
    """For each prompt, by how many degrees of azimuth the views differ that it stands for in training."""
    azimuths: dict[int, list[float]] = defaultdict(list)
    for found in spread(samples.of_split("train"), LOOKED_AT):
        cameras = load_cameras(table, found)
        for reference in range(len(cameras) if references == "rotated" else 1):
            relative = relative_azimuths(cameras[reference_first(len(cameras), reference)], 0)[1:]
            for azimuth, prompt in zip(relative.tolist(), nearest_released_views(relative).tolist(), strict=True):
                azimuths[prompt].append(azimuth % 360 if prompt == RELEASED_VIEWS.index("back") else azimuth)
    return {RELEASED_VIEWS[prompt]: max(found) - min(found) for prompt, found in sorted(azimuths.items())}


def _contract(samples: SampleTable) -> TrainingCause:
    fields = tuple(dict.fromkeys(line.split(":", 1)[0] for line in samples.violations))
    return TrainingCause(
        cause="contract",
        suspected=bool(fields),
        fields=fields,
        evidence={"violations": float(len(samples.violations))},
        says="; ".join(samples.violations[:3]) if fields else "the training pictures keep the camera contract",
    )


def _conditioning(samples: SampleTable, table: Path, row: ViewGenerator) -> TrainingCause:
    apart = spread_of_prompts(samples, table, row.references)
    widest = max(apart, key=lambda prompt: apart[prompt])
    suspected = isinstance(row.conditioning, ViewIndex) and apart[widest] > APART
    return TrainingCause(
        cause="conditioning",
        suspected=suspected,
        fields=("conditioning", "references") if suspected else (),
        evidence={f"degrees_under_{prompt}": finite(degrees) for prompt, degrees in apart.items()},
        says=f"views under the prompt {widest!r} differ by up to {apart[widest]:.0f} degrees of azimuth"
        + ("; prompts alone cannot tell them apart" if suspected else ""),
    )


def _learning_rate(plan: DiffusionPlan, guard: Guard, metrics: Sequence[StepMetrics]) -> TrainingCause:
    norms = [row["grad_norm"] for row in metrics]
    signals = [signal.signal for done in guard.interventions for signal in done.signals if signal.signal in TOO_FAST]
    return TrainingCause(
        cause="learning_rate",
        suspected=bool(signals),
        fields=("learning_rate",) if signals else (),
        evidence={
            "learning_rate": plan.learning_rate,
            "peak_gradient_norm": finite(max(norms, default=0.0)),
            "median_gradient_norm": finite(statistics.median(norms)) if norms else None,
        },
        says=f"at a learning rate of {plan.learning_rate:g} "
        + (
            f"there were {len(signals)} steps with {', '.join(sorted(set(signals)))} too far off"
            if signals
            else "no step was far off"
        ),
    )


def _loss(row: ViewGenerator, guard: Guard) -> TrainingCause:
    plan = row.training
    copied = any(signal.signal == "collapse" for signal in guard.stopped.signals) if guard.stopped else False
    share = plan.reference_weight / (plan.reference_weight + plan.target_views - 1)
    return TrainingCause(
        cause="loss",
        suspected=copied and share > 0.1,
        fields=("reference_weight",) if copied and share > 0.1 else (),
        evidence={"share_of_the_reference": share},
        says=f"{share:.0%} of the loss is about the reference itself, which only needs to be copied",
    )
