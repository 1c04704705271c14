"""The sheet shows what it says: right pictures, enlarged without smoothing, another held-out view a sample."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ball_scene import SIZE, copies, darker_held_out_views, write_predictions, write_table

from mouse_facelift.evaluation.contact_sheet import chosen_turns, draw_contact_sheet, shown_views
from mouse_facelift.evaluation.page import Page
from mouse_facelift.formats.predictions import PredictionRow, PredictionTable
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.imaging.pictures import read_rgba
from mouse_facelift.settings import Evaluated


def row(sample: str, turn: int, inputs: tuple[int, ...]) -> PredictionRow:
    return PredictionRow(sample=sample, turn=turn, inputs=inputs, renderings="a.npz", model=None)


def holds(sheet: np.ndarray, picture: np.ndarray) -> bool:
    """Tell whether a picture stands somewhere on a sheet, pixel for pixel but for the frame's."""
    inner = picture[2:-2, 2:-2]
    height, width = inner.shape[:2]
    sums = np.pad(sheet.sum(-1, dtype=np.int64), ((0, 0), (1, 0))).cumsum(axis=1)
    middle = height // 2  # a row that is not white
    spans = (sums[:, width:] - sums[:, :-width])[middle : middle - height + 1]
    candidates = np.nonzero(spans == inner[middle].sum())
    return any(np.array_equal(sheet[y : y + height, x : x + width], inner) for y, x in zip(*candidates, strict=True))


def test_from_sample_to_sample_another_turn() -> None:
    rows = [row(f"s{sample}", turn, ()) for sample in range(9) for turn in range(6)]
    assert [(found.sample, found.turn) for found in chosen_turns(rows, 3)] == [("s1", 1), ("s4", 3), ("s7", 5)]
    assert [found.sample for found in chosen_turns(rows[:12], 3)] == ["s0", "s1"]


def test_one_held_out_view_and_two_inputs_are_shown() -> None:
    assert shown_views(row("s", 0, (1, 2, 3, 4, 5)), 6) == [0, 2, 4]
    assert shown_views(row("s", 0, (0, 1, 2, 3, 4, 5)), 6) == [1, 3, 5]
    assert shown_views(row("s", 0, (2,)), 6) == [0, 2]


def test_targets_and_renderings_stand_on_the_sheet(
    predictions: Path, balls: list[Sample], evaluation: Evaluated
) -> None:
    path = predictions.with_name("sheet.png")
    draw_contact_sheet(predictions, path, evaluation)
    assert b"Source\0checkpoints/ball.safetensors sha256 000" in path.read_bytes()
    sheet = read_rgba(path)[..., :3]
    shown = chosen_turns(PredictionTable.read(predictions).rows, 2)
    for number, turn in enumerate(shown):
        for view in shown_views(turn, 6):
            renderings = darker_held_out_views(balls[number], turn.inputs).rgb.half().float()
            for colors in (balls[number].over_white()[view], renderings[view]):
                pixels = (colors.permute(1, 2, 0).numpy() * 255).astype(np.uint8)  # as matplotlib rounds
                assert holds(sheet, pixels.repeat(4, 0).repeat(4, 1))


def test_a_table_without_held_out_views_and_one_without_an_animal(
    tmp_path: Path, balls: list[Sample], evaluation: Evaluated
) -> None:
    images = balls[0].images.clone()
    images[:4] = 0
    sample = Sample("walk_000", balls[0].cameras, images)
    write_table(tmp_path, [sample], violations=("focal: view 0",))
    white = copies(torch.ones(6, 3, SIZE, SIZE), torch.zeros(6, SIZE, SIZE))
    predictions = write_predictions(tmp_path / "a" / "predictions.json", [sample], 6, white)
    draw_contact_sheet(predictions, tmp_path / "sheet.png", evaluation)
    assert read_rgba(tmp_path / "sheet.png").shape[1] > 4 * 192


def test_a_missing_rendering_is_named(predictions: Path, evaluation: Evaluated) -> None:
    (predictions.parent / "renderings" / "walk_000_1.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"sample walk_000, turn 1: there is no .*walk_000_1\.npz"):
        draw_contact_sheet(predictions, predictions.with_name("sheet.png"), evaluation)
    assert not predictions.with_name("sheet.png").exists()


def test_words_are_cut_to_their_width(tmp_path: Path) -> None:
    page = Page(300, 40)
    page.write("a name of a camera that somebody made far too long for its picture", 10, 10, size=9, width=120)
    page.save(tmp_path / "page.png", "none")
    inked = np.nonzero((read_rgba(tmp_path / "page.png")[..., :3] < 250).any(axis=(0, 2)))[0]
    assert 60 < inked.max() <= 131
