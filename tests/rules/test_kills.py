"""A run that is killed without warning, and goes on with the same command, ends with the same numbers."""

import time
from pathlib import Path

import pytest

from tests.workflow import Workflow

PATIENCE = 30  # seconds in which killed processes are gone, on a busy machine too


def running_in(folder: Path) -> list[str]:
    """Processes that still work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                found.append(process.name)
        except OSError:  # it ended, or is another user's
            continue
    return found


def kill(workflow: Workflow, moment: str, unfinished: str) -> None:
    """Kill the run once a file of a rule's work appears; what that rule declares must not be there."""
    workflow.kill_when(moment, "eval_psnr")
    until = time.monotonic() + PATIENCE
    while running_in(workflow.folder) and time.monotonic() < until:
        time.sleep(0.1)
    assert running_in(workflow.folder) == []
    assert not list(workflow.folder.glob(unfinished)), f"{unfinished} was taken for whole"
    assert "unlock" in workflow.refuse("eval_psnr")
    workflow.make("--unlock")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="looks for what survived in /proc")
def test_a_run_killed_three_times_ends_with_the_same_bytes(untouched, finished, tmp_path):
    killed = untouched.copy(tmp_path.resolve())
    kill(
        killed,
        "results/simulated/.tiny.*.partial/videos/Camera6.mp4",
        "results/simulated/tiny/**/*.*",
    )
    kill(
        killed,
        "results/views/tiny/*/chunk_*/frame_*",
        "results/views/tiny/*/chunk_*/manifest.json",
    )
    kill(
        killed,
        "state/finetune_gslrm/*/step_*.pt",
        "results/weights/*/*",
    )
    told = killed.make("eval_psnr")
    assert "resuming at step" in told
    for name in ("eval_psnr.csv", "eval_psnr_summary.csv"):
        assert (killed.folder / "results" / name).read_bytes() == (finished.folder / "results" / name).read_bytes()
    assert not list(killed.folder.glob("results/**/.*.partial*"))
    assert "Nothing to be done" in killed.make("eval_psnr")
