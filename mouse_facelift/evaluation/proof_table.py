"""The proof as a table: what trained, over several seeds, beside its peers."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mouse_facelift.evaluation.columns import TASK
from mouse_facelift.evaluation.score_tables import describe
from mouse_facelift.evaluation.summary import in_order, require_same_views

MAIN = "psnr_foreground"
METRICS = (MAIN, "psnr")
PROOF_COLUMNS = [
    "row",
    *TASK,
    "trained",
    "experiments",
    "samples",
    "turns",
    "views",
    *[f"{metric}{part}" for metric in METRICS for part in ("", "_spread", "_least", "_most")],
    "best_peer",
    "margin",
    "margin_least",
    "margin_error",
    "samples_won",
    "status",
]


def means_of_seeds(scores: pd.DataFrame, groups: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Mean over its held-out views of each experiment (METRICS, dB), its `row`, and whether it was `trained`.

    Tasks in which nothing trained are left out.

    Raises:
        ValueError: no task is left, or no peer stands beside what trained, or views differ.
    """
    row_of = {member: name for name, members in groups.items() for member in members}
    held_out = scores[scores["role"] == "held_out"]
    found = []
    for task, of_task in held_out.groupby(TASK, sort=False):
        by_experiment = {str(name): found for name, found in of_task.groupby("experiment", sort=False)}
        names = in_order(by_experiment)
        if not any(name in row_of for name in names):
            continue
        if all(name in row_of for name in names):
            raise ValueError(f"{describe((names[0], *task))}: no peer stands beside {names}")
        for name in names:
            require_same_views(by_experiment[name], by_experiment[names[0]], (name, *task), names[0])
            known: dict[str, Any] = dict(zip(TASK, task, strict=True))
            known |= {"experiment": name, "row": name, "trained": name in row_of}
            if name in row_of:
                known["row"] = row_of[name]
            found.append(known | {metric: float(by_experiment[name][metric].mean()) for metric in METRICS})
    if not found:
        raise ValueError(
            f"nothing that trained was scored on held-out views; found {list(scores['experiment'].unique())}"
        )
    return pd.DataFrame(found).sort_values("trained", kind="stable")


def compare(scores: pd.DataFrame, seeds: pd.DataFrame) -> pd.DataFrame:
    """Sum up to PROOF_COLUMNS: peers first, then what trained, of each task."""
    held_out = scores[scores["role"] == "held_out"]
    rows: list[dict[str, Any]] = []
    for task, of_task in seeds.groupby(TASK, sort=False):
        views = held_out[(held_out[TASK] == list(task)).all(axis=1)]
        by_sample = views.pivot_table(index="sample", columns="experiment", values=MAIN)
        peers = of_task[~of_task["trained"]].set_index("experiment")[MAIN]
        best = str(peers.idxmax())
        for name, of_row in of_task.groupby("row", sort=False):
            members = of_row["experiment"].tolist()
            first = views[views["experiment"] == members[0]]
            row = {"row": name, **dict(zip(TASK, task, strict=True)), "trained": bool(of_row["trained"].iloc[0])}
            row |= {"experiments": " ".join(members), "samples": first["sample"].nunique(), "views": len(first)}
            row["turns"] = len(first[["sample", "turn"]].drop_duplicates())
            for metric in METRICS:
                of_seeds = of_row[metric]
                row |= {metric: of_seeds.mean(), f"{metric}_spread": of_seeds.std()}
                row |= {f"{metric}_least": of_seeds.min(), f"{metric}_most": of_seeds.max()}
            if row["trained"]:
                over = of_row[MAIN] - peers[best]
                gains = by_sample[members].mean(axis=1) - by_sample[best]
                row |= {"best_peer": best, "margin": over.mean(), "margin_least": over.min()}
                row |= {"margin_error": gains.sem(), "samples_won": int((gains > 0).sum())}
            row["status"] = "; ".join(views.loc[views["experiment"].isin(members), "status"].unique())
            rows.append(row)
    return pd.DataFrame(rows, columns=PROOF_COLUMNS).astype({"samples_won": "Int64"})
