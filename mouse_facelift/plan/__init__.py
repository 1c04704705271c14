"""Which files follow from a configuration: names that several rules need. Torch-free, as `settings` is."""

from mouse_facelift.plan.whole import FITTED, PACK_SIZE, SIMULATED_CAMERAS, TRIVIAL, Baseline, Plan

__all__ = ["FITTED", "PACK_SIZE", "SIMULATED_CAMERAS", "TRIVIAL", "Baseline", "Plan"]
