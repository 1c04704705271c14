"""The same numbers, computed otherwise: in parts, in two processes, with less memory, in another order of views."""

import csv
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mouse_facelift.gslrm import Gslrm, load_gslrm
from mouse_facelift.gslrm.draws import Draws
from mouse_facelift.settings import InputViews
from tests.unit.gslrm.test_gslrm_draws import Ring
from tests.unit.gslrm.test_gslrm_finetune import REPOSITORY, command
from tests.unit.gslrm.tiny_finetune import Finetuned


def rows(out: Finetuned) -> list[dict[str, float]]:
    with (out.state / "metrics.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def assert_alike(found: Finetuned, expected: Finetuned) -> None:
    """Equal up to rounding, which Adam magnifies: it scales the smallest gradients up."""
    for row, wanted in zip(rows(found), rows(expected), strict=True):
        assert row == pytest.approx(wanted, rel=2e-3)
    weights = load_file(found.weights)
    for name, tensor in load_file(expected.weights).items():
        torch.testing.assert_close(weights[name], tensor, rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize(("batch", "accumulate"), [(1, 4), (2, 2)])
def test_accumulated_batches_are_one_so_many_times_as_large(finetune, batch: int, accumulate: int) -> None:
    whole = finetune("whole", {"batch": 4})
    assert_alike(finetune("parts", {"batch": batch, "accumulate": accumulate}), whole)


def test_activations_computed_again_give_the_same_numbers(finetune) -> None:
    kept, again = finetune("kept"), finetune("again", {"checkpoint_activations": True})
    assert again.weights.read_bytes() == kept.weights.read_bytes()


def test_the_averaged_weights_are_written_and_differ_from_the_last(finetune) -> None:
    last, averaged = finetune("last"), finetune("averaged", {"ema": 0.5})
    assert rows(last) == rows(averaged)
    assert averaged.weights.read_bytes() != last.weights.read_bytes()


def test_half_precision_learns_and_goes_on_where_it_stopped(finetune) -> None:
    plan = {"precision": "float16", "checkpoint_every": 1}
    whole = finetune("whole", plan)
    assert any(row["updated"] for row in rows(whole))
    for _ in range(3):
        with pytest.raises(SystemExit):
            finetune("hurried", plan, minutes=0)
    assert finetune("hurried", plan).weights.read_bytes() == whole.weights.read_bytes()


def test_the_number_of_input_views_may_be_drawn_anew_each_step(finetune) -> None:
    fixed, drawn = finetune("fixed"), finetune("drawn", views=InputViews(inputs=(1, 3)))
    assert rows(fixed) != rows(drawn)
    again = finetune("again", views=InputViews(inputs=(1, 3)))
    assert again.weights.read_bytes() == drawn.weights.read_bytes()


def test_the_order_of_input_views_makes_no_difference_in_training(finetune) -> None:
    drawn, sorted_ = finetune("drawn"), finetune("sorted", {"random_order": False})
    assert rows(drawn) != rows(sorted_)  # but by rounding
    assert_alike(sorted_, drawn)


def test_nor_in_prediction(checkpoint, views) -> None:
    model: Gslrm = load_gslrm(checkpoint.weights, checkpoint.config)
    order = torch.tensor([2, 0, 1])
    straight = model(**views)
    turned = model(**{name: tensor[:, order] for name, tensor in views.items()})
    free, pixels = 2, 16 * 16
    blocks = [torch.arange(free), *(free + view * pixels + torch.arange(pixels) for view in order)]
    for field in ("means", "log_scales", "quats", "opacity_logits", "sh"):
        expected = getattr(straight, field)[:, torch.cat(blocks)]
        torch.testing.assert_close(getattr(turned, field), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("random_order", [True, False])
def test_shares_are_the_whole_batch_and_no_sample_twice(random_order: bool) -> None:
    draws = Draws(Ring(9), 6, (2, 5), random_order=random_order)
    whole = draws(torch.Generator().manual_seed(3))
    parts = [share(torch.Generator().manual_seed(3)) for share in draws.shares(3)]
    assert [len(part.samples) for part in parts] == [2, 2, 2]
    assert {part.given for part in parts} == {whole.given}
    assert torch.equal(torch.stack([order for part in parts for order in part.orders]), torch.stack(whole.orders))
    for chosen in whole.inputs:
        assert random_order or torch.equal(chosen, chosen.sort().values)


def launched(words: list[str], folder: Path, agents: int) -> int:
    """Run a command in two processes, of one launcher (one node) or of two; the first code that is not 0."""
    shared = ["--standalone", "--nproc-per-node=2"]
    if agents == 2:
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        shared = ["--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d", "--rdzv-id=1"]
        shared.append(f"--rdzv-endpoint=localhost:{port}")
    launch = [sys.executable, "-m", "torch.distributed.run", *shared, *words[1:]]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    nodes = [
        subprocess.Popen(
            launch, env=environment, cwd=folder.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(agents)
    ]
    for node in nodes:
        print(node.communicate(timeout=300)[0])
    return max(abs(node.returncode) for node in nodes)


def in_two_processes(
    table: Path, checkpoint: Any, folder: Path, plan: dict[str, Any], agents: int = 1, **changes: Any
) -> int:
    words = command(table, checkpoint, folder, plan)
    for name, value in changes.items():
        words[words.index(f"--{name}") + 1] = str(value)
    return launched(words, folder, agents)


@pytest.mark.slow
@pytest.mark.parametrize("nodes", [1, 2])
def test_two_processes_give_the_numbers_of_one_and_go_on_where_they_stopped(
    finetune, table, checkpoint, tmp_path, nodes: int
) -> None:
    plan = {"batch": 4, "steps": 4, "checkpoint_every": 3}
    alone = finetune("alone", plan)
    two = tmp_path / "two"
    shared = alone._replace(weights=two / "weights.safetensors", state=two / "s")
    assert in_two_processes(table, checkpoint, two, plan, nodes, minutes=0) != 0
    assert [state.name for state in shared.state.glob("step_*.pt")] == ["step_00000001.pt"]
    assert in_two_processes(table, checkpoint, two, plan, nodes) == 0
    assert_alike(shared, alone)


@pytest.mark.slow
def test_processes_that_cannot_share_a_batch_equally_start_nothing(table, checkpoint, tmp_path, capfd) -> None:
    assert in_two_processes(table, checkpoint, tmp_path / "two", {"batch": 3}) != 0
    assert "experiments.full.finetune.batch: found 3, expected a multiple of the processes that share it, 2" in (
        capfd.readouterr().out
    )
    assert not (tmp_path / "two").exists()
