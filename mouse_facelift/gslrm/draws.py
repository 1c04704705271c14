"""Which samples, and which of their views, a training step takes."""

import itertools
from dataclasses import dataclass, replace

import torch
from jaxtyping import Int
from torch import Tensor

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.training.samples import SampleSource


@dataclass(frozen=True)
class Batch:
    """Samples, and an order of each one's views: those that go into the network first."""

    rows: list[int]
    samples: list[Sample]
    orders: list[Int[Tensor, " view"]]
    given: int
    random_order: bool = True
    """whether input views go in as drawn, or in the rig's order"""
    first: int = 0
    """number of its first sample in the step's whole batch, of which it may be a share"""

    @property
    def inputs(self) -> list[Int[Tensor, " input"]]:
        chosen = [order[: self.given] for order in self.orders]
        return chosen if self.random_order else [views.sort().values for views in chosen]


@dataclass(frozen=True)
class Draws:
    """Draws samples with replacement, and a number of input views for all of them."""

    source: SampleSource
    batch: int
    inputs: tuple[int, int]
    """least and most views given to the network"""
    around: bool = False
    """views stand in a ring, and one of each equal share of it goes in, as the cameras of a rig stand"""
    random_order: bool = True
    """whether input views go in as drawn, or in the rig's order"""
    share: tuple[int, int] = (0, 1)
    """which of how many equal shares of the drawn batch is given"""

    def shares(self, count: int) -> list["Draws"]:
        """The same draws, dealt out in so many equal shares, by a generator of one seed for all."""
        assert self.batch % count == 0, f"{self.batch} samples in {count} shares"
        return [replace(self, share=(number, count)) for number in range(count)]

    def __call__(self, generator: torch.Generator) -> Batch:
        rows = torch.randint(len(self.source), (self.batch,), generator=generator).tolist()
        given = int(torch.randint(self.inputs[0], self.inputs[1] + 1, (), generator=generator))
        draw = _around if self.around else _anyhow
        orders = [draw(self.source.view_count(row), given, generator) for row in rows]
        number, count = self.share
        mine = slice(number * self.batch // count, (number + 1) * self.batch // count)
        samples = [self.source.sample(row) for row in rows[mine]]
        return Batch(rows[mine], samples, orders[mine], given, self.random_order, mine.start)


def _anyhow(views: int, given: int, generator: torch.Generator) -> Int[Tensor, " view"]:
    return torch.randperm(views, generator=generator)


def _around(views: int, given: int, generator: torch.Generator) -> Int[Tensor, " view"]:
    turn = int(torch.randint(views, (), generator=generator))
    bounds = [share * views // given for share in range(given + 1)]
    chosen = [int(torch.randint(low, high, (), generator=generator)) for low, high in itertools.pairwise(bounds)]
    others = torch.randperm(views, generator=generator)
    others = others[~torch.isin(others, torch.tensor(chosen))]
    return (torch.cat([torch.tensor(chosen), others]) + turn) % views
