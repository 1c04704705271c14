"""One tiny run of everything, made once; tests copy it and break what they need broken."""

import json
import shutil

import pytest
from safetensors.torch import save_file

from mouse_facelift.gslrm import fresh_gslrm
from mouse_facelift.gslrm.pretrain import small_config
from mouse_facelift.settings import parse_settings
from tests.workflow import Workflow, tiny_config

AFTER_SAMPLES = ("weights", "predictions", "baselines", "scores", "contact_sheets")  # folders of results


@pytest.fixture(scope="session")
def untouched(tmp_path_factory) -> Workflow:
    """Nothing made yet, beside the weights of a tiny network."""
    workflow = Workflow(tmp_path_factory.mktemp("tiny"), tiny_config())
    settings = parse_settings(workflow.config, "tiny")
    network = small_config(settings.pretraining, settings.camera_contract)
    weights = workflow.folder / "weights"
    weights.mkdir()
    save_file(fresh_gslrm(network, seed=0).state_dict(), weights / "tiny.safetensors")
    (weights / "tiny.json").write_text(json.dumps(network.model_dump()))
    return workflow


@pytest.fixture(scope="session")
def finished(untouched, tmp_path_factory) -> Workflow:
    """Everything made by one command."""
    workflow = untouched.copy(tmp_path_factory.mktemp("finished"))
    workflow.make("eval_psnr")
    return workflow


@pytest.fixture
def laboratory(untouched, finished, tmp_path) -> Workflow:
    """Nothing made yet; the recording stands in `raw/`, as if no rule had made it."""
    workflow = untouched.copy(tmp_path / "laboratory")
    shutil.copytree(finished.folder / "results/simulated/tiny", workflow.folder / "raw")
    workflow.config["simulations"] = {}
    capture = workflow.config["captures"]["tiny"]
    capture["calibration"]["path"] = "raw/calibration.toml"
    capture["pictures"] = "raw/videos/{camera}.mp4"
    capture["masks"]["path"] = "raw/masks/{camera}.mp4"
    return workflow


@pytest.fixture
def sampled(finished, tmp_path) -> Workflow:
    """All is made up to the sample tables, and nothing after them."""
    workflow = finished.copy(tmp_path / "sampled")
    for name in AFTER_SAMPLES:
        shutil.rmtree(workflow.folder / "results" / name)
    for path in (workflow.folder / "results").glob("eval_*"):
        path.unlink()
    return workflow
