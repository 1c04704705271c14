"""The proof as a page of Markdown, with what time went where."""

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mouse_facelift.evaluation.columns import TASK
from mouse_facelift.evaluation.proof_table import MAIN

NOT_RECORDED = "not recorded"
INTRODUCTION = """\
Mean over the views that were held out, in dB; the spread is the standard deviation over seeds. Rows that did not train
have no seed: like inputs give them like numbers. `scene_equal_time` and `scene_converged` are 3D Gaussian Splatting of
each scene alone, from the same input views, by the same rasterizer. Seconds are of this machine and of each turn (one
choice of input views of one sample): those of a training are shared out among the turns that it answers here."""


def proof_page(rows: pd.DataFrame, seconds: Sequence[str]) -> str:
    """Write the table of `compare`, with words to it, as Markdown."""
    lines = ["# Proof of learning", "", INTRODUCTION]
    lines += ["", *(f"- {line}" for line in verdicts(rows))]
    for (dataset, normalization, inputs), of_task in rows.assign(seconds=list(seconds)).groupby(TASK, sort=False):
        first = of_task.iloc[0]
        lines += ["", f"## Dataset {dataset}, normalization {normalization}, {inputs} input views", ""]
        lines += [f"{first['samples']} samples, {first['turns']} turns, {first['views']} views held out.", ""]
        lines += [
            "| row | seeds | animal alone | spread | whole picture | spread | over best peer | seconds | status |"
        ]
        lines += ["|---|---|---|---|---|---|---|---|---|"]
        lines += [f"| {' | '.join(_cells(row))} |" for row in of_task.to_dict("records")]
    return "\n".join(lines) + "\n"


def _cells(row: Mapping[Hashable, Any]) -> list[str]:
    seeds = str(_seeds(row)) if row["trained"] else "-"
    numbers = [_number(row[field]) for field in (MAIN, f"{MAIN}_spread", "psnr", "psnr_spread")]
    return [row["row"], seeds, *numbers, _number(row["margin"], "+"), row["seconds"], row["status"]]


def _number(value: float, sign: str = "") -> str:
    return "-" if pd.isna(value) else f"{value:{sign}.2f}"


def _seeds(row: Mapping[Hashable, Any]) -> int:
    return len(row["experiments"].split(" "))


def verdicts(rows: pd.DataFrame) -> list[str]:
    """Say of each row that trained whether it is above its best peer in every seed."""
    lines = []
    for row in rows[rows["trained"]].to_dict("records"):
        word = "is" if row["margin_least"] > 0 else "is NOT"
        lines.append(
            f"{row['row']} ({_seeds(row)} seeds) {word} above every peer in every seed: {row[MAIN]:.2f} dB on the"
            f" animal in held-out views, {row['margin']:+.2f} dB over {row['best_peer']} (worst seed"
            f" {row['margin_least']:+.2f} dB; standard error over samples {row['margin_error']:.2f} dB), and the better"
            f" on {row['samples_won']} of {row['samples']} samples"
        )
    return lines


def seconds_per_turn(rows: pd.DataFrame, fitted: Mapping[str, Path], trained: Mapping[str, Path]) -> list[str]:
    """Tell of each row of `compare` what its answers took, where that is known.

    Raises:
        FileNotFoundError: a table of `fitted` is absent.
    """
    fits = pd.concat([pd.read_csv(path) for path in fitted.values()]) if fitted else None
    return [_of_training(row, trained) if row["trained"] else _of_fits(row, fits) for row in rows.to_dict("records")]


def _of_training(row: Mapping[Hashable, Any], trained: Mapping[str, Path]) -> str:
    notes = [trained[name] for name in row["experiments"].split(" ")]
    if not all(path.is_file() for path in notes):
        return NOT_RECORDED
    mean = sum(float(pd.read_csv(path, sep="\t")["s"].iloc[0]) for path in notes) / len(notes)
    return f"{mean / row['turns']:.1f} (training: {mean:.0f})"


def _of_fits(row: Mapping[Hashable, Any], fits: pd.DataFrame | None) -> str:
    if fits is None:
        return "-"
    found = fits[(fits["experiment"] == row["row"]) & (fits[TASK] == [row[part] for part in TASK]).all(axis=1)]
    return f"{found['seconds'].mean():.1f} ({found['steps'].mean():.0f} steps)" if len(found) else "-"
