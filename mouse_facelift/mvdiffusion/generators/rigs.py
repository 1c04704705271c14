"""Where the generators' networks learned that their views are taken from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.rig import aim_angles, rig_angles, roll_angles
from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.mvdiffusion.canonical import RELEASED_AZIMUTHS

REFERENCE_AZIMUTH = -90.0
"""degrees: FaceLift's front camera stands on the negative y axis"""
ANGLE_TOLERANCE = 0.1
"""degrees by which wanted cameras may differ from what a generator can follow"""
LENGTH_TOLERANCE = 1e-3
"""likewise, of the distance or of the picture's size"""

Zero123PlusVersion = Literal["v1.1", "v1.2"]

_ORIGIN = torch.zeros(3, dtype=torch.float64)
_UP = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)


@dataclass(frozen=True)
class OrbitRig:
    """Upright pinholes on a sphere about the subject, which look at its center; pictures are square.

    Raises:
        ValueError: unequal numbers of azimuths and elevations, or a number that no such camera has.
    """

    azimuths: tuple[float, ...]
    """degrees from the reference's camera, counterclockwise seen from above: toward the right of its picture"""
    elevations: tuple[float, ...]
    """degrees above the subject's horizon"""
    distance: float
    """camera center to subject"""
    field_of_view: float
    """full opening angle, degrees"""
    size: int
    """px"""

    def __post_init__(self) -> None:
        if len(self.azimuths) != len(self.elevations):
            raise ValueError(f"{len(self.azimuths)} azimuths for {len(self.elevations)} elevations")
        if not all(map(math.isfinite, self.azimuths)) or not all(-90 < angle < 90 for angle in self.elevations):
            raise ValueError(f"azimuths {self.azimuths}, elevations {self.elevations}: expected -90 to 90 of elevation")
        if not 0 < self.field_of_view < 180 or not 0 < self.distance < math.inf or self.size < 1:
            raise ValueError(f"distance {self.distance}, field of view {self.field_of_view}, {self.size} px")

    @property
    def focal(self) -> float:
        """px, fx = fy"""
        return self.size / (2 * math.tan(math.radians(self.field_of_view / 2)))

    @property
    def cameras(self) -> Cameras:
        """z up, subject at the origin, reference at azimuth -90 degrees; float64."""
        azimuth = torch.deg2rad(torch.tensor(self.azimuths, dtype=torch.float64) + REFERENCE_AZIMUTH)
        elevation = torch.deg2rad(torch.tensor(self.elevations, dtype=torch.float64))
        level = elevation.cos()
        directions = torch.stack([level * azimuth.cos(), level * azimuth.sin(), elevation.sin()], dim=-1)
        poses = look_at(self.distance * directions, _ORIGIN, _UP)
        middle = self.size / 2
        K = [[self.focal, 0, middle], [0, self.focal, middle], [0, 0, 1]]
        intrinsics = torch.tensor(K, dtype=torch.float64).repeat(len(poses), 1, 1)
        return Cameras(poses, intrinsics, self.size, self.size)


def facelift_rig(size: int) -> OrbitRig:
    """The rig of FaceLift's released weights: front, front right, right, back, left, front left (the subject's right).

    Source: the cameras published with FaceLift, arXiv:2412.17812.
    """
    return OrbitRig(RELEASED_AZIMUTHS, (0.0,) * 6, distance=2.7, field_of_view=50.0, size=size)


def zero123plus_rig(version: Zero123PlusVersion, distance: float, tile: int = 320) -> OrbitRig:
    """The rig of Zero123++; no view of it is the reference's.

    Its network was never told a distance, which only sets the world's unit; InstantMesh takes 4.

    Source: Zero123++, arXiv:2310.15110, and the read-me of its repository.
    """
    if version not in (known := get_args(Zero123PlusVersion)):
        raise ValueError(f"version is {version!r}, expected one of {known}")
    elevations, field_of_view = {"v1.1": ((30.0, -20.0) * 3, 49.13), "v1.2": ((20.0, -10.0) * 3, 30.0)}[version]
    return OrbitRig((30.0, 90.0, 150.0, 210.0, 270.0, 330.0), elevations, distance, field_of_view, tile)


def sv3d_rig(azimuths: Sequence[float], elevations: Sequence[float], size: int = 576) -> OrbitRig:
    """The sphere of SV3D's cameras, with some views on it.

    Source: SV3D, arXiv:2403.12008, for the field of view of 33.8 degrees and the radius of 2.
    """
    return OrbitRig(tuple(azimuths), tuple(elevations), distance=2.0, field_of_view=33.8, size=size)


def require_rig(wanted: Cameras, rig: OrbitRig, generator: str) -> None:
    """Raise ValueError, by how much and naming the generator, unless the cameras are the rig's, in its order."""
    own = rig.cameras
    if len(wanted) != len(own):
        raise ValueError(f"{generator} draws {len(own)} fixed views, {len(wanted)} cameras are wanted")
    azimuths, elevations = orbit_angles(wanted, rig, generator)
    for view, (azimuth, elevation) in enumerate(zip(azimuths, elevations, strict=True)):
        turned = (azimuth - rig.azimuths[view] + 180) % 360 - 180
        raised = elevation - rig.elevations[view]
        if max(abs(turned), abs(raised)) > ANGLE_TOLERANCE:
            raise ValueError(
                f"{generator} draws fixed views: camera {view} is wanted at azimuth {azimuth:.2f} from the reference,"
                f" elevation {elevation:.2f}: {turned:+.2f} and {raised:+.2f} degrees off the rig's"
            )


def orbit_angles(wanted: Cameras, rig: OrbitRig, generator: str) -> tuple[list[float], list[float]]:
    """Azimuths (0 to 360, from the reference) and elevations, in degrees, of cameras that stand on a rig's sphere.

    Raises:
        ValueError: a camera is off the sphere, looks past its center, is rolled or is another pinhole; says by how
            much.
    """
    if (wanted.width, wanted.height) != (rig.size, rig.size):
        raise ValueError(f"{generator} draws {rig.size} px squares, {wanted.width} x {wanted.height} px are wanted")
    angles = rig_angles(wanted.centers.double(), _ORIGIN, _UP)
    pose = wanted.to(torch.float64).world_to_camera
    aims, rolls = aim_angles(pose, _ORIGIN), roll_angles(pose, _UP)
    own = torch.tensor([rig.focal, rig.focal, rig.size / 2, rig.size / 2], dtype=torch.float64)
    lens = (wanted.fxfycxcy.double() - own).abs().amax(dim=-1)
    skews = wanted.intrinsics[:, 0, 1].double().abs()
    limits: tuple[tuple[str, Float[Tensor, " view"], float, str], ...] = (
        ("stands off the orbit", angles.distance - rig.distance, LENGTH_TOLERANCE * rig.distance, "units"),
        ("looks past the subject", aims, ANGLE_TOLERANCE, "degrees"),
        ("is rolled", rolls, ANGLE_TOLERANCE, "degrees"),
        ("has another focal length, principal point or skew", lens.maximum(skews), LENGTH_TOLERANCE * rig.size, "px"),
    )
    for fault, amounts, limit, unit in limits:
        if bool((amounts.abs() > limit).any()):
            view = int(amounts.abs().argmax())
            raise ValueError(
                f"{generator} cannot follow camera {view}: it {fault} by {float(amounts[view]):+.4g} {unit}"
                f" (distance {rig.distance}, field of view {rig.field_of_view} degrees are drawn)"
            )
    return ((angles.azimuth - REFERENCE_AZIMUTH) % 360).tolist(), angles.elevation.tolist()
