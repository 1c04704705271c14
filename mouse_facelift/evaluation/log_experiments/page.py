"""The page: what was said, whether it holds, and all numbers, curves and pictures behind it."""

import html
import math
from collections.abc import Hashable, Mapping, Sequence

import pandas as pd

from mouse_facelift.evaluation.log_experiments.judging import RULE, Statement, Verdict
from mouse_facelift.evaluation.log_experiments.rows import LogRow
from mouse_facelift.pages.page import draw_figure, draw_light, draw_page
from mouse_facelift.pages.table import draw_table

COLORS: Mapping[Verdict, str] = {"holds": "green", "partly": "amber", "does not hold": "red", "not measured": "grey"}
STYLE = """
.grey { background: none; color: var(--faint); border: 1px solid var(--rule); font-weight: 400; }
.statement { border-top: 1px solid var(--rule); padding: 10px 0; } .statement h3 { font-size: 1em; margin: 0 0 4px; }
.statement p { margin: 4px 0; } .statement .rule { color: var(--faint); font-size: 0.9em; }
.sheets { grid-template-columns: repeat(auto-fill, minmax(min(380px, 100%), 1fr)); }
.drawing img { min-width: 1100px; width: 100%; height: auto; background: #ffffff; border-radius: 4px; }
"""
ORDER = (
    "That the order of input views makes no difference, in training and in prediction, is also a test:"
    " tests/unit/gslrm/test_gslrm_shares.py."
)


def draw_log_page(
    rows: Mapping[str, LogRow],
    table: pd.DataFrame,
    statements: Sequence[Statement],
    curves: bytes,
    sheets: Mapping[str, bytes],
) -> str:
    """Write the page as HTML.

    Args:
        rows: by key.
        table: of them, `table.log_table`.
        statements: judged.
        curves: PNG.
        sheets: JPEG of each row's contact sheet, by key.
    """
    counts = {verdict: sum(one.verdict == verdict for one in statements) for verdict in COLORS}
    summary = ", ".join(f"{draw_light(COLORS[verdict], verdict)} {count}" for verdict, count in counts.items() if count)
    sections = [
        f"<p>{html.escape(_what(rows))}</p><p>{summary}</p><p>{html.escape(RULE)}</p>",
        *map(_statement, statements),
        f"<p>{html.escape(ORDER)}</p>",
        _ends(table),
        _ways(table),
        '<h2>Curves</h2><div class="wide drawing">' + draw_figure(curves, "png", "all trainings", CURVES) + "</div>",
        _sheets(rows, sheets),
    ]
    title = "The research log's experiments, measured"
    return draw_page(title, title, sections, STYLE)


CURVES = "One line of panels a question. Norms before clipping. Dashed: zero shot, and as much covered as should be."


def _what(rows: Mapping[str, LogRow]) -> str:
    ends = sorted({look.step for row in rows.values() for look in row.looks})
    steps = f"Trainings took up to {ends[-1]} steps" if ends else "Nothing was trained"
    return (
        f"{len(rows)} rows. {steps} (the log's took 901), one seed each, from the checkpoint that the configuration"
        " names. Views that did not go in are what counts; the log's own numbers, of the training batch with its white"
        " background, stand in the table beside them. What is said here is said of this network, these data and these"
        " step counts."
    )


def _statement(one: Statement) -> str:
    words = html.escape(one.said)
    return (
        f'<div class="statement" id="{one.key}"><h3>{draw_light(COLORS[one.verdict], one.verdict)} {words}</h3>'
        f"<p>{html.escape(one.found)}</p>"
        f'<p class="rule">{html.escape(one.rule)} <code>{html.escape(", ".join(one.rows))}</code></p></div>'
    )


def _ends(table: pd.DataFrame) -> str:
    head = [
        "row", "log", "normalization", "breaks", "learns", "rate", "inputs", "animal / whole", "input views", "IoU",
        "white picture", "hull", "status",
    ]  # fmt: skip
    lines = [
        [
            f"<b>{line['row']}</b>",
            html.escape(line["log"]),
            html.escape(line["normalization"]),
            html.escape(line["breaks"].replace("_", " ")),
            line["method"],
            "" if _missing(line["learning_rate"]) else f"{line['learning_rate']:.0e}",
            str(line["input_views"]),
            _pair(line, "held_out"),
            _pair(line, "input"),
            _several([line["held_out_iou"]], 2),
            _pair(line, "white_picture"),
            _pair(line, "visual_hull"),
            html.escape(line["status"]),
        ]
        for line in table.to_dict("records")
    ]
    said = (
        "PSNR in dB of the animal's pixels alone, and of the whole picture: of views that did not go in, over all turns"
        " of the evaluated samples, and of those that did. Beside them, on the held-out views, a white picture and the"
        " visual hull painted with the inputs' colors. Breaks: fields of the camera contract."
    )
    return f"<h2>Where each row ends</h2><p>{said}</p>" + draw_table(head, lines, "numbers")


def _ways(table: pd.DataFrame) -> str:
    steps = [column.removeprefix("batch_psnr_at_") for column in table.columns if column.startswith("batch_psnr_at_")]
    at = f"at {' / '.join(steps)}"
    head = [
        "row", f"training batch {at}", f"whole {at}", f"animal {at}", "covered", "white, targets'",
        "norm: peak, at, median", "jump, at",
    ]  # fmt: skip
    lines = []
    for line in table.to_dict("records"):
        if _missing(line["norm_median"]):
            continue
        looked = {
            quantity: [line[f"{quantity}_at_{step}"] for step in steps]
            for quantity in ("batch_psnr", "psnr", "animal", "covered", "white")
        }
        lines.append(
            [
                f"<b>{line['row']}</b>",
                *(_several(looked[quantity], 1) for quantity in ("batch_psnr", "psnr", "animal")),
                _several(looked["covered"], 2),
                _several([*looked["white"], line["target_white"]], 3),
                f"{_number(line['norm_peak'], 4)}, {line['norm_peak_step']:.0f}, {_number(line['norm_median'], 4)}",
                f"{_number(line['norm_jump'], 1)}, {line['norm_jump_step']:.0f}",
            ]
        )
    said = (
        "PSNR in dB after so many steps; the training batch's is what the log tells. Whole pictures and animals are of"
        " held-out views of a few samples, a turn each. Covered: area that is not white, times that of the targets."
        " White: share of the picture, the targets' at the end. Norms of the gradient before clipping; jump: most that"
        " one was times the median of those just before."
    )
    return f"<h2>The way there</h2><p>{said}</p>" + draw_table(head, lines, "numbers")


def _sheets(rows: Mapping[str, LogRow], sheets: Mapping[str, bytes]) -> str:
    figures = [
        draw_figure(picture, "jpeg", f"contact sheet of {name}", f"{name} {rows[name].label}".strip())
        for name, picture in sheets.items()
    ]
    return f'<h2>Contact sheets</h2><div class="figures sheets">{"".join(figures)}</div>'


def _pair(line: Mapping[Hashable, object], answer: str) -> str:
    return _several([line[f"{answer}_animal"], line[f"{answer}_psnr"]], 1)


def _several(values: Sequence[object], digits: int) -> str:
    if all(map(_missing, values)):
        return ""
    return " / ".join(_number(value, digits) or "-" for value in values)


def _number(value: object, digits: int) -> str:
    return "" if _missing(value) else f"{float(str(value)):.{digits}f}"


def _missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
