"""What one step tells: its loss, and numbers of what was rendered."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Seen:
    """What renderings and Gaussians of a step look like."""

    white: float
    """share of near-white pixels in the renderings"""
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


@dataclass(frozen=True)
class StepOutcome:
    """The loss of one step, to be lowered, and what is known of it beside."""

    loss: Float[Tensor, ""]
    psnr: float
    """dB, for the log; NaN where nothing was rendered"""
    seen: Seen | None = None
    """None where nobody asks"""
