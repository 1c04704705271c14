"""What each normalization breaks, and by how much, as bars."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from mouse_facelift.formats.whole import whole_file
from mouse_facelift.settings import CameraContract, NormalizationModes

KEEPS, BREAKS, LIGHT = "#0b5c8a", "#b4451f", 0.45
ROW_HEIGHT = 0.46  # inches
ROOM = 8.0  # times the largest value, on a logarithmic axis, for the numbers beside bars


class Panel(NamedTuple):
    """One number of the table; its bars start at `least`, below which (on a logarithmic axis) nothing is drawn."""

    column: str
    title: str
    words: str
    least: float
    logarithmic: bool
    right: str
    """the contract's value, in words"""


def plot_normalizations(
    measured: pd.DataFrame, modes: NormalizationModes, contract: CameraContract, path: Path
) -> None:
    """Draw a row a capture and normalization, in the table's order, and a panel for each number that matters."""
    panels = (
        Panel("error_p95", "Pictures against cameras", "px from where told cameras have true points", 1e-2, True, "0"),
        Panel("mutual_p95", "Views among themselves", "px left after triangulation (p95)", 1e-2, True, "0"),
        Panel("focal_error", "Focal length K", "% off the contract's", 1e-2, True, "0"),
        Panel("unit", "Unit", "camera distance / contract's", 1e-1, True, "1"),
        Panel("off_center", "Center", "units from origin to animal", 1e-2, True, "0"),
        Panel("in_reach", "Depth", f"% of points within ±{modes.depth_reach:g} units", 0.0, False, "100"),
    )
    rows = measured.assign(focal_error=100 * measured["focal_error"], in_reach=100 * measured["in_reach"])
    figure = Figure(figsize=(18, 2.4 + ROW_HEIGHT * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    axes: Sequence[Axes] = figure.subplots(1, len(panels), sharey=True, width_ratios=[2.0, 1.3, 1.1, 1.1, 1.1, 1.1])
    colors = [KEEPS if breaks == "none" else BREAKS for breaks in rows["breaks"]]
    for axis, panel in zip(axes, panels, strict=True):
        _draw(axis, panel, rows, colors)
    _mark_range(axes[0], rows, colors)
    captures = "" if measured["capture"].nunique() == 1 else measured["capture"] + ": "
    axes[0].set_yticks(range(len(rows)), (captures + measured["normalization"]).tolist(), fontsize=10)
    axes[0].set_ylim(len(rows) - 0.4, -0.6)
    size = contract.image_size
    figure.suptitle(
        f"Ways to the camera contract, measured against the truth of a simulated capture"
        f" (pictures of {size} x {size} px; one px is {512 / size:g} of 512)",
        fontsize=13,
    )
    figure.legend(
        handles=[
            Patch(color=KEEPS, label="keeps the contract"),
            Patch(color=BREAKS, label="breaks it, and its manifest says so"),
            Line2D([], [], color="#333333", marker="|", markersize=9, label="first panel: bar p95, line p50 to max"),
        ],
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize=10,
    )
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=110, format="png")


def _draw(axis: Axes, panel: Panel, rows: pd.DataFrame, colors: Sequence[str]) -> None:
    values = rows[panel.column].to_numpy(dtype=float)
    drawn = np.maximum(values, panel.least) - panel.least
    places = np.arange(len(rows))
    alpha = LIGHT if panel.column == "error_p95" else 1.0
    axis.barh(places, drawn, left=panel.least, height=0.62, color=list(colors), alpha=alpha)
    ends = rows["error_max"].to_numpy(dtype=float) if panel.column == "error_p95" else values
    for place, value, end in zip(places, values, ends, strict=True):
        at = (max(end, panel.least), place)
        axis.annotate(_words(value, panel), at, (5, 0), textcoords="offset points", fontsize=9, va="center")
    if panel.logarithmic:
        axis.set_xscale("log")
        axis.set_xlim(panel.least, max(ends.max(), 10 * panel.least) * ROOM)
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.tick_params(axis="x", which="minor", bottom=False)
    else:
        axis.set_xlim(panel.least, 128)
        axis.set_xticks([0, 50, 100])
    axis.set_title(f"{panel.title}\n", fontsize=11.5, weight="bold")
    words = f"contract: {panel.right}"
    axis.text(0.5, 1.015, words, transform=axis.transAxes, fontsize=9, ha="center", color="#555555")
    axis.set_xlabel(panel.words, fontsize=9.5)
    axis.grid(axis="x", color="#e6e6e6")
    axis.set_axisbelow(True)
    axis.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)


def _mark_range(axis: Axes, rows: pd.DataFrame, colors: Sequence[str]) -> None:
    """Draw from the median to the maximum, where they can be seen."""
    least = axis.get_xlim()[0]
    for place, (median, most, color) in enumerate(zip(rows["error_p50"], rows["error_max"], colors, strict=True)):
        if most > least:
            ends = [max(median, least), most]
            axis.plot(ends, [place, place], color=color, marker="|", markersize=9, linewidth=1.4)


def _words(value: float, panel: Panel) -> str:
    if panel.logarithmic and value < panel.least and panel.least < 0.1:
        return "exact" if value < 1e-3 else f"{value:.3f}"
    if panel.column == "in_reach":
        return f"{value:.0f}"
    return f"{value:.3g}"
