"""What the verbs say of a finished run is what the workflow said."""

from pathlib import Path

import pytest

from mouse_facelift.formats.verdict import Verdict
from mouse_facelift.plan import Plan
from mouse_facelift.settings import parse_settings
from mouse_facelift.verbs import check, reconstruct
from tests.workflow import Workflow


@pytest.fixture
def folder(finished: Workflow, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(finished.folder)
    return finished.folder


def test_a_checked_capture_gets_the_workflows_verdict(folder):
    (found,) = check(Path("config.yaml")).verdicts
    assert found == Verdict.read(Path("results/tiny/verdict.json"))


def test_what_the_workflow_left_keeps_the_contract(finished, folder):
    plan = Plan(parse_settings(finished.config, "tiny"))
    for path, kind in {
        Path("results/views/tiny/contract/chunk_1/frame_000007"): "sample",
        Path("results/samples/real.contract"): "dataset",
        Path(plan.weights("full")): "checkpoint",
    }.items():
        found = check(path)
        assert (found.kind, [line for line in found.lines if line.light == "red"]) == (kind, []), path
    assert check(Path("results/samples/real.resize")).light == "red"


def test_what_an_experiment_trained_reconstructs(folder, tmp_path):
    sample = Path("results/views/tiny/contract/chunk_1/frame_000007")
    record = reconstruct([sample], tmp_path / "out", experiment="full")
    assert (record.network.row, record.network.domain) == ("datasets.real", "mouse")
    assert record.network.accepted_by == "experiments.full"
    assert record.network.steps == 6
