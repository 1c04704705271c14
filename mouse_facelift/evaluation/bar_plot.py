"""The summary as bars: PSNR of the animal and of the whole picture, held-out beside input views."""

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mouse_facelift.evaluation.baselines import VISUAL_HULL
from mouse_facelift.evaluation.columns import TASK
from mouse_facelift.formats.whole import whole_file
from mouse_facelift.plan import FITTED, TRIVIAL

NETWORK = {"held_out": "#0b5c8a", "input": "#9cc9e3"}
BASELINE = {"held_out": "#6b6b6b", "input": "#cfcfcf"}
FITTED_SCENE = {"held_out": "#9a6a12", "input": "#e6cf9f"}
ROLES = {"held_out": "held-out views", "input": "input views"}
PANELS = {"psnr_foreground": "PSNR of the animal alone (dB)", "psnr": "PSNR of the whole picture (dB)"}
BAR = 0.36
ROW_HEIGHT = 0.55  # inches of a row of two bars, which is 1 in the plot's own unit
TASK_GAP = 1.1  # rows between tasks, for their titles
STATUS_LINES, STATUS_WIDTH = 2, 44  # letters a line; longer ones are cut: the summary has the whole
HULL_COLOR, HULL_DASHES = "#444444", (0, (4, 3))  # points


def plot_summary(summary: pd.DataFrame, path: Path) -> None:
    """Draw two panels of bars, a row an experiment, a block a task; a dashed line marks the block's visual hull."""
    places, titles = _places(summary)
    height = max(places) + 1.0
    figure = Figure(figsize=(13, 1.9 + ROW_HEIGHT * height), layout="constrained")
    FigureCanvasAgg(figure)
    panels: Sequence[Axes] = figure.subplots(1, 2, sharey=True)
    for panel, (metric, title) in zip(panels, PANELS.items(), strict=True):
        _draw_panel(panel, summary, metric, places)
        panel.set_title(title, fontsize=12, pad=10)
        panel.set_ylim(height - 0.3, -TASK_GAP)
    for place, title in titles:
        panels[0].text(
            0, place - 0.62, title, transform=panels[0].get_yaxis_transform(), fontsize=9.5, weight="bold", va="center"
        )
    panels[0].set_yticks(places, summary["experiment"].tolist(), fontsize=10)
    for place, status in zip(places, summary["status"], strict=True):
        _write_status(panels[0], place, status)
    keys: list[Artist] = [
        Patch(color=colors[role], label=f"{kind}, {words}")
        for kind, colors in _kinds(summary["experiment"])
        for role, words in ROLES.items()
    ]
    keys.append(
        Line2D([], [], color=HULL_COLOR, linestyle=HULL_DASHES, linewidth=1, label="visual hull, held-out views")
    )
    figure.legend(
        handles=keys, loc="outside lower center", ncols=5 if len(keys) == 5 else 4, frameon=False, fontsize=10
    )
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=110, format="png")


def _places(summary: pd.DataFrame) -> tuple[list[float], list[tuple[float, str]]]:
    """Height of each row from the top, and of each task's title with its words."""
    places: list[float] = []
    titles = []
    next_place = 0.0
    for (dataset, normalization, inputs), rows in summary.groupby(TASK, sort=False):
        title = f"dataset {dataset}, normalization {normalization}, {inputs} input views"
        titles.append((next_place, title if rows["held_out_scored"].any() else f"{title}, none held out"))
        places += [next_place + number for number in range(len(rows))]
        next_place += len(rows) + TASK_GAP
    return places, titles


def _write_status(panel: Axes, place: float, status: str) -> None:
    """Write under an experiment's name what befell it, if anything did."""
    words = "" if status == "complete" else status.removeprefix("complete; ")
    lines = textwrap.wrap(words, STATUS_WIDTH, max_lines=STATUS_LINES, placeholder=" ...")
    panel.annotate(
        "\n".join(lines),
        (0, place),
        (-6, -8),
        xycoords=panel.get_yaxis_transform(),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=7.5,
        color="#a3260f",
    )


def colors_of(experiment: str) -> dict[str, str]:
    """Colors of a row's bars, by role."""
    return BASELINE if experiment in TRIVIAL else FITTED_SCENE if experiment in FITTED else NETWORK


def _kinds(experiments: Iterable[str]) -> list[tuple[str, dict[str, str]]]:
    fitted = [("fitted to the scene", FITTED_SCENE)] if set(FITTED) & set(experiments) else []
    return [("network", NETWORK), *fitted, ("trivial answer", BASELINE)]


def _draw_panel(panel: Axes, summary: pd.DataFrame, metric: str, places: list[float]) -> None:
    heights = np.array(places)
    for role, offset in (("held_out", -BAR / 2), ("input", BAR / 2)):
        values = summary[f"{role}_{metric}"].to_numpy(dtype=float)
        known = np.isfinite(values)
        colors = [colors_of(name)[role] for name in summary["experiment"][known]]
        panel.barh(heights[known] + offset, values[known], height=BAR, color=colors)
        for place, value in zip(heights[known] + offset, values[known], strict=True):
            panel.annotate(
                f"{value:.1f}",
                (value, place),
                (4, 0),
                textcoords="offset points",
                fontsize=8,
                va="center",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
                zorder=4,
            )
    for _, rows in summary.assign(place=places).groupby(TASK, sort=False):
        hull = float(rows.loc[rows["experiment"] == VISUAL_HULL, f"held_out_{metric}"].iloc[0])
        if np.isfinite(hull):
            extent = [rows["place"].min() - 0.45, rows["place"].max() + 0.45]
            panel.plot([hull, hull], extent, color=HULL_COLOR, linestyle=HULL_DASHES, linewidth=1)
    panel.margins(x=0.08)
    panel.set_xlim(left=0)
    panel.grid(axis="x", color="#e6e6e6")
    panel.set_axisbelow(True)
    panel.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        panel.spines[side].set_visible(False)
