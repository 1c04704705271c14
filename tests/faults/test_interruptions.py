"""Killed rules, a killed Snakemake, two at once, a clock that went back: the same command ends with the same bytes."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.workflow import ENVIRONMENT, REPOSITORY, Workflow

FIRST = "results/animal/tiny/opened.json"  # after the simulated recording
OF_ALL = ("eval_", "tiny/verdict", "tiny/foreseen")  # tell of all experiments, and of what they normalize by
PATIENCE = 120.0  # seconds


def contents(workflow: Workflow, below: str = "results") -> dict[str, bytes]:
    """All files that rules made, but for those that tell how long something took."""
    home = workflow.folder / below
    files = sorted(path for path in home.rglob("*") if path.is_file())
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in files}


def different(found: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


@pytest.mark.slow
def test_a_run_whose_every_rule_was_killed_ends_with_the_same_bytes(
    untouched: Workflow, finished: Workflow, tmp_path: Path
) -> None:
    """Each rule's first try dies when its first output is written and not yet named; Snakemake tries again.

    One experiment asks for every rule; what it shares with the whole run must be the same.
    """
    killed = untouched.copy(tmp_path / "run")
    killed.config["experiments"] = {"full": killed.config["experiments"]["full"]}
    tries = tmp_path / "killed"
    tries.mkdir()
    path = os.pathsep.join([str(REPOSITORY / "tests/faults/killing"), ENVIRONMENT["PYTHONPATH"]])
    told = killed.make("eval_psnr", "--retries", "1", environment={"PYTHONPATH": path, "KILLED": str(tries)})
    scripts = {path.name for path in tries.iterdir()}
    rules = {path.name for path in (finished.folder / "logs").iterdir()}
    of_others = {"score_baselines": "score_predictions", "score_true_views_of_baselines": "score_true_views"}
    assert scripts == {of_others.get(rule.split(".")[0], rule.split(".")[0]) for rule in rules}
    assert len(scripts) > 15
    assert told.count("Trying to restart job") == len(scripts)
    found, expected = contents(killed), contents(finished)
    shared = {name: content for name, content in found.items() if not name.startswith(OF_ALL)}
    assert len(shared) > 50
    assert different(shared, {name: expected[name] for name in shared}) == []
    for name in ("eval_psnr.csv", "eval_truth.csv"):
        assert set(found[name].splitlines()) <= set(expected[name].splitlines())
    assert "Nothing to be done" in killed.make("eval_psnr")


@contextmanager
def started(workflow: Workflow, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Snakemake at work, until it is done or killed."""
    process = subprocess.Popen(
        workflow.command("--cores", "1", *arguments),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, env=ENVIRONMENT,
    )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(workflow: Workflow, pattern: str) -> None:
    until = time.monotonic() + PATIENCE
    while not list(workflow.folder.glob(pattern)):
        assert time.monotonic() < until, f"{pattern} did not appear"
        time.sleep(0.02)


def wait_for_the_end(group: int) -> None:
    """Of all processes of a group."""
    until = time.monotonic() + PATIENCE
    with suppress(ProcessLookupError):
        while time.monotonic() < until:
            os.killpg(group, 0)
            time.sleep(0.1)


@pytest.mark.slow
def test_of_two_workflows_in_one_folder_the_second_is_refused(untouched: Workflow, tmp_path: Path) -> None:
    workflow = untouched.copy(tmp_path)
    with started(workflow, FIRST) as first:
        wait_for(workflow, "results/simulated/.tiny.*.partial/videos/*.mp4")
        os.killpg(first.pid, signal.SIGSTOP)  # so that it is surely at work when the second comes
        told = workflow.refuse(FIRST)
        os.killpg(first.pid, signal.SIGCONT)
        assert "Directory cannot be locked" in told and "no other Snakemake process" in told
        said, _ = first.communicate(timeout=PATIENCE)
        assert first.returncode == 0, said
    assert "Nothing to be done" in workflow.make(FIRST)
    assert not list(workflow.folder.glob("results/**/.*.partial*"))


@pytest.mark.slow
def test_a_job_whose_snakemake_was_killed_alone_does_no_harm(
    untouched: Workflow, finished: Workflow, tmp_path: Path
) -> None:
    """It goes on beside its second try, until one of them finds that the other has cleared its work away."""
    workflow = untouched.copy(tmp_path)
    with started(workflow, FIRST) as first:
        wait_for(workflow, "results/simulated/.tiny.*.partial/videos/*.mp4")
        first.kill()
        first.wait()
        workflow.make("--unlock")
        workflow.make(FIRST)
        wait_for_the_end(first.pid)
    assert different(contents(workflow, "results/simulated"), contents(finished, "results/simulated")) == []
    assert not list(workflow.folder.glob("results/**/.*.partial*"))


@pytest.mark.slow
def test_a_clock_that_went_back_is_told_and_costs_nothing(sampled: Workflow, finished: Workflow) -> None:
    """All files up to the samples are of tomorrow: Snakemake takes nothing made from them before it is tomorrow."""
    name = "results/scores/zero_shot.csv"
    _set_clocks(sampled, time.time() + 86400)
    refused = sampled.refuse(name)
    assert "has older modification time" in refused
    assert "clock skew" in refused
    assert not (sampled.folder / name).exists()
    _set_clocks(sampled, time.time() - 60)
    sampled.make(name)
    assert (sampled.folder / name).read_bytes() == (finished.folder / name).read_bytes()


def _set_clocks(workflow: Workflow, seconds: float) -> None:
    for path in (workflow.folder / "results").rglob("*"):
        os.utime(path, (seconds, seconds))
