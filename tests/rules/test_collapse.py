"""A training that collapses is a result, not a failure."""

import pandas as pd

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.diagnosis import TrainingDiagnosis
from mouse_facelift.formats.predictions import PredictionTable
from mouse_facelift.plan import Plan
from mouse_facelift.settings import parse_settings


def test_a_collapsed_row_says_so_and_all_the_others_are_there(sampled):
    plan = sampled.config["experiments"]["full"]["finetune"]
    plan["learning_rate"] = 10.0
    plan["guard"] = plan["guard"] | {
        "every": 2,
        "roll_backs": 0,
        "update_ratio": {"limit": 0.05, "patience": 1, "action": "roll_back"},
    }
    sampled.make("eval_psnr")
    weights = sampled.folder / Plan(parse_settings(sampled.config, "tiny")).weights("full")
    found = TrainingDiagnosis.read(weights.with_name("diagnosis.json"))
    assert found.stopped is not None
    assert next(cause.cause for cause in found.stopped.causes if cause.suspected) == "learning_rate"
    status = f"collapsed at step {found.stopped.step}; weights of step 0"
    assert WeightsCard.read(weights.with_name("card.json")).status == status
    assert PredictionTable.read(sampled.folder / "results/predictions/full/predictions.json").status == status
    summary = pd.read_csv(sampled.folder / "results/eval_psnr_summary.csv").set_index("experiment")
    assert summary.loc["full", "status"] == status
    assert summary.loc["zero_shot", "status"] == "complete"
    scores = pd.read_csv(sampled.folder / "results/eval_psnr.csv")
    assert set(scores.loc[scores["experiment"] == "full", "status"]) == {status}
    same = summary.loc[["full", "zero_shot"], "held_out_psnr"]
    assert same["full"] == same["zero_shot"]  # the weights that it started from
    assert (
        found.paragraph in (sampled.folder / "logs/finetune_gslrm").joinpath(f"{weights.parent.name}.log").read_text()
    )
