"""The simulated mouse as ideal cameras outline it, with errors of a third of a pixel, and cameras to spoil."""

import math
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import torch

from mouse_facelift.geometry.tangency import Outlines, Rig
from mouse_facelift.simulation.laboratory import true_motion
from mouse_facelift.simulation.reference_rig import ARENA_CENTER, reference_rig

FRAMES, VERTICES, ERROR = 24, 64, 0.3
SUBJECT = torch.tensor([*ARENA_CENTER[:2], 16.0], dtype=torch.float64)


@cache
def walking_mouse(seed: int = 4) -> tuple[Outlines, Rig]:
    """Outlines of a walk before the reference rig at a quarter of its resolution."""
    rig = reference_rig(0.25)
    truth = true_motion("walk", 60, seed, 50, rig, 60)
    sphere = _sphere(200)
    offsets = np.einsum("fpij,pvj->fpvi", truth.rotations, truth.radii[0][:, None] * sphere)
    points = (truth.centers[:, :, None] + offsets).reshape(60, -1, 3)[:FRAMES]
    world_to_camera = torch.from_numpy(np.linalg.inv(rig.camera_to_world))
    noise = np.random.default_rng(seed)
    rays = torch.ones(len(rig.names), FRAMES, VERTICES, 3, dtype=torch.float64)
    for view, pose in enumerate(world_to_camera.numpy()):
        focal = rig.intrinsics[view, 0, 0]
        for frame, cloud in enumerate(points):
            local = cloud @ pose[:3, :3].T + pose[:3, 3]
            flat = (local[:, :2] / local[:, 2:]).astype(np.float32)
            hull = cv2.convexHull(flat)[:, 0].astype(np.float64)
            hull += noise.normal(0, ERROR / focal, hull.shape)
            rows = (
                np.resize(hull, (VERTICES, 2))
                if len(hull) < VERTICES
                else hull[np.linspace(0, len(hull) - 1, 64).astype(int)]
            )
            rays[view, frame, :, :2] = torch.from_numpy(rows)
    focals = torch.from_numpy(rig.intrinsics[:, 0, 0].copy())
    whole = torch.ones(len(rig.names), FRAMES, dtype=torch.bool)
    return Outlines(rays, whole), Rig(
        world_to_camera[:, :3, :3].clone(), torch.from_numpy(rig.camera_to_world[:, :3, 3].copy()), focals
    )


def turned(rig: Rig, view: int, degrees: float, axis: int) -> Rig:
    """The rig with one camera's file turned about an axis of the camera."""
    vector = np.zeros(3)
    vector[axis] = math.radians(degrees)
    rotations = rig.rotations.clone()
    rotations[view] = torch.from_numpy(cv2.Rodrigues(vector)[0]) @ rotations[view]
    return replace(rig, rotations=rotations)


def late(outlines: Outlines, view: int, frames: int) -> Outlines:
    """One camera shows what the others showed some frames ago."""
    rays = outlines.rays[:, frames:].clone()
    rays[view] = outlines.rays[view, : rays.shape[1]]
    return Outlines(rays, outlines.whole[:, frames:])


def zoomed(outlines: Outlines, view: int, factor: float) -> Outlines:
    """One camera's file tells of a focal length that is wrong: the true one is `factor` times as long."""
    rays = outlines.rays.clone()
    rays[view, ..., :2] *= factor
    return Outlines(rays, outlines.whole)


def _sphere(count: int) -> np.ndarray:
    """Points spread evenly over the unit sphere."""
    number = np.arange(count) + 0.5
    height, turn = 1 - 2 * number / count, math.pi * (1 + 5**0.5) * number
    across = np.sqrt(1 - height**2)
    return np.stack([across * np.cos(turn), across * np.sin(turn), height], axis=-1)
