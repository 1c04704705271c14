"""FaceLift's released network behind the interface of all generators."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.formats.sample_folder import WHITE
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.mvdiffusion.generators.interface import GeneratedViews, Reference
from mouse_facelift.mvdiffusion.generators.rigs import ANGLE_TOLERANCE, OrbitRig, require_rig
from mouse_facelift.mvdiffusion.pipeline import Pipeline
from mouse_facelift.mvdiffusion.sampling import Sampling, sample_views


@dataclass(frozen=True)
class FaceLiftGenerator:
    """Six views on the rig that the network's weights were trained with; view 0 is the reference's own.

    Raises:
        ValueError: rig and prompts differ in number, or the rig's first view is not the reference's.
    """

    pipeline: Pipeline
    prompts: Float[Tensor, "view token text_channel"]
    sampling: Sampling
    rig: OrbitRig
    """`facelift_rig` for the released weights"""

    def __post_init__(self) -> None:
        if len(self.prompts) != len(self.rig.azimuths):
            raise ValueError(f"{len(self.prompts)} prompts for a rig of {len(self.rig.azimuths)} views")
        if abs(self.rig.azimuths[0]) > ANGLE_TOLERANCE:
            raise ValueError(f"the first view is the reference's: its azimuth is {self.rig.azimuths[0]}, expected 0")

    def generate(
        self, reference: Reference, generator: torch.Generator, cameras: Cameras | None = None
    ) -> GeneratedViews:
        """Draw the rig's views.

        Raises:
            ValueError: other cameras are wanted, or the reference was not taken from the rig's first camera.
        """
        if cameras is not None:
            require_rig(cameras, self.rig, "FaceLift")
        if abs(raised := reference.elevation - self.rig.elevations[0]) > ANGLE_TOLERANCE:
            raise ValueError(
                f"FaceLift draws from a reference at elevation {self.rig.elevations[0]} degrees,"
                f" this one is {raised:+.2f} degrees away"
            )
        picture = reference.over(WHITE, self.rig.size)
        drawn = sample_views(self.pipeline, picture[None], self.prompts[None], self.sampling, generator)[0].cpu()
        pictures = torch.cat([picture[None] / 255, drawn[1:]])
        return GeneratedViews(pictures, self.rig.cameras, WHITE, reference_row=0)
