"""A SLURM for the session, where it can be started; runs of the tiny workflow through it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.cluster import PACKAGES, Cluster, NoClusterError, missing_programs
from tests.slurm.through import Through, weights_file
from tests.workflow import Workflow

STEPS = 60  # so long that something can happen meanwhile; a state each


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="pip install -e '.[slurm]' was not done")
    if missing := missing_programs():
        pytest.skip(f"no SLURM can be started here: {', '.join(missing)} missing (Debian: apt-get install {PACKAGES})")
    started = Cluster()
    try:
        started.start()
        yield started
    except NoClusterError as error:
        pytest.skip(f"no SLURM can be started here: {error}")
    finally:
        started.stop()


@pytest.fixture(scope="session")
def longer(finished: Workflow, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """Samples are made, and one fine-tuning of many small steps from them."""
    workflow = finished.copy(tmp_path_factory.mktemp("longer"))
    forget_training(workflow)
    workflow.config["experiments"] = {"full": workflow.config["experiments"]["full"]}
    workflow.config["experiments"]["full"]["finetune"] |= {"steps": STEPS, "checkpoint_every": 1}
    workflow.make(weights_file(workflow))
    return workflow


@pytest.fixture
def untrained(longer: Workflow, tmp_path: Path, cluster: Cluster) -> Through:
    """Samples are made, and nothing that follows from them."""
    workflow = longer.copy(tmp_path / "untrained")
    forget_training(workflow)
    return Through(cluster, workflow)


def forget_training(workflow: Workflow) -> None:
    for name in ("weights", "predictions", "scores", "contact_sheets"):
        shutil.rmtree(workflow.folder / "results" / name, ignore_errors=True)
    for path in (workflow.folder / "results").glob("eval_*"):
        path.unlink()
    for name in ("logs", "state"):
        shutil.rmtree(workflow.folder / name)
