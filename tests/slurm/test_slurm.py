"""The tiny run through sbatch, with the profile that ships: `sinfo` must show partitions `cpu` and `gpu`."""

import shutil
import subprocess
import time

import pytest

from tests.workflow import ENVIRONMENT, REPOSITORY, Workflow

TRAINED = "results/weights/real.contract.*/weights.safetensors"
PATIENCE = 900  # seconds


def said_by(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def partitions() -> set[str]:
    """Of the cluster here, or none."""
    if shutil.which("sinfo") is None:
        return set()
    found = subprocess.run(["sinfo", "-h", "-o", "%R %T"], capture_output=True, text=True, check=False, timeout=20)
    return {line.split()[0] for line in found.stdout.splitlines() if line.split()[1:] != ["down"]}


pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not {"cpu", "gpu"} <= partitions(), reason="no SLURM with partitions `cpu` and `gpu` here"),
]


def start(workflow: Workflow, *arguments: str) -> "subprocess.Popen[str]":
    workflow.write_config()
    command = [
        "snakemake", *arguments, "--snakefile", str(REPOSITORY / "Snakefile"), "--directory", str(workflow.folder),
        "--configfile", str(workflow.folder / "config.yaml"), "--workflow-profile", str(REPOSITORY / "profiles/slurm"),
    ]  # fmt: skip
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT, cwd=workflow.folder
    )


def jobs_of(rule: str) -> list[str]:
    """Numbers of the running jobs of a rule, as their comments say."""
    lines = said_by("squeue", "-h", "-t", "R", "-o", "%i %k").splitlines()
    return [line.split()[0] for line in lines if line.split()[1:] and line.split()[1].startswith(f"rule_{rule}")]


@pytest.fixture
def unweighed(finished, tmp_path) -> Workflow:
    """All is made but weights and what follows from them."""
    workflow = finished.copy(tmp_path / "unweighed")
    for name in ("weights", "predictions", "scores", "contact_sheets"):
        shutil.rmtree(workflow.folder / "results" / name)
    for path in (workflow.folder / "results").glob("eval_*"):
        path.unlink()
    return workflow


def test_through_sbatch_a_training_that_is_asked_to_leave_goes_on_to_the_same_bytes(finished, unweighed):
    (expected,) = finished.folder.glob(TRAINED)
    target = str(expected.relative_to(finished.folder))
    process = start(unweighed, target)
    until = time.monotonic() + PATIENCE
    asked = False
    while process.poll() is None and time.monotonic() < until:
        if not asked and list(unweighed.folder.glob("state/finetune_gslrm/*/step_*.pt")) and jobs_of("finetune_gslrm"):
            said_by("scancel", "--signal=USR1", *jobs_of("finetune_gslrm"))
            asked = True
        time.sleep(0.2)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0, told[-6000:]
    assert asked, "it ended before it could be asked"
    assert (unweighed.folder / target).read_bytes() == expected.read_bytes()
    logs = "".join(path.read_text() for path in unweighed.folder.glob("logs/finetune_gslrm/*.log"))
    assert "resuming at step" in logs


def test_a_cancelled_job_is_an_error_that_names_its_log_and_the_same_command_goes_on(unweighed):
    process = start(unweighed, "results/scores/full.csv", "--retries", "0")
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until and not jobs_of("finetune_gslrm"):
        time.sleep(0.2)
    said_by("scancel", *jobs_of("finetune_gslrm"))
    told, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert "finetune_gslrm" in told
    assert "slurm_logs" in told
    assert not list(unweighed.folder.glob(TRAINED))
    again = start(unweighed, "results/scores/full.csv")
    told, _ = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, told[-6000:]
    assert list(unweighed.folder.glob(TRAINED))
