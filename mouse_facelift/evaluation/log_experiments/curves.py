"""Trainings as small multiples: a question a line; loss, gradient, animal and covered area across."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from mouse_facelift.evaluation.log_experiments.rows import LogRow
from mouse_facelift.formats.whole import whole_file

GROUPS = {
    "Cameras": (
        "real_camera", "real_camera_scaled", "real_camera_centered", "unit_millimeters", "center_session",
        "center_frame",
    ),
    "Frozen transformer": (
        "freeze_all_broken", "freeze_all_broken_slow", "freeze_all_relabeled", "freeze_all", "freeze_all_slow",
    ),
    "Rates and methods": ("full_1e4", "full_2e5", "full_5e6", "lora", "freeze_all"),
    "Input views": ("inputs_1", "inputs_2", "inputs_3", "inputs_4", "inputs_5", "inputs_6"),
    "Loss and order": ("full_1e4", "masked_loss", "rig_order"),
}  # fmt: skip
"""rows drawn together"""
PANELS = (
    "training loss",
    "gradient norm before clipping",
    "held-out PSNR of the animal (dB)",
    "covered, times what should be",
)
COLORS = ("#0b5c8a", "#d1495b", "#2e8b57", "#e08e0b", "#7a4fa3", "#555555")  # told apart by most, and by brightness
MARKERS = "os^Dv*"
SMOOTH = 10  # steps of the loss's running mean
WIDTH, ROW_HEIGHT = 17.0, 3.1  # inches


def draw_curves(rows: Mapping[str, LogRow], steps: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Draw each group of which any row was trained.

    Args:
        rows: all rows, by key.
        steps: metrics of the trained ones, a row a step (`rows.read_steps`).
        path: of the PNG.
    """
    groups = {title: [name for name in names if name in steps] for title, names in GROUPS.items()}
    drawn = {title: names for title, names in groups.items() if names}
    figure = Figure(figsize=(WIDTH, ROW_HEIGHT * max(len(drawn), 1)), layout="constrained")
    FigureCanvasAgg(figure)
    lines = figure.subplots(max(len(drawn), 1), len(PANELS), squeeze=False)
    for panels, (title, names) in zip(lines, drawn.items(), strict=False):
        _draw_group(list(panels), title, names, rows, steps)
    for panel, words in zip(lines[0], PANELS, strict=True):
        panel.set_title(words, fontsize=11)
    for panel in lines[-1]:
        panel.set_xlabel("step", fontsize=9)
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=100, format="png")


def _draw_group(
    panels: Sequence[Axes],
    title: str,
    names: Sequence[str],
    rows: Mapping[str, LogRow],
    steps: Mapping[str, pd.DataFrame],
) -> None:
    loss, norm, animal, covered = panels
    for name, color, marker in zip(names, cycle(COLORS), cycle(MARKERS), strict=False):
        metrics, looks = steps[name], rows[name].looks
        loss.plot(metrics["step"], metrics["loss"].rolling(SMOOTH, min_periods=1).mean(), color=color, linewidth=1.4)
        norm.plot(metrics["step"], metrics["grad_norm"], color=color, linewidth=0.9)
        seen = [(look.step, look.animal) for look in looks if look.animal is not None]
        animal.plot([x for x, _ in seen], [y for _, y in seen], color=color, marker=marker, markersize=5, label=name)
        covered.plot([look.step for look in looks], [look.covered for look in looks], color=color, marker=marker,
                   markersize=5, label=name)  # fmt: skip
    if "zero_shot" in rows and rows["zero_shot"].held_out.animal is not None and title == "Rates and methods":
        animal.axhline(rows["zero_shot"].held_out.animal, color="#888888", linestyle="--", linewidth=1)
    loss.set_ylabel(title, fontsize=12, weight="bold")
    for panel in (loss, norm):
        panel.set_yscale("log")
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        panel.yaxis.set_minor_locator(NullLocator())
    covered.axhline(1, color="#888888", linestyle="--", linewidth=1)
    covered.set_ylim(bottom=0)
    covered.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False, fontsize=9)
    for panel in panels:
        panel.grid(color="#ececec")
        panel.set_axisbelow(True)
        panel.tick_params(labelsize=8)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
