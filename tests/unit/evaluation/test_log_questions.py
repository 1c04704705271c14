"""What is said of the log follows from numbers: where they turn, the verdict turns."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from log_rows import log_row, log_rows

from mouse_facelift.evaluation.log_experiments.judging import Statement, answer_question
from mouse_facelift.evaluation.log_experiments.questions import QUESTIONS
from mouse_facelift.evaluation.log_experiments.rows import Answer, Gradient, LogRow

BY_KEY = {question.key: question for question in QUESTIONS}


def judged(key: str, rows: Mapping[str, LogRow]) -> Statement:
    return answer_question(BY_KEY[key], rows)


def white(name: str) -> LogRow:
    return log_row(name, first=8.0, end=8.0, covered=(0.02, 0.1))


def smeared(name: str) -> LogRow:
    """At first; then white. The whole picture gains what the animal loses."""
    row = log_row(name, first=10.0, end=8.0, covered=(5.0, 0.02))
    begins, ends = row.looks
    return replace(row, looks=(replace(begins, psnr=14.0), replace(ends, psnr=15.0)))


def fading(name: str) -> LogRow:
    return log_row(name, end=9.0, covered=(1.0, 0.2))


def at(name: str, end: float, first: float = 14.0) -> dict[str, LogRow]:
    return {name: log_row(name, first=first, end=end)}


def norms(name: str, jump: float, *breaks: str) -> dict[str, LogRow]:
    return {name: replace(log_row(name), gradient=Gradient(jump, 17, 1.0, jump, 17, 0), breaks=breaks)}


def many(make: Callable[[str], LogRow], *names: str) -> dict[str, LogRow]:
    return {name: make(name) for name in names}


WRONG = ("real_camera", "real_camera_scaled", "real_camera_centered")
LENS = at("real_camera_centered", 16.0, first=11.0)
CASES = [
    ("white_at_once", many(white, "real_camera"), "holds"),
    ("white_at_once", many(smeared, "real_camera"), "partly"),
    ("white_at_once", {}, "does not hold"),
    ("the_lens", LENS, "holds"),
    ("the_lens", LENS | many(white, "unit_millimeters"), "partly"),
    ("the_lens", many(white, "unit_millimeters"), "does not hold"),
    ("the_unit", many(white, "unit_millimeters"), "holds"),
    ("the_unit", at("unit_millimeters", 16.0, first=13.0), "partly"),
    ("the_unit", {}, "does not hold"),
    ("scaled_alone", many(white, "real_camera_scaled", "real_camera_centered"), "holds"),
    ("scaled_alone", many(white, "real_camera_scaled"), "partly"),
    ("scaled_alone", many(white, "real_camera_scaled") | LENS, "partly"),
    ("scaled_alone", {}, "does not hold"),
    ("one_center", {}, "holds"),
    ("one_center", at("center_session", 16.0, first=12.0), "partly"),
    ("one_center", at("center_session", 15.0), "does not hold"),
    ("fit_the_data", many(white, *WRONG), "holds"),
    ("fit_the_data", at(WRONG[0], 15.0) | at(WRONG[1], 15.0) | at(WRONG[2], 15.0), "partly"),
    ("fit_the_data", {}, "does not hold"),
    ("frozen_fades", many(fading, "freeze_all_broken"), "holds"),
    ("frozen_fades", many(smeared, "freeze_all_broken"), "partly"),
    ("frozen_fades", {}, "does not hold"),
    ("fourteen", many(smeared, "freeze_all_broken"), "does not hold"),
    (
        "fourteen",
        {"freeze_all_broken": replace(log_row("freeze_all_broken"), white_picture=Answer(20.0, 8.0, 0.0))},
        "partly",
    ),
    ("fourteen", {}, "holds"),
    ("tells_progress", many(smeared, "real_camera"), "does not hold"),
    ("tells_progress", many(fading, "real_camera"), "holds"),
    ("tells_progress", {}, "holds"),
    ("freezing", many(fading, "freeze_all"), "holds"),
    ("freezing", at("freeze_all", 14.0), "partly"),
    ("freezing", {}, "does not hold"),
    ("freezing", many(fading, "freeze_all_broken", "real_camera"), "does not hold"),
    ("rate", many(fading, "freeze_all"), "holds"),
    ("rate", many(fading, "freeze_all_broken"), "partly"),
    ("rate", many(fading, "freeze_all_broken", "freeze_all_broken_slow"), "does not hold"),
    ("data", many(fading, "freeze_all_broken", "freeze_all_relabeled"), "holds"),
    ("data", many(fading, "freeze_all_broken"), "partly"),
    ("data", {}, "does not hold"),
    ("data", many(fading, "freeze_all", "freeze_all_broken", "freeze_all_relabeled"), "does not hold"),
    ("explosion", norms("full_1e4", 2808.0), "holds"),
    ("explosion", norms("real_camera", 2808.0, "focal"), "partly"),
    ("explosion", {}, "does not hold"),
    ("fragile", many(fading, "full_1e4", "full_2e5", "full_5e6"), "holds"),
    ("fragile", many(fading, "full_1e4"), "partly"),
    ("fragile", {}, "does not hold"),
    ("stars", at("lora", 13.0), "holds"),
    ("stars", at("lora", 14.2), "partly"),
    ("stars", {}, "does not hold"),
    ("order", {}, "holds"),
    ("order", at("rig_order", 15.8), "does not hold"),
    (
        "more_views",
        at("inputs_1", 12.0) | at("inputs_2", 13.0) | at("inputs_3", 14.0) | at("inputs_4", 15.0),
        "holds",
    ),
    ("more_views", at("inputs_1", 12.0) | at("inputs_2", 17.0), "partly"),
    ("more_views", {}, "does not hold"),
    ("masked", at("masked_loss", 17.0), "holds"),
    (
        "masked",
        {"masked_loss": replace(log_row("masked_loss", end=17.0), held_out=Answer(12.0, 17.0, 0.2))},
        "partly",
    ),
    ("masked", {}, "does not hold"),
]


@pytest.mark.parametrize(
    ("key", "changed", "verdict"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_verdict_follows_the_numbers(key: str, changed: dict[str, LogRow], verdict: str) -> None:
    statement = judged(key, log_rows(**changed))
    assert statement.verdict == verdict, statement.found
    assert any(character.isdigit() for character in statement.found)
    assert "nan" not in statement.found and "None" not in statement.found


def test_every_statement_has_cases_of_several_verdicts() -> None:
    assert {key for key, _, _ in CASES} == set(BY_KEY)
    for key in BY_KEY:
        assert len({verdict for other, _, verdict in CASES if other == key}) >= 2


@pytest.mark.parametrize("key", [key for key, question in BY_KEY.items() if question.rows])
def test_a_row_that_is_left_out_is_named(key: str) -> None:
    rows = log_rows()
    left_out = BY_KEY[key].rows[-1]
    del rows[left_out]
    statement = judged(key, rows)
    assert statement.verdict == "not measured"
    assert left_out in statement.found


def test_no_rows_at_all_are_no_reason_to_fail() -> None:
    for key in BY_KEY:
        assert judged(key, {}).verdict == "not measured"


def test_numbers_that_are_missing_are_no_verdict() -> None:
    blind = replace(log_row("full_1e4"), held_out=Answer(None, None, None))
    assert judged("order", log_rows(full_1e4=blind)).verdict == "not measured"
    assert "full_1e4" in judged("order", log_rows(full_1e4=blind)).found
    stopped = replace(log_row("real_camera"), looks=())
    assert judged("white_at_once", log_rows(real_camera=stopped)).verdict == "not measured"


def test_a_training_without_a_finite_norm_does_not_hide_the_others() -> None:
    lost = replace(log_row("full_2e5"), gradient=Gradient(math.nan, 0, math.nan, 0.0, 0, 91))
    assert judged("explosion", log_rows(full_2e5=lost, **norms("full_1e4", 2808.0))).verdict == "holds"
