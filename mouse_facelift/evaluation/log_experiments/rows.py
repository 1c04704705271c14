"""One row of the research log's experiments: its settings, what was measured on the way, and where it ended."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pandas as pd

from mouse_facelift.evaluation.baselines import VISUAL_HULL, WHITE_PICTURE
from mouse_facelift.evaluation.columns import TASK
from mouse_facelift.evaluation.score_tables import read_scores
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.settings import Experiment, FinetunePlan, LogExperiments, name_in_log

LABELS = dict.fromkeys(LogExperiments.model_fields, "") | {
    "real_camera": "A",
    "real_camera_scaled": "A'",
    "real_camera_centered": "A''",
    "freeze_all": "B",
    "freeze_all_slow": "B",
    "freeze_all_broken": "B",
    "freeze_all_broken_slow": "B",
    "freeze_all_relabeled": "B",
}
"""what the log calls an experiment; nothing, if it had none like it"""
STEP_COLUMNS = ("step", "loss", "psnr", "grad_norm", "updated")
LOOK_COLUMNS = ("held_out_psnr", "held_out_psnr_animal", "held_out_white", "held_out_target_white")

WINDOW, LEAST = 25, 10  # steps before one that say what norm is usual, and how few of them do; as the guard has them
LEAST_COVERED = 1e-6  # of a picture


@dataclass(frozen=True)
class Look:
    """What was measured after a step. PSNR in dB; shares of pixels whose three colors are near white."""

    step: int
    batch_psnr: float
    """of the training batch, background included: the log's number"""
    psnr: float | None
    """of held-out views, background included; None where all views go in"""
    animal: float | None
    """of the animal alone"""
    white: float
    target_white: float

    @property
    def covered(self) -> float:
        """How much the renderings cover, times what the targets do: 0 is all white, 1 is right, more is smeared."""
        return (1 - self.white) / max(1 - self.target_white, LEAST_COVERED)


@dataclass(frozen=True)
class Gradient:
    """Norms of all steps before clipping; infinite ones aside."""

    peak: float
    peak_step: int
    median: float
    jump: float
    """most that a norm was times what is usual: the median of steps just before; 0 where too few were"""
    jump_step: int
    not_finite: int
    """steps whose loss or gradient was not finite"""


@dataclass(frozen=True)
class Answer:
    """Mean scores of the views of the evaluated samples, over all turns; None over no views."""

    psnr: float | None
    animal: float | None
    iou: float | None


@dataclass(frozen=True)
class LogRow:
    name: str
    """its key in the configuration"""
    normalization: str
    method: str
    learning_rate: float | None
    """None where nothing learns"""
    input_views: int
    looks: tuple[Look, ...]
    """none where nothing learns"""
    gradient: Gradient | None
    held_out: Answer
    """at the end, of views that did not go in"""
    inputs: Answer
    """of those that did"""
    white_picture: Answer
    """of a white picture, on the same held-out views"""
    visual_hull: Answer
    strays: float
    """world units: how far from the origin the animal's center comes in any sample"""
    breaks: tuple[str, ...]
    """fields of the camera contract that the samples break"""
    status: str

    @property
    def label(self) -> str:
        return LABELS[self.name]


def read_rows(
    experiments: LogExperiments, tables: Sequence[Path], metrics: Mapping[str, Path], scores: Sequence[Path]
) -> dict[str, LogRow]:
    """Gather what the files say of each row, by its key, in the configuration's order.

    Args:
        experiments: of the configuration.
        tables: of the samples of all rows.
        metrics: of each training, by the experiment's name.
        scores: of all rows, and of the trivial answers beside them.

    Raises:
        FileNotFoundError: a file is absent.
        ValueError: a file is not such a table, or scores of an experiment or of a trivial answer are missing.
    """
    joined = pd.concat([read_scores(path) for path in scores], ignore_index=True)
    samples = {(table.dataset, table.normalization): table for table in map(SampleTable.read, tables)}
    return {
        name_in_log(name): _read_row(
            name,
            row,
            samples[row.dataset, row.normalization],
            metrics[name] if name in experiments.trained else None,
            joined,
        )
        for name, row in experiments.rows.items()
    }


def read_steps(path: Path) -> pd.DataFrame:
    """Read the metrics of a training: a row a step.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing.
    """
    steps = pd.read_csv(path)
    if missing := [name for name in (*STEP_COLUMNS, *LOOK_COLUMNS) if name not in steps.columns]:
        raise ValueError(f"{path}: not the metrics of a measured training: no columns {missing}")
    return steps


def _read_row(name: str, row: Experiment, samples: SampleTable, metrics: Path | None, scores: pd.DataFrame) -> LogRow:
    own = scores[scores["experiment"] == name]
    if own.empty:
        raise ValueError(f"no scores of {name}; found {sorted(set(scores['experiment']))}")
    task = own[TASK].iloc[0]
    beside = scores[(scores[TASK] == task).all(axis=1)]
    steps = None if metrics is None else read_steps(metrics)
    all_go_in = not (own["role"] == "held_out").any()
    return LogRow(
        name=name_in_log(name),
        normalization=row.normalization,
        method=row.finetune.method,
        learning_rate=row.finetune.learning_rate if isinstance(row.finetune, FinetunePlan) else None,
        input_views=row.views.most,
        looks=() if steps is None else _looks(steps, all_go_in),
        gradient=None if steps is None else _gradient(steps),
        held_out=_answer(own, "held_out"),
        inputs=_answer(own, "input"),
        white_picture=_answer(beside[beside["experiment"] == WHITE_PICTURE], "held_out"),
        visual_hull=_answer(beside[beside["experiment"] == VISUAL_HULL], "held_out"),
        strays=max(math.hypot(*sample.subject_center) for sample in samples.samples),
        breaks=tuple(dict.fromkeys(line.partition(":")[0] for line in samples.violations)),
        status="; ".join(own["status"].unique()),
    )


def _looks(steps: pd.DataFrame, all_go_in: bool) -> tuple[Look, ...]:
    measured = steps[steps["held_out_white"].notna()]
    return tuple(
        Look(
            step=int(row["step"]),
            batch_psnr=float(row["psnr"]),
            psnr=None if all_go_in else float(row["held_out_psnr"]),
            animal=None if all_go_in else float(row["held_out_psnr_animal"]),
            white=float(row["held_out_white"]),
            target_white=float(row["held_out_target_white"]),
        )
        for _, row in measured.iterrows()
    )


def _gradient(steps: pd.DataFrame) -> Gradient:
    norms = dict(zip(steps["step"].astype(int), steps["grad_norm"].astype(float), strict=True))
    finite = {step: norm for step, norm in norms.items() if math.isfinite(norm)}
    if not finite:
        return Gradient(math.nan, 0, math.nan, 0.0, 0, len(norms))
    peak_step = max(finite, key=finite.__getitem__)
    values = list(finite.values())
    jumps = {
        step: norm / median(values[max(place - WINDOW, 0) : place])
        for place, (step, norm) in enumerate(finite.items())
        if place >= LEAST
    }
    jump_step = max(jumps, key=jumps.__getitem__, default=0)
    return Gradient(
        peak=finite[peak_step],
        peak_step=peak_step,
        median=median(values),
        jump=jumps[jump_step] if jumps else 0.0,
        jump_step=jump_step,
        not_finite=len(norms) - len(finite),
    )


def _answer(scores: pd.DataFrame, role: str) -> Answer:
    views = scores[scores["role"] == role]

    def mean(metric: str) -> float | None:
        found = float(views[metric].mean())
        return found if math.isfinite(found) else None

    return Answer(psnr=mean("psnr"), animal=mean("psnr_foreground"), iou=mean("iou"))
