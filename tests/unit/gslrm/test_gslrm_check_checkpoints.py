"""The report on registered weights: one row each, and one error that names all that is wrong."""

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.whole import sha256
from mouse_facelift.gslrm import read_config
from mouse_facelift.gslrm.check_checkpoints import COLUMNS, check_checkpoints
from mouse_facelift.settings import Checkpoint
from tests.tiny_samples import CONTRACT


@pytest.fixture
def row(checkpoint):
    """A row of the registry; arguments stand in place of its fields."""

    def make(**changes: Any) -> Checkpoint:
        files = {"weights": str(checkpoint.weights), "config": str(checkpoint.config)}
        return Checkpoint(**{**files, "domain": "procedural", "license": "MIT", "sha256": None, **changes})

    return make


def write_card(weights: Path, config: Path, domain: str) -> None:
    WeightsCard(
        weights_sha256=sha256(weights),
        domain=domain,
        license="MIT",
        origins=(),
        network=read_config(config).model_dump_json(),
        parent="none",
        trained_on="procedural animals",
        contract=CONTRACT.hash,
        violations=(),
        settings="{}",
        steps=150,
        skipped_updates=0,
        status="complete",
        adapters="none",
        code="c0de",
        commit="abc",
        metrics={},
    ).write(weights.with_suffix(".card.json"))


def table_of(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as file:
        return {row["checkpoint"]: row for row in csv.DictReader(file)}


def test_what_is_right_is_told_and_no_error(row, checkpoint, tmp_path):
    shutil.copy(checkpoint.weights, tmp_path / "bare.safetensors")
    write_card(*checkpoint, "procedural")
    table = tmp_path / "results" / "checkpoints.csv"
    checkpoints = {
        "small": row(sha256=sha256(checkpoint.weights)),
        "bare": row(weights=str(tmp_path / "bare.safetensors"), domain="human-head"),
    }
    check_checkpoints(checkpoints, table)
    found = table_of(table)
    assert list(found) == ["small", "bare"] and list(found["small"]) == COLUMNS
    assert found["small"] == {
        "checkpoint": "small",
        "weights": str(checkpoint.weights),
        "config": str(checkpoint.config),
        "exists": "yes",
        "domain": "procedural",
        "license": "MIT",
        "sha256_found": sha256(checkpoint.weights),
        "sha256_expected": sha256(checkpoint.weights),
        "tensors": "fit",
        "parent": "none",
        "contract": CONTRACT.hash,
        "trained_on": "procedural animals",
        "steps": "150",
        "problems": "",
    }
    assert (found["bare"]["tensors"], found["bare"]["parent"], found["bare"]["steps"]) == ("fit", "", "")


def test_all_that_is_wrong_is_named_once_after_the_table_is_written(row, checkpoint, tmp_path):
    write_card(*checkpoint, "mouse")
    tensors = load_file(checkpoint.weights)
    del tensors["input_layer_norm.weight"]
    foreign, text = tmp_path / "foreign.safetensors", tmp_path / "text.pt"
    save_file(tensors | {"extra": torch.zeros(2)}, foreign)
    text.write_text("not tensors")
    checkpoints = {
        "other": row(sha256="0" * 64),
        "foreign": row(weights=str(foreign)),
        "absent": row(weights="none.pt"),
        "text": row(weights=str(text)),
        "misread": row(weights=str(foreign), config=str(text)),
    }
    with pytest.raises(ValueError) as error:
        check_checkpoints(checkpoints, tmp_path / "checkpoints.csv")
    card, differences = checkpoint.weights.with_suffix(".card.json"), "missing: input_layer_norm.weight [32]"
    assert str(error.value).splitlines()[:6] == [
        f"5 wrong of 5 checkpoints, see {tmp_path / 'checkpoints.csv'}",
        f"  checkpoints.other: sha256: found {sha256(checkpoint.weights)}, expected {'0' * 64}",
        f"  checkpoints.other: {card}: domain: found mouse, expected procedural (checkpoints.other.domain)",
        f"  checkpoints.foreign: {differences}",
        "  checkpoints.foreign: not of this network: extra [2]",
        "  checkpoints.absent: weights: no file none.pt",
    ]
    assert f"checkpoints.text: {text}: cannot be read as tensors alone" in str(error.value)
    assert str(error.value).count(f"checkpoints.misread: {text}: no JSON") == 1
    found = table_of(tmp_path / "checkpoints.csv")
    assert (found["absent"]["exists"], found["absent"]["tensors"], found["absent"]["sha256_found"]) == ("no", "", "")
    assert found["foreign"]["tensors"] == f"{differences}; not of this network: extra [2]"
    assert (found["text"]["tensors"], found["other"]["tensors"]) == ("unreadable", "fit")
