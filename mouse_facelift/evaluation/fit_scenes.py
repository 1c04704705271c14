"""Rule `fit_scenes`: what fitting each scene alone gives, as prediction tables like any experiment's."""

import logging
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from mouse_facelift.evaluation.answer_table import answer_table
from mouse_facelift.evaluation.baselines import hull_of_inputs
from mouse_facelift.evaluation.columns import TASK
from mouse_facelift.evaluation.scene_fitting import Fit, draw_fitted, fit_scene, start_at_hull
from mouse_facelift.formats.predictions import Renderings, chosen_samples, turns
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleRow, SampleTable, load_sample
from mouse_facelift.formats.whole import whole_file
from mouse_facelift.plan import FITTED
from mouse_facelift.rendering.backends import use_threads
from mouse_facelift.rendering.render import Backend
from mouse_facelift.settings import Compute, Evaluated, InputViews, SceneFitting

logger = logging.getLogger(__name__)

EQUAL_TIME, CONVERGED = FITTED
SECONDS_COLUMNS = ["experiment", *TASK, "sample", "turn", "steps", "seconds", "loss"]


def fit_scenes(
    table: Path,
    predictions_equal_time: Path,
    predictions_converged: Path,
    seconds: Path,
    views: InputViews,
    evaluation: Evaluated,
    fitting: SceneFitting,
    compute: Compute,
) -> None:
    """Fit 3D Gaussians to the input views of every turn of the evaluated samples, by `fit_scene`, and draw all views.

    `scene_equal_time` stops after `equal_steps`, `scene_converged` when the loss falls no more. Where the hull in which
    the Gaussians begin is empty, the answer is white; the tables' status counts that. `seconds` is a CSV of
    SECONDS_COLUMNS, a row a turn and answer: what the steps took here (the hull left out), and the last loss.

    Raises:
        FileNotFoundError: the sample table or a sample is absent.
        ValueError: the split is empty, more inputs are asked for than there are views, or a sample changed.
    """
    use_threads(compute.threads)
    samples = SampleTable.read(table)
    chosen = chosen_samples(samples, evaluation.split, evaluation.samples)
    given = turns(samples.view_count, views.most)
    logger.info("%s: %d samples, %d turns of %d input views each", table, len(chosen), len(given), views.most)
    task = {"dataset": samples.dataset, "normalization": samples.normalization, "input_views": views.most}
    times: list[dict[str, object]] = []
    with (
        answer_table(EQUAL_TIME, predictions_equal_time, table, samples, views.most) as equal_time,
        answer_table(CONVERGED, predictions_converged, table, samples, views.most) as converged,
        tqdm(total=len(chosen) * len(given), desc="scenes", unit="turn", disable=None) as progress,
    ):
        for row in chosen:
            sample = load_sample(table, row)
            for turn, inputs in enumerate(given):
                fits = _fit(row, sample, inputs, evaluation, fitting, compute.renderer)
                for answers, fit in zip((equal_time, converged), fits, strict=True):
                    answers.add(row, sample, turn, inputs, _draw(fit, sample, fitting, compute.renderer))
                    if fit is not None:
                        of_turn = {"experiment": answers.name, **task, "sample": row.name, "turn": turn}
                        told = {"steps": fit.steps, "seconds": round(fit.seconds, 3), "loss": fit.losses[-1]}
                        times.append(of_turn | told)
                progress.update()
    spent = pd.DataFrame(times, columns=SECONDS_COLUMNS)
    with whole_file(seconds) as partial:
        spent.to_csv(partial, index=False)
    logger.info("mean of a turn:\n%s", spent.groupby("experiment", sort=False)[["steps", "seconds", "loss"]].mean())


def _fit(
    row: SampleRow,
    sample: Sample,
    inputs: Sequence[int],
    evaluation: Evaluated,
    fitting: SceneFitting,
    backend: Backend,
) -> tuple[Fit, Fit] | tuple[None, None]:
    hull = hull_of_inputs(row, sample, list(inputs), evaluation.mask_threshold, fitting.hull_resolution)
    if hull is None:
        return None, None
    return fit_scene(sample, inputs, start_at_hull(hull, sample, inputs, fitting), fitting, backend)


def _draw(fit: Fit | None, sample: Sample, fitting: SceneFitting, backend: Backend) -> Renderings | None:
    if fit is None:
        return None
    return draw_fitted(fit.gaussians, sample.cameras, fitting, backend)
