"""What tests of the training share."""

from collections.abc import Iterator

import pytest
import torch

from mouse_facelift.settings import FullFinetune
from tests.unit.training.tiny_training import PLAN


@pytest.fixture
def plan() -> FullFinetune:
    return PLAN


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads cost these tiny tensors more than they bring."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
