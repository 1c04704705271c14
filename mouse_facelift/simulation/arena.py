"""What the cameras see behind the mouse, and what their sensors add."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from mouse_facelift.simulation.builder import random_waves
from mouse_facelift.simulation.ellipsoids import Pose
from mouse_facelift.simulation.kernels import shade_floor
from mouse_facelift.simulation.raycast import Lenses
from mouse_facelift.simulation.reference_rig import ARENA_CENTER

FLOOR_RADIUS = 150.0  # mm
FLOOR_COLOR, WALL_COLOR = np.array([0.66, 0.65, 0.62]), np.array([0.52, 0.55, 0.58])
SHADOW = 0.35
VIGNETTE = 0.06  # loss of light in the corners
READ_NOISE, SHOT_NOISE = 0.006, 0.012  # standard deviation at black; added at white


@dataclass(frozen=True)
class Arena:
    """The empty arena as each camera sees it."""

    picture: Float[np.ndarray, "view height width 3"]
    floor: Float[np.ndarray, "view height width 2"]  # mm; where the pixel's middle sample sees the floor, NaN: wall
    vignette: Float[np.ndarray, "height width"]


def _backdrop(
    rays: Float[np.ndarray, "row column 2"], camera_to_world: Float[np.ndarray, "4 4"], waves: Float[np.ndarray, "6 4"]
) -> tuple[Float[np.ndarray, "row column 3"], Float[np.ndarray, "row column 2"]]:
    turn, eye = camera_to_world[:3, :3], camera_to_world[:3, 3]
    directions = rays @ turn[:, :2].T + turn[:, 2]
    down = np.minimum(directions[..., 2], -1e-9)
    spots = eye[:2] + directions[..., :2] * (eye[2] / -down)[..., None]
    on_floor = (directions[..., 2] < 0) & (np.linalg.norm(spots - ARENA_CENTER[:2], axis=-1) < FLOOR_RADIUS)
    grain = np.sin(np.where(on_floor[..., None], spots, 0.0) @ waves[:, :2].T + waves[:, 3]).sum(axis=-1)
    rise = directions[..., 2] / np.linalg.norm(directions, axis=-1)
    wall = WALL_COLOR * (1 + 0.5 * np.clip(rise, -0.4, 0.6))[..., None]
    color = np.where(on_floor[..., None], FLOOR_COLOR * (1 + 0.018 * grain)[..., None], wall)
    return color, np.where(on_floor[..., None], spots, np.nan)


def see_arena(camera_to_world: Float[np.ndarray, "view 4 4"], lenses: Lenses, seed: int) -> Arena:
    """The arena without the mouse: a round floor of faintly textured board before a wall that brightens upwards."""
    waves = random_waves(np.random.default_rng((seed, 13)), (12.0, 5.0, 30.0))
    both = np.concatenate([waves[0, :3], waves[1, :3]])
    s, height, width = lenses.samples, lenses.height, lenses.width
    pictures, floors = [], []
    for pose, which in zip(camera_to_world, lenses.ray_sets, strict=True):
        color, spots = _backdrop(lenses.rays[which], pose, both)
        pictures.append(color.reshape(height, s, width, s, 3).mean(axis=(1, 3)))
        floors.append(spots[s // 2 :: s, s // 2 :: s])
    v, u = np.meshgrid(
        (np.arange(height) + 0.5) / height * 2 - 1, (np.arange(width) + 0.5) / width * 2 - 1, indexing="ij"
    )
    return Arena(np.stack(pictures), np.ascontiguousarray(np.stack(floors)), 1 - VIGNETTE * (u**2 + v**2) / 2)


def expose(
    arena: Arena, pose: Pose, rgba: Float[np.ndarray, "view height width 4"], rng: np.random.Generator
) -> UInt8[np.ndarray, "view height width 3"]:
    """Put the animal (premultiplied) into the arena with its shadow, and record that with a sensor's noise."""
    light = np.empty(rgba.shape[:3])
    reaches = np.sqrt(np.einsum("pij,pj->pi", pose.rotations[:, :2] ** 2, pose.radii**2)).mean(axis=1)
    shade_floor(arena.floor, pose.centers, reaches, SHADOW, light)
    scene = np.asarray(arena.picture * light[..., None] * (1 - rgba[..., 3:]) + rgba[..., :3])
    scene *= arena.vignette[..., None]
    scene += rng.normal(size=scene.shape) * (READ_NOISE + SHOT_NOISE * np.sqrt(np.clip(scene, 0, 1)))
    return np.asarray(np.round(np.clip(scene, 0, 1) * 255), dtype=np.uint8)
