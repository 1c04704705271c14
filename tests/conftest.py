"""What every test may use: shape checks at run time, and the way to the real captures and golden numbers."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

# OpenMP's threads (torch, numba) wait without spinning: beside other work on two cores, tests run ten times faster.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# What a shell starts in the background ignores Ctrl-C, and so would all that tests start and interrupt.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Shapes in signatures are checked at run time under pytest only: a call costs about 100 microseconds more.
install_import_hook("mouse_facelift", "beartype.beartype")

# The same examples in every run; a loaded machine is no reason to fail.
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("repeatable")

REPOSITORY = Path(__file__).resolve().parents[1]

pytest_plugins = ("tests.tiny_run", "tests.tiny_project")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real captures and golden numbers; its licences forbid shipping it with the project."""
    folder = Path(os.environ.get("MOUSE_FACELIFT_SHARED", REPOSITORY.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no real captures or golden numbers at {folder}")
    return folder
