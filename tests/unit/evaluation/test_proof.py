"""The proof of learning: what is compared with what, what is told of seeds, and what the verdict says."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from score_rows import table_of

from mouse_facelift.evaluation.proof import proof_of_learning
from mouse_facelift.evaluation.proof_page import verdicts
from mouse_facelift.evaluation.proof_table import PROOF_COLUMNS, compare, means_of_seeds
from mouse_facelift.evaluation.score_tables import write_scores
from mouse_facelift.imaging.pictures import read_rgba

PEERS = {
    "zero_shot": [15, 15, 16, 16],
    "white_picture": [8, 8, 8, 8],
    "visual_hull": [18, 18, 19, 19],
    "scene_converged": [20, 20, 21, 21],
}
SEEDS = {"full_0": [21, 21, 22, 22], "full_1": [23, 23, 20, 20], "full_2": [22, 22, 23, 23]}
GROUPS = {"full": list(SEEDS)}


def scores_of(experiments: Mapping[str, Sequence[float]], inputs: int = 5) -> pd.DataFrame:
    """Two samples of two turns, one held-out view each with this foreground PSNR; the whole picture has 10 dB more."""
    rows = [
        (
            name,
            "real",
            "fill",
            inputs,
            f"s{number // 2}",
            number % 2,
            f"Camera{view}",
            role,
            10 + value,
            value,
            0.9,
            0.8,
        )
        for name, values in experiments.items()
        for number, held_out in enumerate(values)
        for view, role, value in ((number % 2, "held_out", held_out), (3, "input", 40.0))
    ]
    return table_of(rows)


def proof_of(scores: pd.DataFrame) -> pd.DataFrame:
    return compare(scores, means_of_seeds(scores, GROUPS))


def test_seeds_are_one_row_beside_every_peer() -> None:
    rows = proof_of(scores_of(SEEDS | PEERS))
    assert list(rows.columns) == PROOF_COLUMNS
    assert rows["row"].tolist() == ["white_picture", "visual_hull", "scene_converged", "zero_shot", "full"]
    full = rows.set_index("row").loc["full"]
    means = [21.5, 21.5, 22.5]
    assert full["experiments"] == "full_0 full_1 full_2"
    assert (full["samples"], full["turns"], full["views"]) == (2, 4, 4)
    assert full["psnr_foreground"] == pytest.approx(np.mean(means))
    assert full["psnr_foreground_spread"] == pytest.approx(np.std(means, ddof=1))
    assert (full["psnr_foreground_least"], full["psnr_foreground_most"]) == (21.5, 22.5)
    assert full["psnr"] == pytest.approx(10 + np.mean(means))


def test_the_margin_is_over_the_best_peer() -> None:
    rows = proof_of(scores_of(SEEDS | PEERS)).set_index("row")
    full = rows.loc["full"]
    assert full["best_peer"] == "scene_converged"
    assert full["margin"] == pytest.approx(65.5 / 3 - 20.5)
    assert full["margin_least"] == pytest.approx(1.0)
    assert full["margin_error"] == pytest.approx(np.std([2.0, 2 / 3], ddof=1) / math.sqrt(2))
    assert full["samples_won"] == 2
    peers = rows.drop(index="full")
    assert peers[["margin", "margin_least", "psnr_foreground_spread"]].isna().all(axis=None)


def test_the_verdict_is_of_the_worst_seed() -> None:
    (line,) = verdicts(proof_of(scores_of(SEEDS | PEERS)))
    assert line.startswith("full (3 seeds) is above every peer in every seed: 21.83 dB")
    (line,) = verdicts(proof_of(scores_of(SEEDS | PEERS | {"scene_converged": [21, 21, 23, 22.5]})))
    assert line.startswith("full (3 seeds) is NOT above every peer in every seed: ")
    assert "-0.04 dB over scene_converged (worst seed -0.38 dB" in line
    assert line.endswith("on 1 of 2 samples")


def test_a_view_without_an_animal_counts_for_nothing() -> None:
    values = {name: [*row[:3], math.nan] for name, row in (SEEDS | PEERS).items()}
    rows = proof_of(scores_of(values)).set_index("row")
    assert rows.loc["visual_hull", "psnr_foreground"] == pytest.approx(55 / 3)


def test_tasks_in_which_nothing_trained_are_left_out() -> None:
    rows = proof_of(pd.concat([scores_of(PEERS, inputs=3), scores_of(SEEDS | PEERS)]))
    assert set(rows["input_views"]) == {5}
    with pytest.raises(ValueError, match=r"nothing that trained was scored .*'zero_shot'"):
        means_of_seeds(scores_of(PEERS), GROUPS)


def test_peers_must_stand_beside_and_have_the_same_views() -> None:
    with pytest.raises(ValueError, match=r"no peer stands beside \['full_0'"):
        means_of_seeds(scores_of(SEEDS), GROUPS)
    with pytest.raises(ValueError, match=r"full_0 .*scored on 3 views, but white_picture on 4"):
        means_of_seeds(scores_of(PEERS | {"full_0": [20, 20, 20]}), GROUPS)


def test_table_plot_and_page(tmp_path: Path) -> None:
    files = []
    for name, scores in scores_of(SEEDS | PEERS).groupby("experiment"):
        files.append(tmp_path / f"{name}.csv")
        write_scores(scores, files[-1])
    seconds = tmp_path / "seconds.csv"
    seconds.write_text(
        "experiment,dataset,normalization,input_views,sample,turn,steps,seconds,loss\n"
        "scene_converged,real,fill,5,s0,0,300,2.5,0.1\nscene_converged,real,fill,5,s0,1,500,3.5,0.1\n"
    )
    notes = {name: tmp_path / f"{name}.benchmark.tsv" for name in SEEDS}
    for path in notes.values():
        path.write_text("s\th:m:s\tmax_rss\n80.0\t0:01:20\t100\n")
    table, plot, page = tmp_path / "proof.csv", tmp_path / "proof.png", tmp_path / "proof.md"
    proof_of_learning(files, GROUPS, {"real.fill.5in": seconds}, notes, table, plot, page)
    written = pd.read_csv(table)
    assert list(written.columns) == PROOF_COLUMNS
    assert "seconds" not in table.read_text()
    text = page.read_text()
    assert "- full (3 seeds) is above every peer in every seed" in text
    assert "| full | 3 | 21.83 | 0.58 | 31.83 | 0.58 | +1.33 | 20.0 (training: 80) | complete |" in text
    assert "| scene_converged | - | 20.50 | - | 30.50 | - | - | 3.0 (400 steps) | complete |" in text
    assert len(np.unique(read_rgba(plot)[..., :3].reshape(-1, 3), axis=0)) > 10
    notes["full_1"].unlink()
    proof_of_learning(files, GROUPS, {}, notes, table, plot, page)
    assert "| +1.33 | not recorded | complete |" in page.read_text()
