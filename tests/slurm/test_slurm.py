"""On a real SLURM, started here (tests/slurm/cluster.py): what happens to a training and to the workflow around it.

These are the short form, of some minutes. Longer ones stand in test_slurm_long.py: `pytest -m slurm_long`.
"""

import signal

import pytest

from tests.slurm.through import SCORES, Through, log_of_training, weights, weights_file

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def test_a_training_told_before_its_end_goes_on_in_a_new_job_to_the_same_bytes(longer, untrained: Through):
    """Meanwhile nobody else may start, and the controller is restarted."""
    cluster = untrained.cluster
    with untrained.run(SCORES) as run:
        job = untrained.training_job(run)
        cluster.said("scancel", "--signal=TERM", job)  # what `--signal=TERM@90` sends, and to whom
        training = cluster.about(job)
        untrained.wait(lambda: "asked to leave by SIGTERM" in log_of_training(untrained.folder), run)
        cluster.stop_controller()
        assert "LockException" in untrained.refuse(SCORES)
        cluster.start_controller()
        assert run.ended() == 0, run.said[-8000:]
    assert weights(untrained.folder) == weights(longer.folder)
    assert "resuming at step" in log_of_training(untrained.folder)
    first, second = cluster.jobs("finetune_gslrm")[-2:]
    assert first == job
    assert [cluster.about(each)["JobState"] for each in (first, second)] == ["FAILED", "COMPLETED"]
    assert (training["Partition"], training["TresPerJob"], training["MinMemoryNode"]) == ("gpu", "gres:gpu:1", "2500M")
    scoring = cluster.about(cluster.jobs("scoring")[-1])
    assert scoring["Partition"] == "cpu"
    assert "TresPerJob" not in scoring
    assert not list(untrained.folder.glob("state/**/*.pt"))


def test_a_cancelled_job_and_a_cancelled_workflow_end_clearly_and_the_same_command_goes_on(longer, untrained: Through):
    cluster, target = untrained.cluster, weights_file(untrained.workflow)
    with untrained.run(target, "--retries", "0") as run:
        job = untrained.training_job(run)
        cluster.said("scancel", job)
        assert run.ended() != 0
    assert f"SLURM-job '{job}' failed, SLURM status is: 'CANCELLED'" in run.said
    (log,) = untrained.folder.glob("logs/finetune_gslrm/*.log")
    for fact in ("rule finetune_gslrm", str(log.relative_to(untrained.folder)), f"{job}.log"):
        assert fact in run.said
    assert not list(untrained.folder.glob("results/weights/**/*.safetensors"))
    untrained.idle()
    with untrained.run(target) as run:
        job = untrained.training_job(run)
        run.process.send_signal(signal.SIGINT)
        assert run.ended() != 0
        untrained.idle()
    assert cluster.about(job)["JobState"] == "CANCELLED"
    untrained.make(target)
    assert "resuming at step" in log_of_training(untrained.folder)
    assert weights(untrained.folder) == weights(longer.folder)
