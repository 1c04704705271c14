"""An animal as posed ellipsoids that wear one coat."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

MOTTLE, BELLY, MARK, FUR, PATCH = range(5)  # columns of Coat.amounts
BASE_COLOR, MOTTLE_COLOR, BELLY_COLOR, MARK_COLOR = range(4)  # rows of Coat.colors
MOTTLE_WAVES, FUR_WAVES, MARK_WAVES = range(3)  # rows of Coat.waves
NO_MARK, STRIPES, SPOTS, BLOTCHES = range(4)  # Coat.mark[0]


class Pose(NamedTuple):
    """Where the ellipsoids are: x_world = rotation @ (radii * q) + center for q on the unit sphere."""

    centers: Float[np.ndarray, "part 3"]
    rotations: Float[np.ndarray, "part 3 3"]
    radii: Float[np.ndarray, "part 3"]

    def moved(self, scale: float, rotation: Float[np.ndarray, "3 3"], center: Float[np.ndarray, "3"]) -> "Pose":
        """Apply the similarity x' = scale * rotation @ (x - center)."""
        return Pose(
            scale * (self.centers - center) @ rotation.T,
            np.ascontiguousarray(rotation @ self.rotations),
            scale * self.radii,
        )

    def surface_points(self, rings: int = 5, around: int = 12) -> Float[np.ndarray, "part point 3"]:
        """Points spread over each ellipsoid, its six poles among them."""
        polar = np.linspace(0, np.pi, rings)
        angle = np.arange(around) * 2 * np.pi / around
        sphere = np.stack(
            [
                np.outer(np.sin(polar), np.cos(angle)),
                np.outer(np.sin(polar), np.sin(angle)),
                np.outer(np.cos(polar), np.ones(around)),
            ],
            axis=-1,
        ).reshape(-1, 3)
        scaled = sphere[None] * self.radii[:, None]
        points: Float[np.ndarray, "part point 3"] = np.einsum("pij,pkj->pki", self.rotations, scaled)
        points += self.centers[:, None]
        return points


class Coat(NamedTuple):
    """Color of every surface point, as a function of where that point lies in the resting body.

    The texture is looked up at x_rest = rest.rotation @ (rest.radii * q) + rest.center, so it sticks to a moving
    body and runs on from one ellipsoid to the next. Colors are in [0, 1], as displayed: no gamma anywhere.
    """

    rest_centers: Float[np.ndarray, "part 3"]
    rest_rotations: Float[np.ndarray, "part 3 3"]
    rest_radii: Float[np.ndarray, "part 3"]
    colors: Float[np.ndarray, "part 4 3"]
    amounts: Float[np.ndarray, "part 5"]
    waves: Float[np.ndarray, "3 6 4"]  # wave vector (radians per rest unit) and phase
    belly: Float[np.ndarray, "2"]  # rest heights: fully belly below the first, no belly above the second
    mark: Float[np.ndarray, "3"]  # kind, threshold in [-1, 1], softness
    patch_centers: Float[np.ndarray, "patch 3"]
    patch_radii: Float[np.ndarray, "patch 3"]
    patch_colors: Float[np.ndarray, "patch 3"]


class Lights(NamedTuple):
    """Directional lights, fixed in the world; a surface facing none of them shows `ambient` of its color."""

    ambient: float
    directions: Float[np.ndarray, "light 3"]  # unit vectors towards the light
    strengths: Float[np.ndarray, "light"]

    def turned(self, rotation: Float[np.ndarray, "3 3"]) -> "Lights":
        """The same lights seen from a world turned by `rotation`."""
        return Lights(self.ambient, np.ascontiguousarray(self.directions @ rotation.T), self.strengths)


@dataclass(frozen=True)
class Animal:
    """One animal in one pose.

    Raises:
        ValueError: parts of pose and coat differ in number, or a radius is not positive and finite.
    """

    pose: Pose
    coat: Coat

    def __post_init__(self) -> None:
        if len(self.pose.centers) != len(self.coat.rest_centers):
            raise ValueError(f"pose has {len(self.pose.centers)} parts, coat {len(self.coat.rest_centers)}")
        if not (np.isfinite(self.pose.radii).all() and (self.pose.radii > 0).all()):
            raise ValueError(f"radii must be positive and finite, not {self.pose.radii.min()}..{self.pose.radii.max()}")


def default_lights() -> Lights:
    """A key light from high up and a weaker one from the other side."""
    towards = np.array([[0.35, -0.45, 0.82], [-0.7, 0.55, 0.45]])
    return Lights(0.62, towards / np.linalg.norm(towards, axis=1, keepdims=True), np.array([0.33, 0.16]))
