"""The simulated mouse's masks before the reference rig, and what goes wrong with masks."""

from functools import cache

import cv2
import numpy as np
import torch

from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.settings import MaskCleaning
from mouse_facelift.simulation.ellipsoids import Animal, Pose
from mouse_facelift.simulation.laboratory import true_motion
from mouse_facelift.simulation.raycast import Lenses, cast, trace_lenses
from mouse_facelift.simulation.reference_rig import ARENA_CENTER, Rig, reference_rig
from mouse_facelift.simulation.truth import Truth

RULE = MaskCleaning(
    speck=0.002, candidate=0.1, meeting=0.75, reach=0.15, piece=0.1, hole=0.01, cover=0.9, resolution=64
)
FRAMES = 24


@cache
def rig(scale: float = 0.25) -> tuple[Rig, Lenses]:
    found = reference_rig(scale)
    return found, trace_lenses(found.intrinsics, found.distortion, found.width, found.height, 2)


@cache
def truth(sequence: str = "walk", seed: int = 1) -> Truth:
    return true_motion(sequence, FRAMES, seed, 50, rig()[0], FRAMES)


def calibration(scale: float = 0.25) -> Calibration:
    cameras, _ = rig(scale)
    K = torch.from_numpy(cameras.intrinsics.copy())
    K[:, :2, 2] -= 0.5
    return Calibration(
        list(cameras.names),
        K,
        torch.from_numpy(cameras.distortion.copy()),
        torch.from_numpy(np.linalg.inv(cameras.camera_to_world)),
        torch.tensor([[cameras.width, cameras.height]] * len(cameras.names)),
    )


def see(animal: Animal, scale: float = 0.25) -> list[np.ndarray]:
    """The animal's masks in all six views."""
    cameras, lenses = rig(scale)
    rgba, _ = cast(animal, truth().lights, cameras.camera_to_world, lenses, bands=1)
    return list(rgba[..., 3] >= 0.5)


@cache
def _views(frame: int, sequence: str, seed: int, scale: float) -> tuple[np.ndarray, ...]:
    return tuple(see(truth(sequence, seed).animal(frame), scale))


def views(frame: int, sequence: str = "walk", seed: int = 1, scale: float = 0.25) -> list[np.ndarray]:
    """Right masks of one frame, to be spoiled."""
    return [mask.copy() for mask in _views(frame, sequence, seed, scale)]


def mirrored(animal: Animal, azimuth: float, distance: float) -> tuple[Animal, list[int]]:
    """The animal behind a wall, and the views that see it there: those whose cameras are on the animal's side.

    The wall stands `distance` mm from the arena's center, in the direction `azimuth` (degrees).
    """
    normal = np.array([np.cos(np.radians(azimuth)), np.sin(np.radians(azimuth)), 0.0])
    reflection = np.eye(3) - 2 * np.outer(normal, normal)
    on_wall = ARENA_CENTER + distance * normal
    pose = animal.pose
    flip = np.diag([1.0, 1.0, -1.0])  # an ellipsoid's axes have no sign
    behind = Pose((pose.centers - on_wall) @ reflection + on_wall, reflection @ pose.rotations @ flip, pose.radii)
    sides = (rig()[0].camera_to_world[:, :3, 3] - on_wall) @ normal
    return Animal(behind, animal.coat), np.flatnonzero(sides < 0).tolist()


def shifted(mask: np.ndarray, x: int, y: int) -> np.ndarray:
    moved = cv2.warpAffine(mask.astype(np.uint8), np.float32([[1, 0, x], [0, 1, y]]), mask.shape[::-1])
    return moved > 0


def swollen(mask: np.ndarray, by: int) -> np.ndarray:
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by + 1, 2 * by + 1))
    return cv2.dilate(mask.astype(np.uint8), disk) > 0


def halved(mask: np.ndarray) -> np.ndarray:
    """Without the half on the left of the middle of its longer side (or above it)."""
    rows, columns = np.nonzero(mask)
    half = mask.copy()
    if np.ptp(columns) >= np.ptp(rows):
        half[:, : int(np.median(columns))] = False
    else:
        half[: int(np.median(rows))] = False
    return half


def barred(mask: np.ndarray, column: int, width: int) -> np.ndarray:
    behind = mask.copy()
    behind[:, column : column + width] = False
    return behind
