"""What Snakemake plans, and what stops it before any job."""

import copy
import csv
import subprocess

import pytest

from tests.workflow import ENVIRONMENT, REPOSITORY


def test_nothing_is_to_be_done_twice(finished):
    assert "Nothing to be done" in finished.make("eval_psnr")


def jobs(told: str) -> dict[str, int]:
    """Counts of a dry run's table of jobs."""
    lines = told.split("Job stats:")[1].splitlines() if "Job stats:" in told else []
    rows = [line.split() for line in lines]
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[0].isidentifier() and row[1].isdigit()}


def test_one_experiment_s_row_reruns_that_experiment_alone(finished, tmp_path):
    changed = finished.copy(tmp_path)
    changed.config["experiments"]["full"]["finetune"]["learning_rate"] = 3.0e-5
    assert jobs(changed.make("-n", "eval_psnr")) == {
        "finetune_gslrm": 1,
        "predict_gslrm": 1,
        "score_predictions": 1,
        "score_true_views": 1,
        "draw_contact_sheet": 1,
        "eval_truth": 1,
        "eval_psnr": 1,
        "total": 7,
    }


def test_a_new_experiment_adds_its_own_jobs_alone(finished, tmp_path):
    changed = finished.copy(tmp_path)
    changed.config["experiments"]["kept"] = copy.deepcopy(changed.config["experiments"]["zero_shot"])
    planned = jobs(changed.make("-n", "eval_psnr"))
    assert planned == {
        "predict_gslrm": 1,
        "score_predictions": 1,
        "score_true_views": 1,
        "draw_contact_sheet": 1,
        "eval_truth": 1,
        "eval_psnr": 1,
        "total": 6,
    }


def test_lpips_changes_scores_and_no_prediction(finished, tmp_path):
    changed = finished.copy(tmp_path)
    changed.config["evaluation"]["lpips_weights"] = "checkpoints/lpips.safetensors"
    told = changed.refuse("-n", "eval_psnr")
    assert "evaluation.lpips_weights: files are missing; nothing was started" in told
    assert "checkpoints/lpips.safetensors" in told
    (changed.folder / "checkpoints").mkdir()
    (changed.folder / "checkpoints/lpips.safetensors").touch()
    planned = jobs(changed.make("-n", "eval_psnr"))
    assert planned == {"score_predictions": 3, "score_baselines": 4, "eval_psnr": 1, "total": 8}


def test_intervals_change_the_summary_alone(finished, tmp_path):
    changed = finished.copy(tmp_path)
    changed.config["evaluation"]["intervals"]["seed"] = 1
    assert jobs(changed.make("-n", "eval_psnr")) == {"eval_psnr": 1, "total": 1}


def test_a_recording_without_a_truth_is_asked_for_none(laboratory):
    planned = jobs(laboratory.make("-n", "eval_psnr"))
    assert planned["score_predictions"] == 3
    assert not {"draw_true_views", "score_true_views", "score_true_views_of_baselines", "eval_truth"} & planned.keys()


def test_jobs_do_not_grow_with_the_frames(untouched, tmp_path):
    longer = untouched.copy(tmp_path)
    planned = jobs(longer.make("-n", "eval_psnr"))
    longer.config["captures"]["tiny"]["frames"]["stop"] *= 10_000
    longer.config["animal"]["frames_per_chunk"] *= 10_000
    assert jobs(longer.make("-n", "eval_psnr")) == planned
    longer.config["animal"]["frames_per_chunk"] //= 2
    more = jobs(longer.make("-n", "eval_psnr"))
    assert {rule for rule in more if more[rule] != planned[rule]} == {"find_animal", "normalize_views", "total"}


def test_job_limits_rerun_nothing(finished, tmp_path):
    changed = finished.copy(tmp_path)
    changed.config["jobs"] |= {"training_minutes": 7, "processes": 2}
    assert "Nothing to be done" in changed.make("-n", "eval_psnr")


def test_on_a_cluster_trainings_alone_ask_for_the_gpus_of_all_their_processes(untouched, tmp_path):
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="pip install -e '.[slurm]' was not done")
    wide = untouched.copy(tmp_path)
    wide.config["jobs"] |= {"gpu": 1, "processes": 2, "nodes": 3}
    command = [*wide.command("-n", "eval_psnr")[:-1], str(REPOSITORY / "profiles/slurm")]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT).stdout
    asked = {
        rule.split(":")[0]: rule.split("resources: ")[1].splitlines()[0].split(", ")
        for rule in told.split("rule ")
        if "resources: " in rule
    }
    words = {"gpu=6", "nodes=3", "tasks=3", "mpi=srun", "slurm_extra=--signal=TERM@90 --gpus-per-node=2"}
    assert words <= set(asked["finetune_gslrm"])
    assert "gpu=1" in asked["predict_gslrm"]
    for rule, words in asked.items():
        assert ("slurm_partition=gpu" in words) == any(word.startswith("gpu=") for word in words), rule


@pytest.mark.parametrize("dry", [("-n",), ()])
def test_a_missing_checkpoint_stops_everything_before_any_job(untouched, tmp_path, dry):
    broken = untouched.copy(tmp_path)
    broken.config["checkpoints"]["small"]["weights"] = "checkpoints/mouse_centered_real/checkpoint-2000.safetensors"
    told = broken.refuse("eval_psnr", *dry)
    assert "checkpoints.small.weights: no file checkpoints/mouse_centered_real/checkpoint-2000.safetensors" in told
    assert "needed by experiments ['zero_shot', 'full', 'real_camera']" in told
    assert not (broken.folder / "results").exists()


def test_a_checkpoint_of_another_domain_stops_everything_before_any_job(untouched, tmp_path):
    broken = untouched.copy(tmp_path)
    broken.config["checkpoints"]["small"]["domain"] = "human-head"
    told = broken.refuse("eval_psnr")
    assert "zero_shot.accepts_domains: checkpoint small is of domain human-head, accepted: procedural, mouse" in told
    assert not (broken.folder / "results").exists()


def test_check_checkpoints_reports_right_and_wrong_ones(untouched, tmp_path):
    checked = untouched.copy(tmp_path)
    table = checked.folder / "results/checkpoints.csv"
    checked.make("check_checkpoints")
    assert [row["checkpoint"] for row in csv.DictReader(table.open())] == ["small"]
    rows = checked.config["checkpoints"]
    rows["changed"] = rows["small"] | {"sha256": "0" * 64}
    rows["released"] = rows["small"] | {"weights": "checkpoints/ckpt_0000000000021125.pt", "domain": "human-head"}
    told = checked.refuse("check_checkpoints")
    assert "2 wrong of 3 checkpoints" in told
    assert "checkpoints.changed: sha256: found " in told
    assert "checkpoints.released: weights: no file checkpoints/ckpt_0000000000021125.pt" in told
    assert {row["checkpoint"]: row["exists"] for row in csv.DictReader(table.open())} == {
        "small": "yes",
        "changed": "yes",
        "released": "no",
    }
    assert "2 wrong of 3" in (checked.folder / "logs/check_checkpoints.log").read_text()


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (
            ("experiments", "full", "finetune", "learning_rat"),
            "experiments.full.finetune.full.learning_rat: unknown key",
        ),
        (("learning_rate",), "learning_rate: unknown key"),
        (("camera_contract", "fov"), "camera_contract.fov: unknown key"),
    ],
)
def test_an_unknown_or_misplaced_key_stops_everything(untouched, tmp_path, place, words):
    broken = untouched.copy(tmp_path)
    section = broken.config
    for key in place[:-1]:
        section = section[key]
    section[place[-1]] = 1
    assert words in broken.refuse("eval_psnr")
    assert not (broken.folder / "results").exists()


def test_a_missing_key_stops_everything(untouched, tmp_path):
    broken = untouched.copy(tmp_path)
    del broken.config["evaluation"]["split"]
    assert "evaluation.split: missing key" in broken.refuse("eval_psnr")


def test_missing_raw_files_stop_everything(untouched, tmp_path):
    broken = untouched.copy(tmp_path)
    broken.config["captures"]["tiny"]["pictures"] = "raw/{camera}.mp4"
    told = broken.refuse("eval_psnr")
    assert "raw/Camera1.mp4" in told
    assert not (broken.folder / "results").exists()
