"""Processes that share one training: each computes its share of every batch, and all hold the same weights."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from torch import distributed, nn


@dataclass(frozen=True)
class Processes:
    """This process among its like. One alone needs no others: its means are its own numbers."""

    rank: int
    count: int

    @property
    def writes(self) -> bool:
        """Whether this one writes files and tells of progress: the first alone does."""
        return self.rank == 0

    def mean(self, numbers: Sequence[float]) -> list[float]:
        """Mean of each number over all processes, the same for all of them."""
        if self.count == 1:
            return list(numbers)
        together = torch.tensor(numbers, dtype=torch.float64, device=PartialState().device)
        return [float(number) for number in reduce(together, "mean")]

    def average_gradients(self, model: nn.Module) -> None:
        """Let each gradient be its mean over all processes."""
        if self.count == 1:
            return
        gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        together = reduce(torch.cat([gradient.flatten() for gradient in gradients]), "mean")
        for gradient, mean in zip(gradients, torch.split(together, [g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def wait(self) -> None:
        """Go on once all processes have come here."""
        self.mean([0.0])


ALONE = Processes(rank=0, count=1)


@contextmanager
def joined_processes() -> Iterator[Processes]:
    """The processes that `accelerate launch` or `torch.distributed.run` started, joined; or this one, if none did.

    They talk through NCCL where there is a CUDA device for each, else through gloo.
    """
    if not distributed.is_torchelastic_launched():
        yield ALONE
        return
    joined = PartialState(cpu=not torch.cuda.is_available())
    try:
        yield Processes(joined.process_index, joined.num_processes)
    finally:
        joined.destroy_process_group()


def require_shares(setting: str, batch: int, processes: Processes) -> None:
    """Raise ValueError if processes cannot share a batch equally."""
    if batch % processes.count:
        raise ValueError(
            f"{setting}: found {batch}, expected a multiple of the processes that share it, {processes.count}"
        )
