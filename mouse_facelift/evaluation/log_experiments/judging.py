"""How a statement of the log is held against numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mouse_facelift.evaluation.log_experiments.rows import LogRow, Look

Verdict = Literal["holds", "partly", "does not hold", "not measured"]
Rows = Mapping[str, LogRow]

WHITE, FAINT, SMEARED = 0.4, 0.8, 2.0  # times what should be covered: up to it, up to it, and from it on
SAME = 0.5  # dB; a smaller difference is none

RULE = (
    f"Pictures are called white when they cover up to {WHITE} times what they should, faint up to {FAINT}, smeared from"
    f" {SMEARED:g} on, and else a shape. Differences below {SAME} dB count as none."
)


class NotMeasuredError(ValueError):
    """A number that a statement needs is not there."""


@dataclass(frozen=True)
class Judgment:
    verdict: Verdict
    found: str
    """the numbers, in a sentence or two"""


@dataclass(frozen=True)
class Question:
    """A statement, the rows that can tell, and how they do."""

    key: str
    said: str
    """the log's words, in short"""
    rule: str
    """how the verdict follows from the numbers"""
    rows: tuple[str, ...]
    judge: Callable[[Rows], Judgment]
    """raises NotMeasuredError"""


@dataclass(frozen=True)
class Statement:
    key: str
    said: str
    rule: str
    rows: tuple[str, ...]
    verdict: Verdict
    found: str


def answer_question(question: Question, rows: Rows) -> Statement:
    """Judge by the numbers; where some are not there, say which."""
    missing = [name for name in question.rows if name not in rows]
    try:
        if missing:
            raise NotMeasuredError(f"Left out of the configuration: {', '.join(missing)}.")
        judged = question.judge(rows)
    except NotMeasuredError as error:
        judged = Judgment("not measured", str(error))
    return Statement(question.key, question.said, question.rule, question.rows, judged.verdict, judged.found)


def first(row: LogRow) -> Look:
    """What was measured of a row at its first step that was looked at, nearly as pretrained."""
    return looks(row)[0]


def last(row: LogRow) -> Look:
    return looks(row)[-1]


def looks(row: LogRow) -> Sequence[Look]:
    """All looks at a row, one at least."""
    if not row.looks:
        raise NotMeasuredError(f"Nothing was measured in the training of {row.name}.")
    return row.looks


def animal(row: LogRow) -> float:
    """PSNR of the animal in held-out views at the end, dB."""
    return known(row.held_out.animal, row)


def gain(row: LogRow) -> float:
    """By how much that is above a white picture of the same views: comparable where pictures show it differently."""
    return animal(row) - known(row.white_picture.animal, row)


def first_gain(row: LogRow) -> float:
    """The same at the first step that was looked at."""
    return known(first(row).animal, row) - known(row.white_picture.animal, row)


def known(value: float | None, row: LogRow) -> float:
    if value is None:
        raise NotMeasuredError(f"{row.name} has no held-out views that show the animal.")
    return value


def state(look: Look) -> Literal["white", "faint", "smeared", "a shape"]:
    if look.covered >= SMEARED:
        return "smeared"
    if look.covered > FAINT:
        return "a shape"
    return "white" if look.covered <= WHITE else "faint"


def shows_shape(look: Look) -> bool:
    return state(look) == "a shape"


def seen(look: Look) -> str:
    """What a look shows, with its number."""
    return f"{state(look)} ({look.covered:.2g} of the area)"


def db(value: float) -> str:
    return f"{value:.1f} dB"


def over(value: float) -> str:
    """A difference in dB."""
    return f"{value:+.1f} dB"
