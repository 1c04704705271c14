"""The proof as bars: a row an answer, its mean over seeds as a bar, each seed as a point."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mouse_facelift.evaluation.bar_plot import colors_of
from mouse_facelift.evaluation.columns import TASK
from mouse_facelift.formats.whole import whole_file

PANELS = {"psnr_foreground": "held-out views, animal alone (dB)", "psnr": "held-out views, whole picture (dB)"}
ROW_HEIGHT = 0.4  # inches
TASK_GAP = 1.2  # rows between tasks, for their titles
PEER, TRAINED = "#9cc9e3", "#0b5c8a"  # networks as they came, and trained


def plot_proof(rows: pd.DataFrame, seeds: pd.DataFrame, path: Path) -> None:
    """Draw what `compare` and `means_of_seeds` found as a PNG; a dashed line marks each task's best peer."""
    places, titles = [], []
    bottom = 0.0
    for (dataset, normalization, inputs), of_task in rows.groupby(TASK, sort=False):
        samples = of_task["samples"].max()
        title = f"dataset {dataset}, normalization {normalization}, {inputs} input views, {samples} samples"
        titles.append((bottom, title))
        places += [bottom + number for number in range(len(of_task))]
        bottom += len(of_task) + TASK_GAP
    figure = Figure(figsize=(12, 1.5 + ROW_HEIGHT * bottom), layout="constrained")
    FigureCanvasAgg(figure)
    panels: Sequence[Axes] = figure.subplots(1, 2, sharey=True)
    placed = rows.assign(place=places)
    for panel, (metric, title) in zip(panels, PANELS.items(), strict=True):
        _draw(panel, placed, seeds, metric)
        panel.set_title(title, fontsize=11, pad=10)
        panel.set_ylim(bottom - TASK_GAP - 0.3, -TASK_GAP)
    for place, title in titles:
        panels[0].text(0, place - 0.75, title, transform=panels[0].get_yaxis_transform(), fontsize=9, weight="bold")
    panels[0].set_yticks(places, rows["row"].tolist(), fontsize=10)
    keys = [
        Line2D([], [], linestyle="none", marker="o", color="white", markeredgecolor="black", label="one seed"),
        Line2D([], [], color="black", linestyle="--", linewidth=0.8, label="best that did not train here"),
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=110, format="png")


def _draw(panel: Axes, rows: pd.DataFrame, seeds: pd.DataFrame, metric: str) -> None:
    for _, of_task in rows.groupby(TASK, sort=False):
        best = of_task.loc[~of_task["trained"], metric].max()
        panel.plot([best, best], [of_task["place"].min() - 0.45, of_task["place"].max() + 0.45], "k--", linewidth=0.8)
        for row in of_task.to_dict("records"):
            name, place = row["row"], row["place"]
            answer = colors_of(name)["held_out"]
            color = TRAINED if row["trained"] else PEER if answer == TRAINED else answer
            panel.barh(place, row[metric], height=0.7, color=color)
            same_task = (seeds[TASK] == [row[part] for part in TASK]).all(axis=1)
            values = seeds.loc[same_task & (seeds["row"] == name), metric]
            if len(values) > 1:
                panel.plot(values, [place] * len(values), "o", color="white", markeredgecolor="black", markersize=4)
            most = max(values.max(), row[metric])
            panel.annotate(
                f"{row[metric]:.2f}",
                (most, place),
                (6, 0),
                textcoords="offset points",
                fontsize=9,
                va="center",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
            )
    panel.margins(x=0.1)
    panel.set_xlim(left=0)
    panel.grid(axis="x", color="#e6e6e6")
    panel.set_axisbelow(True)
    panel.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        panel.spines[side].set_visible(False)
