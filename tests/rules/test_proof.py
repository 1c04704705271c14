"""Peers that are fitted to each scene, and the proof of learning beside them, on a tiny capture."""

import copy

import pandas as pd
import pytest

from mouse_facelift.evaluation.proof_table import PROOF_COLUMNS
from mouse_facelift.formats.predictions import PredictionTable, Renderings
from mouse_facelift.imaging.pictures import picture_size
from tests.workflow import SIZE, Workflow

TESTED, TURNS = 2, 6
RATES = {"means": 1.6e-4, "log_scales": 5.0e-3, "quats": 1.0e-3, "opacity_logits": 0.05, "colors": 2.5e-3}
FITTING = {
    "hull_resolution": 24,
    "scale": 0.5,
    "opacity": 0.9,
    "fineness": 2,
    "rates": RATES,
    "dssim": 0.2,
    "alpha": 0.5,
    "equal_steps": 3,
    "converged_steps": 9,
    "window": 100,
    "least_gain": 0.01,
}


@pytest.fixture(scope="module")
def proven(finished, tmp_path_factory) -> Workflow:
    """Two seeds of one experiment, and scenes that are fitted."""
    workflow = finished.copy(tmp_path_factory.mktemp("proven"))
    experiments = workflow.config["experiments"]
    del experiments["real_camera"]
    experiments["full_1"] = copy.deepcopy(experiments["full"])
    experiments["full_1"]["finetune"]["seed"] = 1
    workflow.config["scene_fitting"] = FITTING
    workflow.make("results/proof_of_learning.csv")
    return workflow


def test_fit_scenes_answers_as_experiments_do(proven):
    home = proven.folder / "results/baselines/real.contract.5in"
    pictures = {}
    for answer in ("scene_equal_time", "scene_converged"):
        table = PredictionTable.read(home / answer / "predictions.json")
        assert (table.experiment, table.weights, table.status) == (answer, "none", "complete")
        assert len(table.rows) == TESTED * TURNS
        pictures[answer] = Renderings.read(home / answer / table.rows[0].renderings)
        assert pictures[answer].rgb.shape == (6, 3, SIZE, SIZE)
    assert not pictures["scene_equal_time"].rgb.equal(pictures["scene_converged"].rgb)
    times = pd.read_csv(home / "scene_seconds.csv")
    assert times.groupby("experiment")["steps"].unique().map(list).to_dict() == {
        "scene_converged": [9],
        "scene_equal_time": [3],
    }


def test_proof_of_learning_joins_seeds_and_tells_times(proven):
    results = proven.folder / "results"
    proof = pd.read_csv(results / "proof_of_learning.csv").set_index("row")
    assert ["row", *proof.columns] == PROOF_COLUMNS
    assert proof.loc["full", "experiments"] == "full full_1"
    assert proof["trained"].sum() == 1
    assert (proof["views"] == TESTED * TURNS).all()
    assert min(picture_size(results / "proof_of_learning.png")) > 200
    page = (results / "proof_of_learning.md").read_text()
    assert "- full (2 seeds) is" in page
    assert "(training: " in page
    assert "(9 steps)" in page


def test_a_changed_fitting_refits_scenes_and_no_network(proven, tmp_path):
    changed = proven.copy(tmp_path)
    changed.config["scene_fitting"] = FITTING | {"equal_steps": 4}
    told = changed.make("-n", "results/proof_of_learning.csv")
    assert "fit_scenes" in told
    for rule in ("finetune_gslrm", "predict_gslrm", "predict_baselines", "score_predictions"):
        assert f"rule {rule}:" not in told


def test_no_scene_is_fitted_unless_the_configuration_says_how(finished, tmp_path):
    told = finished.copy(tmp_path).refuse("results/baselines/real.contract.5in/scene_converged/predictions.json")
    assert "scene_fitting: null, so that no scene is fitted" in told
