"""Why a training may have gone astray: what to check, in which order, and the numbers that speak for it."""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch

from mouse_facelift.formats.diagnosis import TrainingCause, finite
from mouse_facelift.formats.predictions import spread
from mouse_facelift.formats.sample_table import SampleTable, load_cameras
from mouse_facelift.settings import CameraContract, FinetunePlan, WatchPolicy
from mouse_facelift.training.guard import Guard
from mouse_facelift.training.state import StepMetrics

LOOKED_AT = 32  # training samples whose cameras are read
TOO_FAST = ("not_finite", "loss", "gradient_norm", "update_ratio")
LOOKS_WORSE = ("white", "opacity", "held_out")


def causes(
    samples: SampleTable,
    table: Path,
    contract: CameraContract,
    plan: FinetunePlan,
    guard: Guard,
    metrics: Sequence[StepMetrics],
) -> tuple[TrainingCause, ...]:
    """Judge each possible cause: those that the evidence speaks for come first, else in the order to check.

    The camera contract comes first, since no rate and no loss mends data that the network cannot read.
    """
    distances, misses = _cameras(samples, table)
    found = [
        _contract(samples),
        _unit(samples, distances, contract),
        _center(samples, distances, misses, contract),
        _learning_rate(plan, guard, metrics),
        _loss(guard, metrics),
    ]
    return tuple(sorted(found, key=lambda cause: not cause.suspected))


def violated_fields(violations: Iterable[str]) -> dict[str, list[str]]:
    """Violations of each field of the contract, in their order."""
    fields: dict[str, list[str]] = {}
    for line in violations:
        fields.setdefault(line.split(":", 1)[0], []).append(line)
    return fields


def _cameras(samples: SampleTable, table: Path) -> tuple[list[float], list[float]]:
    """Distances of training cameras from the origin, and by how much of it each one's axis misses it."""
    distances, misses = [], []
    for row in spread(samples.of_split("train"), LOOKED_AT):
        cameras = load_cameras(table, row).to(torch.float64)
        axes = cameras.camera_to_world[:, :3, 2]
        apart = torch.linalg.vector_norm(cameras.centers, dim=-1)
        missed = torch.linalg.vector_norm(torch.linalg.cross(cameras.centers, axes), dim=-1)
        distances += apart.tolist()
        misses += (missed / apart.clamp(min=1e-12)).tolist()
    return distances, misses


def _contract(samples: SampleTable) -> TrainingCause:
    fields = violated_fields(samples.violations)
    told = "; ".join(f"{lines[0]}{f' (and {len(lines) - 1} more)' if lines[1:] else ''}" for lines in fields.values())
    return TrainingCause(
        cause="contract",
        suspected=bool(fields),
        fields=tuple(fields),
        evidence={f"{field}_violations": len(lines) for field, lines in fields.items()},
        says=f"the samples break the camera contract in {', '.join(fields)}: {told}"
        if fields
        else f"the samples (normalization {samples.normalization}) keep the camera contract",
    )


def _unit(samples: SampleTable, distances: list[float], contract: CameraContract) -> TrainingCause:
    median = statistics.median(distances)
    near, far = contract.distance_range
    suspected = not near <= median <= far
    millimeters = statistics.median(row.millimeters_per_unit for row in samples.samples)
    return TrainingCause(
        cause="unit",
        suspected=suspected,
        fields=("distance",) if suspected else (),
        evidence={
            "camera_distance_units": median,
            "expected_distance_units": contract.distance,
            "times_expected": median / contract.distance,
            "millimeters_per_unit": millimeters,
        },
        says=f"cameras stand {median:.4g} units from the origin, {median / contract.distance:.3g} times the"
        f" {contract.distance:g} expected ({near:g} to {far:g}); a unit is {millimeters:.4g} mm",
    )


def _center(
    samples: SampleTable, distances: list[float], misses: list[float], contract: CameraContract
) -> TrainingCause:
    """The subject's place is compared in camera distances, so that a wrong unit alone does not speak here."""
    away, reach = max((math.hypot(*row.subject_center), math.hypot(*row.subject_center) + row.subject_radius)
                      for row in samples.samples)  # fmt: skip
    median = statistics.median(distances)
    allowed = contract.subject_radius / contract.distance
    missed = "aim" in violated_fields(samples.violations)
    suspected = reach / median > allowed or missed
    return TrainingCause(
        cause="center",
        suspected=suspected,
        fields=("aim", "subject_radius") if suspected else (),
        evidence={
            "subject_from_origin_units": away,
            "subject_reach_of_distance": reach / median,
            "allowed_reach_of_distance": allowed,
            "largest_axis_miss_of_distance": max(misses),
        },
        says=f"the subject is up to {away:.3g} units from the origin and reaches {reach / median:.3g} of the cameras'"
        f" distance, of {allowed:.3g} allowed; optical axes miss the origin by up to {max(misses):.3g} of it",
    )


def _learning_rate(plan: FinetunePlan, guard: Guard, metrics: Sequence[StepMetrics]) -> TrainingCause:
    signals = {signal.signal for done in guard.interventions for signal in done.signals}
    loud = [name for name in TOO_FAST if name in signals]
    first, last = _losses(guard.policy, metrics)
    rose = not last <= first
    norms = [row["grad_norm"] for row in metrics if math.isfinite(row["grad_norm"])]
    peak_norm, usual_norm = (summary(norms) if norms else math.nan for summary in (max, statistics.median))
    ratio = _peak(metrics, "update_ratio", max)
    return TrainingCause(
        cause="learning_rate",
        suspected=bool(loud) or rose,
        fields=("learning_rate",) if loud or rose else (),
        evidence={
            "learning_rate": plan.learning_rate,
            "times_after_roll_backs": guard.rate,
            "peak_update_ratio": finite(ratio),
            "update_ratio_limit": guard.policy.update_ratio.limit,
            "peak_gradient_norm": finite(peak_norm),
            "median_gradient_norm": finite(usual_norm),
            "loss_at_first": finite(first),
            "loss_at_last": finite(last),
        },
        says=f"at a learning rate of {plan.learning_rate:g} an update changed the weights by up to {ratio:.3g} of their"
        f" length (limit {guard.policy.update_ratio.limit:g}), the gradient's norm reached {peak_norm:.3g} against a"
        f" median of {usual_norm:.3g}, and the loss went from {first:.4g} to {last:.4g}",
    )


def _loss(guard: Guard, metrics: Sequence[StepMetrics]) -> TrainingCause:
    stopped = guard.stopped
    worse = [signal.signal for signal in stopped.signals if signal.signal in LOOKS_WORSE] if stopped else []
    first, last = _losses(guard.policy, metrics)
    background = _peak(metrics, "target_white", statistics.fmean)
    suspected = bool(worse) and last < first
    return TrainingCause(
        cause="loss",
        suspected=suspected,
        fields=("loss",) if suspected else (),
        evidence={
            "loss_at_first": finite(first),
            "loss_at_last": finite(last),
            "white_share_of_targets": finite(background),
        },
        says=f"the loss went from {first:.4g} to {last:.4g}"
        + (f" while {', '.join(worse)} got worse: it rewards what looks worse" if suspected else "")
        + f"; {background:.0%} of the pixels it counts show the background in the targets",
    )


def _losses(policy: WatchPolicy, metrics: Sequence[StepMetrics]) -> tuple[float, float]:
    """Median loss of the first and of the last steps; infinite where it is not finite."""
    losses = [row["loss"] if math.isfinite(row["loss"]) else math.inf for row in metrics]
    return statistics.median(losses[: policy.least]), statistics.median(losses[-policy.least :])


def _peak(metrics: Sequence[StepMetrics], name: str, summary: Callable[[list[float]], float]) -> float:
    values = [float(row[name]) for row in metrics if math.isfinite(row[name])]
    return summary(values) if values else math.nan
