"""Rule `build_viewer`: a page on which an experiment's Gaussians are played in time, among the capture's cameras."""

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from mouse_facelift.evaluation.rendered_turns import Predictions
from mouse_facelift.evaluation.score_tables import read_scores
from mouse_facelift.formats.models import ModelRow, ModelTable
from mouse_facelift.formats.predictions import Role
from mouse_facelift.formats.sample_table import SampleRow, load_cameras, load_sample
from mouse_facelift.imaging.pictures import encode_rgba
from mouse_facelift.settings import CameraContract, Exports
from mouse_facelift.viewing.orbit import contract_orbit, orbit_of
from mouse_facelift.viewing.scene import Picture, Scene, SceneCamera, SceneFrame, SceneTable, count_table, weights_table
from mouse_facelift.viewing.scene_page import write_scene_page

logger = logging.getLogger(__name__)

NUMBERS = {
    "psnr_foreground": "PSNR of the animal {:.1f} dB",
    "psnr": "of the picture {:.1f} dB",
    "ssim": "SSIM {:.3f}",
    "iou": "IoU {:.3f}",
}
"""columns of the score tables, as a sentence tells them"""
DIGITS = {"psnr_foreground": 1, "psnr": 1, "ssim": 3, "iou": 3}
HEAD = ("", "animal", "picture", "SSIM", "IoU")
ROLES: dict[Role, str] = {"held_out": "were held out", "input": "went in"}
ScoreOf = Mapping[tuple[str, int, str], Mapping[str, float]]
"""by sample, turn and view"""


def build_viewer(
    models: Path, scores: list[Path], turntable: Path, viewer: Path, contract: CameraContract, exports: Exports
) -> None:
    """Write the page of an experiment.

    Args:
        models: the table of its cleaned Gaussians.
        scores: its score table first, then those of answers without a network.
        turntable: a GIF, for browsers that draw no Gaussians.
        viewer: the page.
        contract: at whose distance the view begins.
        exports: how large the page may be.

    Raises:
        FileNotFoundError: a table, a model or a sample is absent.
        ValueError: a file is not what it should be, or the page would be too large.
    """
    table = ModelTable.read(models)
    found = Predictions.read(models.parent / table.predictions)
    poster = Picture(turntable.read_bytes(), "image/gif")
    scene = describe_experiment(found, table, models.parent, [read_scores(path) for path in scores], contract, poster)
    write_scene_page(viewer, scene, exports.page_megabytes)
    logger.info("%s: %d frames, %.1f MB", viewer, len(scene.frames), viewer.stat().st_size / 1e6)


def describe_experiment(
    found: Predictions,
    models: ModelTable,
    home: Path,
    scores: Sequence[pd.DataFrame],
    contract: CameraContract | None,
    poster: Picture | None,
) -> Scene:
    """Gather what a page shows of an experiment.

    Args:
        found: its predictions.
        models: the Gaussians.
        home: folder of their table.
        scores: of the experiment, then of others beside it; none: no numbers are shown.
        contract: None: the view begins where the cameras of the first sample say.
        poster: for browsers that draw no Gaussians.
    """
    samples = [found.sample_row(row.sample) for row in models.rows]
    score_of = _scores_by_view(scores[0]) if scores else {}
    frames = tuple(
        _describe_frame(found, row, sample, home, score_of) for row, sample in zip(models.rows, samples, strict=True)
    )
    honest = contract is not None and not found.samples.violations
    orbit = contract_orbit(contract) if honest and contract else orbit_of(load_cameras(found.samples_path, samples[0]))
    x, y, z = orbit.center.tolist()
    table = found.table
    words = f"dataset {table.dataset}, normalization {table.normalization}, {table.input_views} input views"
    return Scene(
        title=table.experiment,
        subtitle=words if found.status == "complete" else f"{words}; {found.status}",
        center=(x, y, z),
        distance=orbit.distance,
        radius=max(sample.subject_radius for sample in samples),
        frames=frames,
        tables=(*_score_tables(scores), count_table(models.rows), *_weights(models)),
        poster=poster,
    )


def _weights(models: ModelTable) -> list[SceneTable]:
    return [weights_table(models.origins)] if models.origins else []


def _describe_frame(found: Predictions, row: ModelRow, sample: SampleRow, home: Path, score_of: ScoreOf) -> SceneFrame:
    posed = load_sample(found.samples_path, sample)
    cameras = []
    for view, name in enumerate(sample.view_names):
        role: Role = "input" if view in row.inputs else "held_out"
        cameras.append(
            SceneCamera(
                name=name,
                role=role,
                words=", ".join(_words(score_of, row, name)),
                camera_to_world=posed.cameras.camera_to_world[view],
                fxfycxcy=posed.cameras.fxfycxcy[view],
                width=posed.cameras.width,
                height=posed.cameras.height,
                picture=Picture(encode_rgba(posed.images[view].numpy()), "image/png"),
            )
        )
    return SceneFrame(
        sequence=sample.capture,
        label=f"frame {sample.frame}",
        gaussians=row.kept,
        spz=(home / row.spz).read_bytes(),
        cameras=tuple(cameras),
    )


def _words(score_of: ScoreOf, row: ModelRow, view: str) -> list[str]:
    """What was measured of the prediction, before the clean-up, in this view."""
    if (row.sample, row.turn, view) not in score_of:
        return []
    scores = score_of[row.sample, row.turn, view]
    return [words.format(scores[column]) for column, words in NUMBERS.items() if not math.isnan(scores[column])]


def _scores_by_view(scores: pd.DataFrame) -> ScoreOf:
    rows = scores[["sample", "turn", "view", *NUMBERS]].to_dict("records")
    return {
        (str(row["sample"]), int(row["turn"]), str(row["view"])): {key: float(row[key]) for key in NUMBERS}
        for row in rows
    }


def _score_tables(scores: Sequence[pd.DataFrame]) -> list[SceneTable]:
    """Means over all views of a role: the experiment, then what stands beside it."""
    tables = []
    for role, words in ROLES.items():
        means = {
            str(table["experiment"].iloc[0]): table.loc[table["role"] == role, list(NUMBERS)].mean() for table in scores
        }
        rows = [
            (name, *(_number(float(mean[column]), column) for column in NUMBERS))
            for name, mean in means.items()
            if mean.notna().any()
        ]
        if rows:
            tables.append(SceneTable(f"Views that {words}: PSNR (dB), SSIM, IoU", HEAD, tuple(rows)))
    return tables


def _number(value: float, column: str) -> str:
    return "none" if math.isnan(value) else f"{value:.{DIGITS[column]}f}"
