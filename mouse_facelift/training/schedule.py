"""Learning rates by step."""

import math


def constant_rate(step: int, peak: float, warmup_steps: int) -> float:
    """Rise linearly from 0 over the warm-up, then stay."""
    return peak * min(1.0, step / max(1, warmup_steps))


def cosine_rate(step: int, peak: float, warmup_steps: int, total_steps: int) -> float:
    """Rise linearly from 0 over the warm-up, then fall along half a cosine to 0 at `total_steps`.

    Source: weijielyu/FaceLift, configs (cosine with warm-up).
    """
    if step < warmup_steps:
        return peak * step / warmup_steps
    progress = (step - warmup_steps) / max(1, total_steps - warmup_steps)
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
