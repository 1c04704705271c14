"""One tiny run of everything, made once; tests copy it and break what they need broken."""

import pytest

from tests.workflow import Workflow, tiny_config


@pytest.fixture(scope="session")
def untouched(tmp_path_factory) -> Workflow:
    """Nothing made yet, beside the weights of a tiny network."""
    workflow = Workflow(tmp_path_factory.mktemp("tiny"), tiny_config())
    workflow.write_untrained_networks()
    return workflow


@pytest.fixture(scope="session")
def finished(untouched, tmp_path_factory) -> Workflow:
    """Everything made by one command."""
    workflow = untouched.copy(tmp_path_factory.mktemp("finished"))
    workflow.make("eval_psnr")
    return workflow
