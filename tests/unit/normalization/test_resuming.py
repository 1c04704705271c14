"""A chunk that is killed goes on where it was, and never with samples that were made of something else."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mouse_facelift.formats.views import Views
from mouse_facelift.formats.whole import sha256
from mouse_facelift.normalization import frame as frame_module
from mouse_facelift.normalization.kept import digest_of
from mouse_facelift.normalization.normalize import normalize_views
from mouse_facelift.settings import CameraContract, Keep, NormalizationWork

WORK = NormalizationWork(hull_resolution=24)
KEEP = Keep(mode="keep", center="frame", unit="contract")

Run = Callable[..., list[int]]


@pytest.fixture
def run(one_chunk: Any, contract: CameraContract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Normalize the one chunk, dying before a frame's sample is written; tell which frames were written."""

    def run(
        die_at: int | None = None,
        manifest: Path = one_chunk.manifest,
        contract: CameraContract = contract,
        work: NormalizationWork = WORK,
    ) -> list[int]:
        written: list[int] = []

        def write(folder: Path, sample: Any, names: Any) -> None:
            frame = int(sample.name[-6:])
            if frame == die_at:
                raise KeyboardInterrupt
            written.append(frame)
            plainly(folder, sample, names)

        with monkeypatch.context() as patched:
            plainly = frame_module.write_sample
            patched.setattr(frame_module, "write_sample", write)
            try:
                normalize_views(manifest, tmp_path / "views" / "manifest.json", 0, KEEP, "keep", contract, work)
            except KeyboardInterrupt:
                assert not (tmp_path / "views" / "manifest.json").exists()
        return written

    return run


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): sha256(path) for path in folder.rglob("*") if path.is_file()}


def test_finished_samples_are_kept(run: Run, tmp_path: Path) -> None:
    assert run() == [3, 8, 20]
    expected = contents(tmp_path / "views")
    assert run(die_at=20) == [3, 8]
    assert run() == [20]
    assert contents(tmp_path / "views") == expected
    assert run() == [3, 8, 20]  # nothing was interrupted: all is made anew


def test_what_was_made_of_something_else_is_not(
    run: Run, one_chunk: Any, contract: CameraContract, tmp_path: Path
) -> None:
    other_manifest = tmp_path / "manifest.json"
    moved = [subject.model_copy(update={"radius": subject.radius + 1}) for subject in one_chunk.frames.subjects]
    one_chunk.frames.model_copy(update={"subjects": tuple(moved)}).write(other_manifest)
    others: list[dict[str, Any]] = [
        {"contract": contract.model_copy(update={"focal": contract.focal * 1.01})},
        {"work": WORK.model_copy(update={"hull_resolution": 25})},
        {"manifest": other_manifest},
    ]
    for other in others:
        assert run(die_at=20, **other)[-1] == 8
        assert run(die_at=20) == [3, 8]
    assert run() == [20]


def test_pictures_that_changed_since_are_read_again(run: Run, one_chunk: Any) -> None:
    assert run(die_at=20) == [3, 8]
    changed = Path(one_chunk.frames.cameras[2].pictures.format(frame=8))
    status = changed.stat()
    os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert run() == [8, 20]


def test_a_sample_that_is_not_what_was_recorded_is_made_again(run: Run, tmp_path: Path) -> None:
    assert run(die_at=20) == [3, 8]
    picture = tmp_path / "views" / "frame_000003" / "images" / "cam_001.png"
    picture.write_bytes(picture.read_bytes()[:-1])
    (tmp_path / "views" / "frame_000008" / "images" / "more.png").write_bytes(b"")
    assert run() == [3, 8, 20]


def test_a_record_of_another_form_is_none(run: Run, tmp_path: Path) -> None:
    assert run(die_at=20) == [3, 8]
    (record,) = (tmp_path / "views").glob(".frame_000003.*")
    record.write_text('{"digest": "of an older program"}')
    assert run() == [3, 20]


def test_a_digest_is_of_texts_and_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("c")
    digests = [
        digest_of(parts, [tmp_path / name for name in names])
        for parts, names in [(["p"], "a"), (["p"], "b"), (["p", ""], "a"), (["q"], "a"), (["p"], "ab")]
    ]
    assert len(set(digests)) == 5
    with pytest.raises(FileNotFoundError):
        digest_of([], [tmp_path / "missing"])


def test_killed_at_any_moment_it_ends_with_the_same_bytes(
    one_chunk: Any, contract: CameraContract, tmp_path: Path
) -> None:
    command = [
        sys.executable, "-m", "workflow_scripts.normalize_views", "--frames", str(one_chunk.manifest),
        "--chunk", "0", "--normalization", KEEP.model_dump_json(), "--normalization-name", "keep",
        "--contract", contract.model_dump_json(), "--work", WORK.model_dump_json(), "--views",
    ]  # fmt: skip
    whole, killed = tmp_path / "whole" / "manifest.json", tmp_path / "killed" / "manifest.json"
    subprocess.run([*command, str(whole)], check=True, capture_output=True)
    dice = random.Random(0)
    for _ in range(3):
        process = subprocess.Popen([*command, str(killed)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        left = set(killed.parent.glob(".frame*"))
        until = time.monotonic() + 60
        while process.poll() is None and set(killed.parent.glob(".frame*")) <= left and time.monotonic() < until:
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.15))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run([*command, str(killed)], check=True, capture_output=True)
    assert contents(killed.parent) == contents(whole.parent)
    assert [sample.frame for sample in Views.read(killed).samples] == [3, 8, 20]
    assert json.loads(killed.read_text())["samples"]
