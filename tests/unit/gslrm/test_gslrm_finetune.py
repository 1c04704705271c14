"""Fine-tuning on a sample table: it learns, it goes on where it stopped, and it says what it did."""

import csv
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.whole import sha256
from mouse_facelift.gslrm import GslrmConfig, load_gslrm, read_config
from mouse_facelift.gslrm.objective import ReconstructionStep
from mouse_facelift.settings import InputViews, Measured
from mouse_facelift.training.outcome import StepOutcome
from mouse_facelift.training.trained import read_card
from tests.tiny_samples import CONTRACT, write_table
from tests.unit.gslrm.tiny_finetune import COMPUTE, DECLARED, FINETUNE

REPOSITORY = Path(__file__).resolve().parents[3]


def psnr_by_step(state: Path) -> list[float]:
    with (state / "metrics.csv").open() as file:
        return [float(row["psnr"]) for row in csv.DictReader(file)]


def test_it_learns_a_sample_by_heart(finetune, tmp_path) -> None:
    table = write_table(tmp_path / "one", ("train",))
    plan = {"steps": 40, "batch": 1, "target_views": 4, "learning_rate": 3e-3, "checkpoint_every": 40}
    psnr = psnr_by_step(finetune("out", plan, table=table).state)
    assert sum(psnr[-5:]) / 5 > sum(psnr[:5]) / 5 + 4  # dB


def test_the_card_tells_what_was_done(finetune, checkpoint, table) -> None:
    out = finetune("out")
    card = WeightsCard.read(out.card)
    assert card == read_card(out.weights)
    assert card.weights_sha256 == sha256(out.weights)
    assert card.parent == sha256(checkpoint.weights)
    assert card.domain == "mouse"
    assert GslrmConfig.model_validate_json(card.network) == read_config(checkpoint.config)
    assert card.trained_on == "tiny.contract: 2 samples"
    assert (card.contract, card.violations, card.steps, card.skipped_updates) == (CONTRACT.hash, (), 6, 0)
    assert card.metrics["training_psnr_of_last_steps"] == pytest.approx(sum(psnr_by_step(out.state)) / 6)
    before, after = load_file(checkpoint.weights), load_gslrm(out.weights, checkpoint.config).state_dict()
    assert all(not torch.equal(before[name], after[name]) for name in before if before[name].ndim > 1)


@pytest.mark.parametrize("every", [1, 4])
def test_leaving_in_time_again_and_again_gives_the_same_bytes(finetune, every: int) -> None:
    plan = {"checkpoint_every": every}
    whole = finetune("whole", plan)
    for _ in range(FINETUNE.steps - 1):
        with pytest.raises(SystemExit) as left:
            finetune("hurried", plan, minutes=0)
        assert left.value.code == 75
    hurried = finetune("hurried", plan, minutes=0)
    assert hurried.weights.read_bytes() == whole.weights.read_bytes()
    assert hurried.card.read_bytes() == whole.card.read_bytes()


def test_an_error_at_any_step_and_then_the_same_call_gives_the_same_bytes(finetune, monkeypatch) -> None:
    whole = finetune("whole")
    inner = ReconstructionStep.__call__
    for broken_at in (1, 3, 5, 6):
        calls = 0

        def step(self, generator, number, broken_at=broken_at):
            nonlocal calls
            calls += 1
            if calls == broken_at:
                raise KeyboardInterrupt
            return inner(self, generator, number)

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(ReconstructionStep, "__call__", step)
            finetune(f"broken_{broken_at}")
        resumed = finetune(f"broken_{broken_at}")
        assert resumed.weights.read_bytes() == whole.weights.read_bytes()


def command(table: Path, checkpoint: Any, out: Path, plan: dict[str, Any]) -> list[str]:
    arguments = {
        "table": table,
        "checkpoint": checkpoint.weights,
        "config": checkpoint.config,
        "declared": DECLARED.model_dump_json(),
        "domain": "mouse",
        "weights": out / "weights.safetensors",
        "card": out / "card.json",
        "diagnosis": out / "diagnosis.json",
        "metrics": out / "metrics.csv",
        "state": out / "s",
        "experiment": "full",
        "views": InputViews(inputs=3).model_dump_json(),
        "finetune": FINETUNE.model_copy(update=plan).model_dump_json(),
        "contract": CONTRACT.model_dump_json(),
        "allow-broken-contract": "false",
        "compute": COMPUTE.model_dump_json(),
        "code": "c0de",
        "minutes": 10,
    }
    words = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
    return [sys.executable, "-m", "workflow_scripts.finetune_gslrm", *words]


def test_a_killed_process_and_then_the_same_call_gives_the_same_bytes(finetune, table, checkpoint, tmp_path) -> None:
    plan = {"steps": 40, "checkpoint_every": 1}
    whole = finetune("whole", plan)
    killed = tmp_path / "killed"
    process = subprocess.Popen(
        command(table, checkpoint, killed, plan), env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, cwd=tmp_path
    )
    while process.poll() is None and not list(killed.glob("s/step_0000000[3-9].pt")):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    states = sorted((killed / "s").glob("step_*.pt"))
    assert states and int(states[-1].stem.removeprefix("step_")) < 40
    assert not (killed / "weights.safetensors").exists()
    assert finetune("killed", plan).weights.read_bytes() == whole.weights.read_bytes()
    assert not list((killed / "s").glob("step_*.pt")) and not list((killed / "s").glob(".*"))


def test_an_interrupted_training_does_not_go_on_with_other_data(finetune, tmp_path) -> None:
    with pytest.raises(SystemExit):
        finetune("out", minutes=0)
    other = write_table(tmp_path / "other", ("train", "train", "train"))
    with pytest.raises(ValueError, match="belongs to another training"):
        finetune("out", table=other)


def test_a_finished_training_gives_way_to_one_with_other_data(finetune, tmp_path) -> None:
    first = finetune("out").weights.read_bytes()
    other = write_table(tmp_path / "other", ("train", "train", "train"))
    assert finetune("out", table=other).weights.read_bytes() != first
    assert finetune("out").weights.read_bytes() == first


def test_updates_left_out_are_counted_even_if_none_is_left(finetune, monkeypatch) -> None:
    inner = ReconstructionStep.__call__

    def not_a_number(self, generator, number):
        return StepOutcome(inner(self, generator, number).loss * math.nan, math.nan)

    monkeypatch.setattr(ReconstructionStep, "__call__", not_a_number)
    card = WeightsCard.read(finetune("out").card)
    assert (card.steps, card.skipped_updates, card.metrics) == (6, 6, {})


def test_weights_that_do_not_fit_are_refused_with_every_difference(finetune, checkpoint, tmp_path) -> None:
    tensors = load_file(checkpoint.weights)
    del tensors["input_layer_norm.weight"]
    tensors["extra"] = torch.zeros(2)
    tensors["gaussian_position_embeddings"] = torch.zeros(3, 32)
    foreign = tmp_path / "foreign.safetensors"
    save_file(tensors, foreign)
    with pytest.raises(ValueError) as error:
        finetune("out", checkpoint=foreign)
    assert str(error.value).splitlines() == [
        f"{foreign}: 3 tensors do not fit the configured network",
        "  missing: input_layer_norm.weight [32]",
        "  not of this network: extra [2]",
        "  shape: gaussian_position_embeddings is [3, 32], expected [2, 32]",
    ]
    assert not (tmp_path / "out").exists()


def test_a_table_that_is_not_honest_starts_nothing(finetune, tmp_path) -> None:
    broken = write_table(tmp_path / "broken", ("train",), violations=("distance: view 0: found 270, expected 2.7",))
    with pytest.raises(ValueError, match=r"experiment full: .*breaks the camera contract:\n  distance: view 0"):
        finetune("out", table=broken)
    assert not (tmp_path / "out").exists()
    card = WeightsCard.read(finetune("allowed", table=broken, allow_broken_contract=True).card)
    assert card.violations == ("distance: view 0: found 270, expected 2.7",)


def test_too_many_views_and_too_few_samples_are_refused(finetune, tmp_path) -> None:
    with pytest.raises(ValueError, match=r"experiments\.full\.views\.inputs: found 5, .*table\.json have 4 views"):
        finetune("out", views=InputViews(inputs=5))
    with pytest.raises(ValueError, match=r"experiments\.full\.finetune\.target_views: found 6"):
        finetune("out", {"target_views": 6})
    with pytest.raises(ValueError, match=r"table\.json: no samples of split 'train'"):
        finetune("out", table=write_table(tmp_path / "tests", ("test", "val")))


def test_metrics_have_a_row_a_step_and_unseen_views_where_they_were_asked_for(finetune) -> None:
    measured = Measured(steps=(1, 4), split="train", samples=2, near_white=0.9)
    plain, looked_at = finetune("plain"), finetune("looked_at", {"measured": measured, "ema": 0.5})
    table = pd.read_csv(looked_at.metrics)
    assert list(table["step"]) == list(range(1, FINETUNE.steps + 1))
    found = table.dropna()
    assert list(found["step"]) == [1, 4]
    assert found["held_out_psnr"].between(5, 60).all() and found["held_out_white"].between(0, 1).all()
    assert found["held_out_psnr_animal"].nunique() == 2  # of the weights as they then were
    assert found["held_out_target_white"].nunique() == 1
    same = ["step", "loss", "psnr", "grad_norm", "updated"]
    assert table[same].equals(pd.read_csv(plain.metrics)[same])  # looking changes nothing
