"""One tiny run of everything, made once; tests copy it and break what they need broken."""

import json

import pytest
from safetensors.torch import save_file

from mouse_facelift.gslrm import fresh_gslrm
from mouse_facelift.gslrm.pretrain import small_config
from mouse_facelift.settings import parse_settings
from tests.workflow import Workflow, tiny_config


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
