"""Which of the predicted Gaussians to keep: the clean-up before a scene is saved or shown."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from mouse_facelift.geometry.gaussians import Gaussians


@dataclass(frozen=True)
class CleanUp:
    """Limits in world units; the opacity is 0..1."""

    opacity_above: float
    scale_below: float | None
    """Largest of the three scales; Gaussians above z = 0 may be larger."""
    corner_cut: float | None
    """Drops what has abs(x) and abs(y) above it and z below its negative: the shoulders of a bust."""
    box: tuple[float, float, float]
    """Half the box's edges, about the origin."""

    def keep(self, gaussians: Gaussians) -> Bool[Tensor, "*scene gaussian"]:
        """True for the Gaussians that stay."""
        x, y, z = gaussians.means.unbind(dim=-1)
        kept = gaussians.opacities > self.opacity_above
        if self.scale_below is not None:
            kept &= (gaussians.scales.amax(dim=-1) < self.scale_below) | (z > 0)
        if self.corner_cut is not None:
            kept &= ~((x.abs() > self.corner_cut) & (y.abs() > self.corner_cut) & (z < -self.corner_cut))
        half_edges = torch.tensor(self.box, device=gaussians.means.device, dtype=gaussians.means.dtype)
        return kept & (gaussians.means.abs() <= half_edges).all(dim=-1)


# The three settings of FaceLift. Rules on scale and corners are made for a head and shoulders with z up.
FACELIFT_INFERENCE = CleanUp(opacity_above=0.04, scale_below=0.1, corner_cut=0.6, box=(0.91, 0.91, 1.0))
FACELIFT_WEB_DEMO = CleanUp(opacity_above=0.04, scale_below=0.2, corner_cut=0.75, box=(0.91, 0.91, 1.0))
FACELIFT_TRAINING = CleanUp(opacity_above=0.02, scale_below=None, corner_cut=None, box=(0.91, 0.91, 0.91))
