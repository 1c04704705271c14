"""How near drawn pictures are to true ones, as trainings look at it."""

import math

from torch import Tensor


def psnr(answer: Tensor, target: Tensor) -> float:
    """PSNR in dB of colors in 0..1 over all pixels, at most 100; NaN where the answer is not finite."""
    error = float((answer - target).double().square().mean())
    return -10 * math.log10(max(error, 1e-10)) if math.isfinite(error) else math.nan
