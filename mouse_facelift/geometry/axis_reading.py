"""Which gaps a rig seems to have when another axis is taken for up: how an even rig came to be called uneven."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.geometry.rig import rig_angles

AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}


@dataclass(frozen=True)
class AxisReading:
    """Azimuth gaps in degrees as one would find them with another axis, or another middle, than the true ones."""

    axis: str
    """x, y or z of the file's world, taken for up"""
    middle: str
    """`origin` of the file, or `animal`"""
    gaps: Float[Tensor, "view"]
    """between neighbors, sorted by azimuth"""
    wrong_by: float
    """degrees between that axis and the true up"""

    @property
    def is_an_axis_error(self) -> bool:
        return self.wrong_by > 45


def read_axes(
    centers: Float[Tensor, "view 3"], subject: Float[Tensor, "3"], up: Float[Tensor, "3"]
) -> list[AxisReading]:
    """Read a rig's gaps about the animal, and about the file's origin unless a camera is there, with x, y and z as up.

    Azimuth about an axis is atan2 of the two other coordinates in cyclic order (for y: of x and z), which differs from
    other conventions by where it starts and which way it counts, so that gaps stay.
    """
    readings = []
    middles = {"animal": subject}
    if bool((torch.linalg.vector_norm(centers, dim=-1) > 1e-6).all()):  # else a camera is the origin
        middles["origin"] = torch.zeros(3, dtype=torch.float64)
    for middle, point in middles.items():
        for axis, direction in AXES.items():
            taken = torch.tensor(direction, dtype=torch.float64)
            cosine = float(taken @ up / torch.linalg.vector_norm(up))
            wrong_by = float(torch.rad2deg(torch.acos(torch.tensor(abs(cosine)).clamp(0, 1))))
            readings.append(AxisReading(axis, middle, rig_angles(centers, point, taken).gaps, wrong_by))
    return readings
