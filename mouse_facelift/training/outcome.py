"""What one step tells: its loss, and numbers of what was rendered."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Seen:
    """What renderings and Gaussians of a step look like."""

    white: float
    """share of pixels near the background's color, which is white unless it was drawn, in the renderings"""
    target_white: float
    """in the pictures they are compared with"""
    opacity: float
    """mean over the Gaussians"""
    scales: tuple[float, ...]
    """shares of the Gaussians' scales in the bins of a histogram; they add up to 1"""

    @property
    def white_excess(self) -> float:
        """Of what is not white in the targets, the share by which renderings have more white: 1 is all white."""
        shown = 1 - self.target_white
        return (self.white - self.target_white) / shown if shown > 0 else 0.0

    @property
    def numbers(self) -> list[float]:
        return [self.white, self.target_white, self.opacity, *self.scales]

    @classmethod
    def of_numbers(cls, numbers: Sequence[float]) -> "Seen":
        """Put together what `numbers` took apart."""
        white, target_white, opacity, *scales = numbers
        return cls(white, target_white, opacity, tuple(scales))

    @classmethod
    def mean(cls, parts: Sequence["Seen"]) -> "Seen":
        """What equal parts of a batch look like together."""
        return cls.of_numbers([statistics.fmean(numbers) for numbers in zip(*(p.numbers for p in parts), strict=True)])


@dataclass(frozen=True)
class StepOutcome:
    """The loss of one step, or of one part of its batch, to be lowered, and what is known of it beside."""

    loss: Float[Tensor, ""]
    psnr: float
    """dB, for the log; NaN where nothing was rendered"""
    terms: Mapping[str, float] = field(default_factory=dict)
    """of the loss, before their weights"""
    seen: Seen | None = None
    """None where nobody asks"""


# What computes a step, or a part of its batch: it is given a generator, and the step's number from 0.
StepLoss = Callable[[torch.Generator, int], StepOutcome]
