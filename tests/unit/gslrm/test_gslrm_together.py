"""A fine-tuning that uses everything at once, and is interrupted."""

import os
import random
import signal
import subprocess
import time

import pandas as pd
import pytest

from mouse_facelift.formats.diagnosis import TrainingDiagnosis
from mouse_facelift.settings import InputViews, Measured, WeightFrom
from tests.unit.gslrm.test_gslrm_augmentation import EVERYTHING
from tests.unit.gslrm.test_gslrm_finetune import REPOSITORY, command
from tests.unit.gslrm.test_gslrm_guard import policy
from tests.unit.gslrm.tiny_finetune import L2_ALONE

STEPS = 30
EVERYTHING_AT_ONCE = {
    "steps": STEPS,
    "accumulate": 2,
    "precision": "float16",
    "checkpoint_activations": True,
    "ema": 0.7,
    "checkpoint_every": 1,
    "losses": L2_ALONE.model_copy(
        update={"alpha": (WeightFrom(from_step=0, weight=0), WeightFrom(from_step=9, weight=1))}
    ),
    "augmentation": EVERYTHING,
    "guard": policy(held_out={"split": "train", "samples": 1, "drop": 30.0, "patience": 2, "action": "stop"}),
    "measured": Measured(steps=(1, 20), split="train", samples=1, near_white=0.9),
}
VIEWS = InputViews(inputs=(1, 3))


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_with_the_same_bytes(finetune, table, checkpoint, tmp_path) -> None:
    whole = finetune("whole", EVERYTHING_AT_ONCE, views=VIEWS)
    killed, moments = tmp_path / "killed", random.Random(5)
    words = command(table, checkpoint, killed, EVERYTHING_AT_ONCE)
    words[words.index("--views") + 1] = VIEWS.model_dump_json()
    reached = 0
    for _ in range(3):
        process = subprocess.Popen(words, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, cwd=tmp_path)
        after = reached + 1 + moments.randrange(6)
        while process.poll() is None and not (killed / f"s/step_{after:08d}.pt").exists():
            time.sleep(0.001)
        time.sleep(moments.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        reached = max(int(state.stem.removeprefix("step_")) for state in killed.glob("s/step_*.pt"))
    assert 3 <= reached < STEPS
    again = finetune("killed", EVERYTHING_AT_ONCE, views=VIEWS)
    for name in ("weights", "card", "diagnosis", "metrics"):
        assert getattr(again, name).read_bytes() == getattr(whole, name).read_bytes(), name
    metrics = pd.read_csv(again.metrics)
    assert metrics["loss_alpha"].isna().sum() == 9 and metrics["held_out_psnr"].notna().sum() == 2
    found = TrainingDiagnosis.read(again.diagnosis)
    assert [look.step for look in found.held_out][-1] == STEPS
    assert not found.done  # the loss rises when a weight does, which is nothing unusual
