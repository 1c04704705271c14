"""Models of predictions: which there are, and what is said where there are none."""

from pathlib import Path

import pytest
import torch
from ball_scene import ORIGIN, RADIUS

from mouse_facelift.evaluation.export_models import export_models
from mouse_facelift.formats.models import ModelTable
from mouse_facelift.formats.ply import read_ply, write_ply
from mouse_facelift.formats.predictions import PredictionTable
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.settings import CleanUp, Exports, Turntable

EXPORTS = Exports(
    clean_up=CleanUp(opacity=0.1, hull_margin=0.1),
    pixel_blur=0.0,
    turntable=Turntable(image_size=32, frames=2, rate=1, elevation=0.0),
    page_megabytes=1.0,
)


def with_model(predictions: Path) -> None:
    """Give the first row a model: two Gaussians in the ball, one of them faint, and one far beside it."""
    scene = Gaussians(
        means=torch.tensor([[0.0, 0.0, 0.5 * RADIUS], [0.0, 0.0, 0.0], [0.0, 0.0, 2 * RADIUS]]),
        log_scales=torch.full((3, 3), -3.0),
        quats=torch.tensor([[1.0, 0.0, 0.0, 0.0]]).expand(3, 4),
        opacity_logits=torch.tensor([2.0, -5.0, 2.0]),
        sh=torch.zeros(3, 1, 3),
    )
    write_ply(predictions.parent / "models/a.ply", scene)
    table = PredictionTable.read(predictions)
    first = table.rows[0].model_copy(update={"model": "models/a.ply"})
    table.model_copy(update={"rows": (first, *table.rows[1:])}).write(predictions)


def test_what_is_no_part_of_the_animal_is_left_out_and_counted(predictions: Path) -> None:
    with_model(predictions)
    models = predictions.parent.parent / "models" / "models.json"
    export_models(predictions, models, EXPORTS)
    table = ModelTable.read(models)
    (row,) = table.rows
    assert table.origins == (ORIGIN,)
    assert f"\ncomment weights sha256 {'0' * 64} license CC-BY-4.0\n".encode() in (models.parent / row.ply).read_bytes()
    assert (row.predicted, row.faint, row.outside, row.kept) == (3, 1, 1, 1)
    torch.testing.assert_close(read_ply(models.parent / row.ply).means, torch.tensor([[0.0, 0.0, 0.5 * RADIUS]]))


def test_without_models_it_says_which_setting_keeps_them(predictions: Path) -> None:
    with pytest.raises(ValueError, match=r"evaluation\.models says of how many samples they are kept"):
        export_models(predictions, predictions.with_name("models.json"), EXPORTS)


def test_a_missing_model_is_named(predictions: Path) -> None:
    with_model(predictions)
    (predictions.parent / "models/a.ply").unlink()
    with pytest.raises(FileNotFoundError, match=r"turn 0: there is no .*a\.ply"):
        export_models(predictions, predictions.with_name("models.json"), EXPORTS)
