"""Pages of whatever of the results one points at; what is not there yet is made."""

import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from mouse_facelift.evaluation.build_viewer import describe_experiment
from mouse_facelift.evaluation.export_models import export_models
from mouse_facelift.evaluation.rendered_turns import Predictions
from mouse_facelift.evaluation.score_tables import read_scores
from mouse_facelift.formats.models import ModelTable
from mouse_facelift.formats.ply import read_ply
from mouse_facelift.formats.predictions import PredictionTable
from mouse_facelift.formats.spz import write_spz
from mouse_facelift.settings import CleanUp, Exports, Turntable
from mouse_facelift.viewing.scene import Picture, Scene, SceneFrame
from mouse_facelift.viewing.scene_page import write_scene_page

logger = logging.getLogger(__name__)

PREDICTIONS = "predictions.json"
MOST_MEGABYTES = 300.0
AS_PREDICTED = Exports(
    clean_up=CleanUp(opacity=None, hull_margin=None),
    pixel_blur=0.3,
    turntable=Turntable(image_size=256, frames=36, rate=12, elevation=20.0),
    page_megabytes=MOST_MEGABYTES,
)
FILLED = 0.98  # of the Gaussians of a file lie in the ball that the view begins with
DISTANCE = 4.5  # of that ball's radius


def result_pages(results: Sequence[Path], folder: Path) -> Mapping[str, Path]:
    """Find or make the pages of a result, by name.

    Args:
        results: a results folder, an experiment's predictions, a page, or one or several .ply files.
        folder: for pages that are made, and the models in them.

    Raises:
        FileNotFoundError: a file or folder is absent.
        ValueError: there are no Gaussians in it, or a file is not what it should be.
    """
    for path in results:
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or folder")
    if not results:
        raise ValueError("RESULT: found nothing, expected a folder of results, a page or .ply files")
    if all(path.suffix == ".ply" for path in results):
        page = folder / f"{results[0].stem}.html"
        write_scene_page(page, describe_files(results), MOST_MEGABYTES)
        return {page.stem: page}
    if len(results) > 1:
        raise ValueError(f"{results[0]}: found {len(results)} results; only .ply files are shown several at a time")
    path = results[0]
    if path.suffix == ".html":
        return {path.stem: path}
    predictions = path if path.name == PREDICTIONS else path / PREDICTIONS
    if predictions.is_file():
        return {predictions.parent.name: _page(predictions, folder)}
    return _pages_of_folder(path, folder)


def _pages_of_folder(results: Path, folder: Path) -> Mapping[str, Path]:
    tables = sorted(results.glob(f"predictions/*/{PREDICTIONS}"))
    pages = {page.stem: page for page in results.glob("viewers/*.html")}
    for table in tables:
        name = table.parent.name
        if name in pages and pages[name].stat().st_mtime >= table.stat().st_mtime:
            continue
        if not any(row.model for row in PredictionTable.read(table).rows):
            logger.info("%s: no Gaussians were kept (evaluation.models)", name)
            continue
        pages[name] = _page(table, folder)
    if not pages:
        raise ValueError(
            f"{results}: found no page under viewers/, nor predictions with models; expected a results folder,"
            f" a folder with {PREDICTIONS}, a page (.html) or .ply files"
        )
    return pages


def _page(predictions: Path, folder: Path) -> Path:
    """Make the page of one experiment, from its cleaned models where there are any that are newer."""
    found = Predictions.read(predictions)
    name = predictions.parent.name
    results = predictions.parent.parent.parent
    models = results / "models" / name / "models.json"
    if not models.is_file() or models.stat().st_mtime < predictions.stat().st_mtime:
        models = folder / name / "models.json"
        export_models(predictions, models, AS_PREDICTED)
    scores = results / "scores" / f"{name}.csv"
    turntable = results / "turntables" / name / "sequence.gif"
    scene = describe_experiment(
        found,
        ModelTable.read(models),
        models.parent,
        [read_scores(scores)] if scores.is_file() else [],
        contract=None,
        poster=Picture(turntable.read_bytes(), "image/gif") if turntable.is_file() else None,
    )
    page = folder / f"{name}.html"
    write_scene_page(page, scene, MOST_MEGABYTES)
    return page


def describe_files(paths: Sequence[Path]) -> Scene:
    """Gather what a page shows of .ply files, without cameras: a frame each, in the order given.

    Raises:
        FileNotFoundError: a file is absent.
        ValueError: a file is not one of Gaussians, or none of them holds any.
    """
    frames, means = [], []
    for path in paths:
        gaussians = read_ply(path)
        with tempfile.TemporaryDirectory(prefix="mouse-facelift-") as scratch:
            spz = Path(scratch) / "frame.spz"
            write_spz(spz, gaussians)
            content = spz.read_bytes()
        frames.append(SceneFrame("files", path.stem, len(gaussians), content, ()))
        means.append(gaussians.means)
    points = torch.cat(means)
    if not len(points):
        raise ValueError(f"{', '.join(map(str, paths))}: no Gaussians")
    center = points.median(dim=0).values
    away = torch.linalg.vector_norm(points - center, dim=-1).sort().values
    radius = max(float(away[int(FILLED * (len(away) - 1))]), 1e-3)
    x, y, z = center.tolist()
    return Scene(
        title=paths[0].stem if len(paths) == 1 else f"{paths[0].stem} to {paths[-1].stem}",
        subtitle=f"{len(paths)} file{'s' if len(paths) > 1 else ''}",
        center=(x, y, z),
        distance=DISTANCE * radius,
        radius=radius,
        frames=tuple(frames),
        tables=(),
        poster=None,
    )
