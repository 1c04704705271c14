"""On a real SLURM: jobs that are killed, moved, spread over nodes; other profiles; the whole embedded default.

`pytest -m slurm_long`: half an hour or more on two cores, and left out unless it is asked for.
"""

import os
import shutil
import signal
import time
from contextlib import suppress

import pytest
import yaml
from safetensors.torch import load_file

from tests.slurm.cluster import Cluster
from tests.slurm.conftest import forget_training
from tests.slurm.through import SCORES, Through, log_of_training, weights, weights_file
from tests.workflow import REPOSITORY, Workflow

pytestmark = [pytest.mark.slow, pytest.mark.slurm_long, pytest.mark.timeout(7200)]


def test_a_time_limit_cuts_a_training_and_it_ends_with_the_same_bytes(longer, untrained: Through):
    """SLURM itself sends the signal, as its limit draws near."""
    cluster, target = untrained.cluster, weights_file(untrained.workflow)
    with untrained.run(target) as run:
        job = untrained.training_job(run)
        held = untrained.hold_trainer()
        minutes = cluster.seconds(job) // 60 + 3
        cluster.said("scontrol", "update", f"JobId={job}", f"TimeLimit={minutes}")
        late = 60 * minutes - 90 + 35  # SLURM looks every half minute, and may let go on whom it tells to leave
        untrained.wait(lambda: cluster.about(job)["JobState"] != "RUNNING" or cluster.seconds(job) > late, run)
        with suppress(ProcessLookupError):
            os.kill(held, signal.SIGCONT)
        assert run.ended() == 0, run.said[-8000:]
    assert cluster.about(job)["JobState"] == "FAILED"  # it left by itself; else TIMEOUT
    assert "resuming at step" in log_of_training(untrained.folder)
    assert weights(untrained.folder) == weights(longer.folder)


def test_a_job_killed_by_its_time_limit_begins_anew(untrained: Through):
    cluster = untrained.cluster
    with untrained.run(SCORES) as run:
        untrained.wait(lambda: bool(cluster.jobs("predict_gslrm", "R")), run)
        (job,) = cluster.jobs("predict_gslrm", "R")
        cluster.said("scontrol", "update", f"JobId={job}", f"EndTime={time.strftime('%Y-%m-%dT%H:%M:%S')}")
        assert run.ended() == 0, run.said[-8000:]
    assert f"SLURM-job '{job}' failed, SLURM status is: 'TIMEOUT'" in run.said
    assert cluster.about(cluster.jobs("predict_gslrm")[-1])["TimeLimit"] == "02:00:00"


def test_a_job_killed_for_its_memory_is_tried_again_with_more(untrained: Through):
    more = ("--set-resources", "predict_gslrm:mem_mb=attempt * attempt * 350")
    said = untrained.make(SCORES, *more)
    states = [untrained.cluster.about(job)["JobState"] for job in untrained.cluster.jobs("predict_gslrm")[-2:]]
    assert states == ["FAILED", "COMPLETED"]
    assert "Trying to restart job" in said


def test_a_training_without_the_memory_it_needs_ends_in_an_error_that_says_so(untrained: Through):
    said = untrained.refuse(SCORES, "--set-resources", "finetune_gslrm:mem_mb=350", "--retries", "1")
    assert "finetune_gslrm" in said
    assert "memory" in said.lower()
    assert not list(untrained.folder.glob("results/weights/**/*.safetensors"))


def test_after_kill_9_the_same_command_refuses_until_the_training_is_done_and_never_trains_twice(
    longer, untrained: Through
):
    cluster, target = untrained.cluster, weights_file(untrained.workflow)
    with untrained.run(target) as run:
        job = untrained.training_job(run)
        run.process.kill()
    cluster.said("scontrol", "suspend", job)
    assert "unlock" in untrained.refuse(target)
    untrained.make("--unlock")
    said = untrained.refuse(target)
    assert "jobs of an earlier run are at work in this folder; nothing was started" in said
    assert f"{job}: rule_finetune_gslrm" in said
    assert cluster.jobs("finetune_gslrm")[-1] == job
    cluster.said("scontrol", "resume", job)
    untrained.idle()
    assert cluster.about(job)["JobState"] == "COMPLETED"
    untrained.make(target)
    assert weights(untrained.folder) == weights(longer.folder)
    told = log_of_training(untrained.folder)
    assert "resuming at step 60 of 60" in told
    assert "step 60 of 60: loss" not in told


def test_a_preempted_training_goes_on_where_it_was(longer, untrained: Through):
    cluster, target = untrained.cluster, weights_file(untrained.workflow)
    with untrained.run(target) as run:
        job = untrained.training_job(run)
        untrained.hold_trainer()  # SLURM lets those go on whom it asks to leave
        cluster.said("sbatch", "-p", "urgent", "--nodes=2", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 5")
        assert run.ended() == 0, run.said[-8000:]
    assert cluster.about(job)["Restarts"] == "1"
    assert cluster.jobs("finetune_gslrm")[-1] == job
    assert "resuming at step" in log_of_training(untrained.folder)
    assert weights(untrained.folder) == weights(longer.folder)


def test_two_nodes_share_a_training_also_one_that_is_cut(longer, untrained: Through):
    """To the same numbers but for rounding."""
    cluster = untrained.cluster
    untrained.workflow.config["experiments"]["full"]["finetune"]["batch"] = 2
    whole = untrained.workflow.copy(untrained.folder.parent / "whole")
    whole.make(weights_file(whole))
    untrained.workflow.config["jobs"]["nodes"] = 2
    with untrained.run(weights_file(untrained.workflow)) as run:
        job = untrained.training_job(run)
        asked = cluster.about(job)
        cluster.said("scancel", "--signal=TERM", job)
        assert run.ended() == 0, run.said[-8000:]
    assert (asked["NumNodes"], asked["TresPerJob"], asked["TresPerNode"]) == ("2", "gres:gpu:2", "gres:gpu:1")
    assert "resuming at step" in log_of_training(untrained.folder)
    shared, alone = (load_file(workflow.folder / weights_file(workflow)) for workflow in (untrained.workflow, whole))
    for name, tensor in alone.items():
        assert (shared[name] - tensor).abs().max() <= 1e-3 * tensor.abs().max() + 1e-5, name


@pytest.mark.parametrize("profile", ["slurm", "slurm_one_partition", "slurm_arrays"])
def test_each_profile_ends_with_the_numbers_of_a_run_without_slurm(finished, cluster: Cluster, tmp_path, profile):
    workflow = finished.copy(tmp_path / "again")
    forget_training(workflow)
    through = Through(cluster, workflow)
    before = set(cluster.jobs())
    through.make("eval_psnr", profile=profile)
    for name in ("eval_psnr.csv", "eval_psnr_summary.csv", "eval_truth.csv"):
        assert (workflow.folder / "results" / name).read_bytes() == (finished.folder / "results" / name).read_bytes()
    jobs = [job for job in cluster.jobs() if job not in before]
    assert {cluster.about(job)["JobState"] for job in jobs} == {"COMPLETED"}
    assert any("_" in job for job in jobs) == (profile == "slurm_arrays")
    assert "Nothing to be done" in through.make("eval_psnr", profile=profile)


def test_the_whole_embedded_default_through_sbatch(cluster: Cluster, tmp_path):
    for name in ("Snakefile", "rules", "workflow_scripts", "profiles", "envs", "config", "mouse_facelift"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    shutil.copy2(REPOSITORY / "config.yaml", tmp_path)
    workflow = Workflow(tmp_path, yaml.safe_load((REPOSITORY / "config.yaml").read_text()))
    Through(cluster, workflow).make("eval_psnr", "--jobs", "4")
    rows = (tmp_path / "results/eval_psnr_summary.csv").read_text().splitlines()
    assert len(rows) > len(workflow.config["experiments"])
