"""The experiments as a table that sorts, beside trivial answers; bars of each view; and every two compared."""

import html
import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from mouse_facelift.evaluation.columns import TASK
from mouse_facelift.pages.drawing import RULE, page_style, svg_of
from mouse_facelift.pages.table import draw_table

SHOWN = {
    "held_out_psnr_foreground": ("animal, held out (dB)", 2),
    "held_out_psnr": ("whole, held out (dB)", 2),
    "held_out_ssim": ("SSIM", 3),
    "held_out_iou": ("IoU", 2),
    "held_out_lpips": ("LPIPS", 3),
    "held_out_depth_p50_mm": ("behind hull, median (mm)", 1),
    "held_out_depth_in_front": ("before hull", 2),
    "input_psnr_foreground": ("animal, inputs (dB)", 2),
    "input_psnr": ("whole, inputs (dB)", 2),
    "gain_over_white_picture": ("over white (dB)", 2),
    "gain_over_visual_hull": ("over hull (dB)", 2),
    "true_psnr_foreground": ("animal, true views (dB)", 2),
    "true_chamfer_mm": ("Chamfer (mm)", 2),
}
"""columns of the summary, where it has them: words, and digits after the point"""
COLORS = {"held_out": "#2f8fd0", "input": "#9a9a9a"}
ROLE_WORDS = {"held_out": "held out", "input": "went in"}
BARS = 5.2, 1.9  # inches, of one experiment's bars
PAIRED = {"psnr_foreground": "animal (dB)", "psnr": "whole (dB)", "iou": "IoU", "chamfer_mm": "Chamfer (mm)"}


def tell_experiments(summary: pd.DataFrame) -> str:
    """Write the section; what columns mean, as the summary's `attrs` say, stands on their heads."""
    shown = {column: words for column, words in SHOWN.items() if column in summary}
    head = ["experiment", "dataset", "normalization", "inputs", "samples"]
    heads = [html.escape(words) for words in head]
    heads += [
        f'<span title="{html.escape(str(summary.attrs[column]))}">{html.escape(words)}</span>'
        for column, (words, _) in shown.items()
    ]
    rows = []
    for line in summary.to_dict("records"):
        cells = [f"<b>{html.escape(str(line['experiment']))}</b>", html.escape(str(line["dataset"]))]
        cells += [html.escape(str(line["normalization"])), str(line["input_views"]), str(line["samples"])]
        cells += [_number(line, column, digits) for column, (_, digits) in shown.items()]
        rows.append([*cells, html.escape(str(line["status"]))])
    rule = html.escape("; ".join(dict.fromkeys(map(str, summary["foreground"]))))
    said = (
        f"Means over views. Animal: pixels of the foreground alone, {rule}; whole: over white, which flatters. In"
        " brackets: 95 % intervals over blocks of time, as neighboring frames are much alike; none where a table has"
        " fewer than two blocks. Click a head to sort."
    )
    return f"<h2>Experiments</h2><p>{said}</p>" + draw_table([*heads, "status"], rows, "numbers sortable")


def tell_pairs(pairs: pd.DataFrame) -> str:
    """Write the section: every two answers to the same task, on the same views."""
    rows = []
    for line in pairs.to_dict("records"):
        if line["metric"] not in PAIRED or line["role"] == "input":
            continue
        low, high = line["difference_low"], line["difference_high"]
        interval = "" if math.isnan(low) else f"{low:+.2f} to {high:+.2f}"
        rows.append(
            [
                f"<b>{html.escape(str(line['experiment']))}</b>",
                html.escape(str(line["other"])),
                html.escape(f"{line['dataset']}.{line['normalization']}, {line['input_views']} in"),
                html.escape(str(line["role"]).replace("_", " ")),
                html.escape(PAIRED[line["metric"]]),
                "" if math.isnan(line["difference"]) else f"{line['difference']:+.2f}",
                interval,
                str(line["pairs"]),
                str(line["blocks"]),
            ]
        )
    head = ["experiment", "less", "task", "views", "metric", "difference", "interval", "pairs", "blocks"]
    table = draw_table(head, rows, "numbers sortable")
    return f"<details><summary>Every two compared, view by view ({len(rows)} rows)</summary>{table}</details>"


def tell_views(scores: pd.DataFrame) -> str:
    """Write the section: bars of each experiment's views."""
    figures = []
    for (experiment, *task), found in scores.groupby(["experiment", *TASK], sort=False):
        words = f"{experiment}: {task[0]}.{task[1]}, {task[2]} in"
        figures.append(f"<figure>{_bars(words, found)}<figcaption>{html.escape(words)}</figcaption></figure>")
    said = "Mean PSNR of the animal alone, in dB, by camera: where it was held out, and where it went in."
    return f'<h2>View by view</h2><p>{said}</p><div class="figures bars">{"".join(figures)}</div>'


def _bars(name: str, scores: pd.DataFrame) -> str:
    means = scores.groupby(["view", "role"], sort=False)["psnr_foreground"].mean().unstack("role")
    roles: Sequence[str] = [role for role in COLORS if role in means]
    with page_style():
        figure = Figure(figsize=BARS, layout="constrained")
        panel = figure.subplots()
        wide = 0.8 / len(roles)
        for number, role in enumerate(roles):
            places = [place + (number - (len(roles) - 1) / 2) * wide for place in range(len(means))]
            panel.bar(places, means[role].fillna(0), wide * 0.94, color=COLORS[role], label=ROLE_WORDS[role])
        panel.set_xticks(range(len(means)), [str(view) for view in means.index], fontsize=8)
        panel.grid(visible=False, axis="x")
        panel.axhline(0, color=RULE, linewidth=0.8)
        panel.set_axisbelow(True)
        figure.legend(fontsize=8, loc="outside upper right", ncols=2)
        return svg_of(figure, f"bars of {name}")


def _number(line: Mapping[Hashable, Any], column: str, digits: int) -> str:
    value = line[column]
    if not isinstance(value, int | float) or math.isnan(value):
        return ""
    sign = "+" if column.startswith("gain_") else ""
    text = f"{value:{sign}.{digits}f}"
    low, high = line.get(f"{column}_low"), line.get(f"{column}_high")
    if isinstance(low, float) and isinstance(high, float) and not math.isnan(low):
        text += f" <small>({low:.{digits}f} to {high:.{digits}f})</small>"
    return f'<span data-number="{value}">{text}</span>'
