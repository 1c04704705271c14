"""What a training is watched for, and what follows. A row with `guard: null` is not watched."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from mouse_facelift.settings.base import Fraction, Section


class Patience(Section):
    patience: PositiveInt
    """steps (or looks at held-out samples) in a row that are too far off, after which the action follows"""


class UpdateSignal(Patience):
    """Known before an update is made: while it is too far off, the update is left out."""

    action: Literal["skip", "roll_back", "stop"]
    """skip: nothing more than leaving updates out"""


class UpdateLimit(UpdateSignal):
    limit: Annotated[float, Field(gt=1)]
    """times what is usual"""


class Signal(Patience):
    """Known once an update was made."""

    limit: PositiveFloat
    action: Literal["roll_back", "stop"]


class HeldOut(Patience):
    """PSNR of views that did not go in, of samples that teach nothing (`val`) or of those that teach (`train`)."""

    split: Literal["train", "val"]
    samples: PositiveInt
    """at most so many, spread evenly"""
    drop: PositiveFloat
    """dB below step 0, of the whole picture or of the animal alone, whichever fell more"""
    action: Literal["roll_back", "stop"]


class WatchPolicy(Section):
    """What every training can be watched for."""

    window: PositiveInt
    """steps that were not too far off; their median is what is usual"""
    least: PositiveInt
    """of them, before any step is judged by what is usual, or by how it was at the start"""
    every: PositiveInt
    """steps between two looks at the held-out samples; all being well, the state is kept then, to roll back to"""
    slower: Annotated[float, Field(gt=0, lt=1)]
    """times the learning rate from each rolling back on"""
    roll_backs: NonNegativeInt
    """at most; the next one stops the training"""
    not_finite: UpdateSignal
    """the loss or the gradient's norm"""
    loss: UpdateLimit
    gradient_norm: UpdateLimit
    """before clipping"""
    update_ratio: Signal
    """length of an update's change of all weights, times the weights' own length"""
    held_out: HeldOut | None

    @model_validator(mode="after")
    def _window_fits(self) -> "WatchPolicy":
        if self.least > self.window:
            raise ValueError(f"least: found {self.least}, expected at most {self.window}, the window")
        return self


class GuardPolicy(WatchPolicy):
    """What a training that renders Gaussians is watched for."""

    near_white: Fraction
    """a pixel whose three colors are above it is white"""
    scale_edges: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)]
    """world units, rising: bins of the histogram of the Gaussians' scales, beside one below and one above"""
    white: Signal
    """of what is not white in the targets, the share by which renderings have more white"""
    opacity: Signal
    """how many times lower than at the start the mean opacity of the Gaussians is"""
    scales: Signal
    """how far the histogram of scales moved since the start: total variation, 0 to 1"""

    @model_validator(mode="after")
    def _edges_rise(self) -> "GuardPolicy":
        if any(low >= high for low, high in pairwise(self.scale_edges)):
            raise ValueError(f"scale_edges: found {list(self.scale_edges)}, expected rising numbers")
        return self


class GeneratorGuardPolicy(WatchPolicy):
    """What the training of a view generator is watched for."""

    collapse: Signal
    """how much nearer drawn views are to the input than the true ones: 0 as the truth, 1 copies of the input. Looks at
    the held-out samples tell, so it needs `held_out`"""

    @model_validator(mode="after")
    def _collapse_is_looked_at(self) -> "GeneratorGuardPolicy":
        if self.held_out is None:
            raise ValueError("held_out: null, but collapse is seen in held-out samples alone")
        return self
