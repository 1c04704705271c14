"""The state folder: one trainer at a time, one training at a time, and nothing half-written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mouse_facelift.training.outcome import StepOutcome
from mouse_facelift.training.state import StateFolder
from tests.unit.training.tiny_training import ALREADY, run

HOLDER = """
import sys, time
from pathlib import Path
from mouse_facelift.training.state import StateFolder
with StateFolder(Path(sys.argv[1]), "this").locked():
    print("held", flush=True)
    time.sleep(600)
"""
REPOSITORY = Path(__file__).resolve().parents[3]


def stop_early(folder: Path, plan, identity: str = "this") -> None:
    with pytest.raises(SystemExit):
        run(folder, plan, deadline=ALREADY, identity=identity)


def test_a_second_trainer_is_refused_until_the_first_is_dead(tmp_path, plan) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ValueError, match="another trainer is at work here") as error:
            run(tmp_path, plan)
        assert str(tmp_path) in str(error.value)
    finally:
        holder.kill()
        holder.wait()
    run(tmp_path, plan)


def test_the_lock_is_free_after_an_error(tmp_path) -> None:
    with pytest.raises(KeyError), StateFolder(tmp_path, "this").locked():
        raise KeyError
    with StateFolder(tmp_path, "this").locked():
        pass


def test_a_state_of_another_training_is_refused(tmp_path, plan) -> None:
    stop_early(tmp_path, plan, identity="theirs")
    with pytest.raises(ValueError, match="belongs to another training") as error:
        run(tmp_path, plan, identity="ours")
    for fact in (str(tmp_path / "step_00000001.pt"), "identity theirs, expected ours", f"remove {tmp_path}"):
        assert fact in str(error.value)


def test_a_training_that_was_written_out_stands_in_nobody_s_way(tmp_path, plan) -> None:
    run(tmp_path, plan, identity="theirs")
    StateFolder(tmp_path, "theirs").finish()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["finished.pt", "lock", "metrics.csv"]
    stop_early(tmp_path, plan, identity="ours")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "metrics.csv", "step_00000001.pt"]


def test_a_training_that_was_written_out_gives_the_same_again_without_a_step(tmp_path, plan) -> None:
    def refuse(generator: torch.Generator, number: int) -> StepOutcome:
        raise AssertionError(f"step {number} was taken")

    plan = plan.model_copy(update={"ema": 0.5})
    folder = StateFolder(tmp_path, "this")
    weights, metrics = run(tmp_path, plan)
    for _ in range(2):
        folder.finish()
        again, rows = run(tmp_path, plan, wrap=lambda step: refuse)
        assert all(torch.equal(again[name], weights[name]) for name in weights)
        assert rows == metrics
        assert folder.states() == []


@pytest.mark.parametrize("kept", [0, 100, 0.5, 0.99])
def test_a_truncated_state_is_refused_by_name(tmp_path, plan, kept: float) -> None:
    stop_early(tmp_path, plan)
    state = tmp_path / "step_00000001.pt"
    content = state.read_bytes()
    state.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    with pytest.raises(ValueError, match="not a state to resume from") as error:
        run(tmp_path, plan)
    assert str(state) in str(error.value)


def test_another_file_of_tensors_is_no_state(tmp_path, plan) -> None:
    torch.save({"model": {}}, tmp_path / "step_00000004.pt")
    with pytest.raises(ValueError, match=r"step_00000004\.pt: not a state to resume from: found \['model'\]"):
        run(tmp_path, plan)


def test_two_states_are_kept_and_one_row_a_step(tmp_path, plan) -> None:
    run(tmp_path, plan.model_copy(update={"checkpoint_every": 2}))
    assert [path.name for path in StateFolder(tmp_path, "this").states()] == ["step_00000010.pt", "step_00000012.pt"]
    lines = (tmp_path / "metrics.csv").read_text().splitlines()
    assert lines[0].split(",")[:3] == ["step", "loss", "psnr"]
    assert [line.split(",")[0] for line in lines[1:]] == [str(step) for step in range(1, 13)]


def test_what_a_killed_process_left_half_written_is_swept_out(tmp_path, plan) -> None:
    left = tmp_path / ".step_00000003.0123abcd.partial.pt"
    left.write_bytes(b"half")
    run(tmp_path, plan)
    assert not left.exists()
