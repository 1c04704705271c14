"""What surrounds a run: names with spaces and worse, a disk that fills up, inputs that are read-only, little memory."""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.workflow import ENVIRONMENT, Workflow

FIRST = "results/animal/tiny/opened.json"
HOSTILE = "Käfig 3; $(touch marker) `touch marker` 'a' \"b\" & c"


def checksums(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.slow
def test_files_of_any_name_go_through_every_rule_and_nothing_in_it_is_run(
    laboratory: Workflow, finished: Workflow, tmp_path: Path
) -> None:
    """A recording, its calibration and a checkpoint whose folder's name is a command; a camera of other letters."""
    place = f"raw/{HOSTILE}"
    folder = laboratory.folder
    shutil.move(folder / "raw", folder / "moved")
    (folder / "raw").mkdir()
    shutil.move(folder / "moved", folder / place)
    shutil.move(folder / "weights", folder / place / "weights")
    capture = laboratory.config["captures"]["tiny"]
    for kind in ("videos", "masks"):
        (folder / place / kind / "Camera6.mp4").rename(folder / place / kind / "Kamera_6ü.mp4")
    calibration = folder / place / "calibration.toml"
    calibration.write_text(calibration.read_text().replace("Camera6", "Kamera_6ü"))
    capture["cameras"] = [name.replace("Camera6", "Kamera_6ü") for name in capture["cameras"]]
    capture["calibration"]["path"] = f"{place}/calibration.toml"
    capture["pictures"] = place + "/videos/{camera}.mp4"
    capture["masks"]["path"] = place + "/masks/{camera}.mp4"
    laboratory.config["checkpoints"]["small"] |= {
        "weights": f"{place}/weights/tiny.safetensors", "config": f"{place}/weights/tiny.json",
    }  # fmt: skip
    laboratory.make("results/scores/full.csv")
    found, expected = (pd.read_csv(each / "results/scores/full.csv") for each in (folder, finished.folder))
    assert f"{place}/weights/tiny.safetensors" in found.pop("weights")[0]
    assert "weights/tiny.safetensors" in expected.pop("weights")[0]
    pd.testing.assert_frame_equal(found.replace("Kamera_6ü", "Camera6"), expected, check_exact=True)
    assert not list(tmp_path.rglob("marker"))


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here, which takes root: {done.stderr.decode().strip()}")


@pytest.mark.slow
def test_a_rule_whose_disk_is_full_ends_right_once_there_is_room(
    untouched: Workflow, finished: Workflow, tmp_path: Path
) -> None:
    workflow = untouched.copy(tmp_path)
    results = workflow.folder / "results"
    results.mkdir()
    mount("-t", "tmpfs", "-o", "size=100k", "tmpfs", str(results))
    try:
        told = workflow.refuse("--cores", "1", FIRST)
        assert os.strerror(errno.ENOSPC) in told
        left = [path for path in results.rglob("*") if path.is_file()]
        assert left == []
        mount("-o", "remount,size=500m", str(results))
        workflow.make(FIRST)
        assert checksums(results / "simulated") == checksums(finished.folder / "results/simulated")
        assert (workflow.folder / FIRST).read_bytes() == (finished.folder / FIRST).read_bytes()
    finally:
        subprocess.run(["umount", "-l", str(results)], check=True)


@pytest.mark.slow
def test_a_recording_that_is_read_only_is_read_and_left_as_it_is(laboratory: Workflow) -> None:
    raw = laboratory.folder / "raw"
    before = checksums(raw)
    for path in (*raw.rglob("*"), raw):
        path.chmod(0o555 if path.is_dir() else 0o444)
    mounted = os.geteuid() == 0  # to whom rights mean nothing
    if mounted:
        mount("--bind", str(raw), str(raw))
        mount("-o", "remount,ro,bind", str(raw))
    try:
        with pytest.raises(OSError):
            (raw / "new").touch()
        laboratory.make("results/animal/tiny/chunk_0/animal.npz")
        assert checksums(raw) == before
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(raw)], check=True)
        for path in (raw, *raw.rglob("*")):
            path.chmod(0o755)


# After everything is imported: the work alone has little memory.
LIMITED = """
import os, resource, runpy, sys
import workflow_scripts.{script}
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * os.sysconf("SC_PAGE_SIZE") + 60_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
runpy.run_module("workflow_scripts.{script}", run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks /proc how much memory is in use")
def test_too_little_memory_is_said_and_nothing_half_made_is_left(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-c", LIMITED.format(script="simulate_capture")),
            *("--capture", str(tmp_path / "capture"), "--truth", str(tmp_path / "truth")),
            *("--sequence", "walk", "--frames", "2", "--seed", "0", "--scale", "1.0"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
    )
    assert done.returncode == 1, done.stderr
    assert "memory" in done.stderr.splitlines()[-1], done.stderr
    assert "Traceback" not in done.stderr
    # Where there is no memory to clear up with, the next try does; nothing has its final name.
    assert [path.name for path in tmp_path.iterdir() if not path.match(".*.partial")] == []
