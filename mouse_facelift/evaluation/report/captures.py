"""The captures' verdicts, and how exactly normalization brought their views to the contract."""

import html
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from mouse_facelift.formats.verdict import Verdict, read_verdict
from mouse_facelift.pages.page import draw_light
from mouse_facelift.pages.table import draw_table


def tell_captures(verdicts: Sequence[Path]) -> str:
    """Write the section: a row a capture, and below it what its lines say."""
    rows, details = [], []
    for path in verdicts:
        verdict = read_verdict(path)
        frames = f"{verdict.frames} ({verdict.kept_frames} of use)" if isinstance(verdict, Verdict) else "not measured"
        name = html.escape(verdict.capture)
        rows.append(
            [
                f"<b>{name}</b>",
                draw_light(verdict.light, verdict.light),
                frames,
                html.escape(verdict.calibration),
                html.escape("; ".join(line.says for line in verdict.lines if line.light != "green") or "all green"),
                f'<a href="{html.escape(verdict.capture)}/verdict.html">verdict.html</a>',
            ]
        )
        lines = [
            [
                draw_light(line.light, line.light),
                html.escape(line.name.replace("_", " ")),
                "" if line.value is None else f"{line.value:.3g} {html.escape(line.unit)}",
                html.escape(line.says),
            ]
            for line in verdict.lines
        ]
        table = draw_table(["", "line", "found", "in words"], lines, "words")
        details.append(f"<details><summary>{name}: all lines</summary>{table}</details>")
    head = ["capture", "verdict", "frames", "calibration", "what is not green", "page beside this one"]
    return "<h2>Captures</h2>" + draw_table(head, rows, "words") + "".join(details)


def tell_residuals(residuals: Mapping[str, Path]) -> str:
    """Write the section; `residuals` are tables of `assemble_dataset`, by dataset and normalization."""
    rows = []
    for name, path in residuals.items():
        table = pd.read_csv(path, dtype={"sample": str, "view": str})
        for view, found in table.groupby("view", sort=False):
            over = ", ".join(sorted(found["measured_over"].unique()))
            numbers = [found["p50"].median(), found["p95"].median(), found["p95"].max(), found["max"].max()]
            first = [html.escape(name), html.escape(str(view)), str(len(found))]
            magnification = f"{found['magnification'].median():.2f}"
            rows.append([*first, *map(_pixels, numbers), magnification, html.escape(over)])
    head = [
        "dataset.normalization", "view", "samples", "p50", "p95", "largest p95", "largest", "raw px a px",
        "measured over",
    ]  # fmt: skip
    said = (
        "How far pixels of the animal lie from where their camera says, in px of the picture: medians over the samples"
        " of the 50th and 95th percentile over the animal, the largest 95th, and the largest of all. 0 where pixels and"
        " cameras agree exactly, which says nothing of whether these are the cameras that the network knows."
    )
    return f"<h2>Residuals of normalization</h2><p>{said}</p>" + draw_table(head, rows, "numbers sortable")


def _pixels(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"
