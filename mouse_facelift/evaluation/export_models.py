"""Rule `export_models`: predicted Gaussians without floaters, as .ply and .spz."""

import logging
import os
from pathlib import Path

from tqdm import tqdm

from mouse_facelift.evaluation.rendered_turns import Predictions
from mouse_facelift.formats.models import ModelRow, ModelTable
from mouse_facelift.formats.ply import read_ply
from mouse_facelift.formats.predictions import PredictionRow
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import load_sample
from mouse_facelift.formats.whole import whole_folder
from mouse_facelift.settings import Exports
from mouse_facelift.viewing.cleaned_files import write_cleaned

logger = logging.getLogger(__name__)

FILES = "gaussians"  # folder beside the table


def export_models(predictions: Path, models: Path, exports: Exports) -> None:
    """Clean up every model of a prediction table, by the views that went into it, blur it, write it in both formats.

    Beside the table `models`, written last, stands the folder `gaussians/`.

    Raises:
        FileNotFoundError: a table, a model or a sample is absent.
        ValueError: a file is not what it should be, or the table has no model (`evaluation.models` is 0).
    """
    found = Predictions.read(predictions)
    chosen = rows_with_models(found)
    models.unlink(missing_ok=True)
    rows = []
    with whole_folder(models.parent / FILES) as folder:
        for row, model in tqdm(chosen, desc=found.table.experiment, unit="model", disable=None):
            rows.append(_export(found, row, model, folder, exports))
    ModelTable(
        experiment=found.table.experiment,
        predictions=os.path.relpath(predictions, models.parent),
        origins=found.table.origins,
        opacity=exports.clean_up.opacity,
        hull_margin=exports.clean_up.hull_margin,
        pixel_blur=exports.pixel_blur,
        rows=tuple(rows),
    ).write(models)
    predicted, kept = sum(row.predicted for row in rows), sum(row.kept for row in rows)
    logger.info("%s: %d models, %d of %d Gaussians kept", found.table.experiment, len(rows), kept, predicted)


def rows_with_models(found: Predictions) -> list[tuple[PredictionRow, Path]]:
    """Rows of a prediction table whose Gaussians were written, and where.

    Raises:
        FileNotFoundError: a model is absent.
        ValueError: no model was written.
    """
    rows = [(row, found.model_of(row)) for row in found.table.rows if row.model is not None]
    if not rows:
        raise ValueError(f"{found.path}: rows[].model: none; evaluation.models says of how many samples they are kept")
    return rows


def _export(found: Predictions, row: PredictionRow, model: Path, folder: Path, exports: Exports) -> ModelRow:
    gaussians = read_ply(model)
    sample, views = load_sample(found.samples_path, found.sample_row(row.sample)), list(row.inputs)
    inputs = Sample(sample.name, sample.cameras[views], sample.images[views])
    ply, spz = (folder / f"{row.sample}.{suffix}" for suffix in ("ply", "spz"))
    cleaned = write_cleaned(ply, spz, gaussians, inputs, exports, found.table.origins)
    return ModelRow(
        sample=row.sample,
        turn=row.turn,
        inputs=row.inputs,
        ply=f"{FILES}/{row.sample}.ply",
        spz=f"{FILES}/{row.sample}.spz",
        predicted=len(gaussians),
        faint=cleaned.faint,
        outside=cleaned.outside,
        kept=len(cleaned.gaussians),
    )
