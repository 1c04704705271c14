"""A small recording with known truth: an animal of ellipsoids before six distorted lenses."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from normalizing import KEEP, WORK, Run
from torch import Tensor

from mouse_facelift.capture.find_animal import find_animal
from mouse_facelift.formats.animal import read_animal
from mouse_facelift.formats.frames import Camera, ChunkFiles, Frames, Subject, describe_cameras
from mouse_facelift.formats.opened import Opened
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.cameras import Cameras, invert_poses
from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.imaging.pictures import write_rgb
from mouse_facelift.normalization.normalize import normalize_views
from mouse_facelift.settings import CameraContract, Capture, Normalization, read_settings
from tests.conftest import REPOSITORY

UP = np.array([0.1, -0.2, 0.97]) / np.linalg.norm([0.1, -0.2, 0.97])
AZIMUTHS = np.radians([-147, 34, 86, -11, 144, -64])
DISTANCES = np.array([246.0, 300.0, 414.0, 290.0, 320.0, 275.0])
BACKGROUND = np.array([0.1, 0.9, 0.2])
FRAMES = (3, 8, 20)


@dataclass(frozen=True)
class Animal:
    """Ellipsoids in the capture's world, mm: centers, axes (rows, each over its squared length)."""

    centers: np.ndarray
    axes: np.ndarray

    def color(self, points: np.ndarray) -> np.ndarray:
        waves = np.stack([points @ np.array(k) for k in ((0.08, 0, 0.02), (0.01, 0.09, 0), (0.03, -0.04, 0.08))], -1)
        return 0.5 + 0.4 * np.sin(waves)

    def look(self, origin: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Color and hit of rays from one point."""
        to_animal = self.centers[0] - origin
        along = directions @ to_animal
        passing = to_animal @ to_animal - along**2 / (directions * directions).sum(-1) < 80**2  # no part is further
        rays = directions[passing]
        nearest = np.full(len(rays), np.inf)
        for center, axes in zip(self.centers, self.axes, strict=True):
            o, d = (origin - center) @ axes.T, rays @ axes.T
            a, b, c = (d * d).sum(-1), d @ o, o @ o - 1
            inside = b * b - a * c
            depth = np.where(inside > 0, (-b - np.sqrt(np.maximum(inside, 0))) / a, np.inf)
            nearest = np.minimum(nearest, depth)
        hit, color = np.zeros(directions.shape[:-1], dtype=bool), np.zeros(directions.shape)
        hit[passing] = np.isfinite(nearest)
        color[hit] = self.color(origin + (rays * nearest[:, None])[np.isfinite(nearest)])
        return color, hit


def animal_at(center: np.ndarray, heading: float) -> Animal:
    forward = np.array([np.cos(heading), np.sin(heading), 0])
    forward -= UP * (forward @ UP)
    forward /= np.linalg.norm(forward)
    side = np.cross(UP, forward)
    frame = np.stack([forward, side, UP])
    parts = [((0, 0, 0), (32, 15, 14)), ((36, 0, 4), (15, 10, 10)), ((-45, 5, -6), (28, 3, 3))]
    centers = np.stack([center + np.array(offset) @ frame for offset, _ in parts])
    axes = np.stack([frame / np.array(radii)[:, None] for _, radii in parts])
    return Animal(centers, axes)


@dataclass(frozen=True)
class Recording:
    manifest: Path
    frames: Frames
    animals: dict[int, Animal]

    def truth(self, frame: int, cameras: Cameras, to_capture: Callable[[Tensor], Tensor], samples: int) -> np.ndarray:
        """RGBA straight alpha in [0, 1] that these pinholes (world units) would take of the animal."""
        grid = (np.arange(cameras.width * samples) + 0.5) / samples
        pixels = np.stack([*np.meshgrid(grid, grid), np.ones((len(grid), len(grid)))], -1)
        pictures = []
        for pose, K in zip(cameras.camera_to_world, cameras.intrinsics, strict=True):
            rays = torch.from_numpy(pixels) @ torch.linalg.inv(K).T @ pose[:3, :3].T
            origin = to_capture(pose[None, :3, 3])[0]
            directions = to_capture(rays.reshape(-1, 3) + pose[:3, 3]) - origin
            color, hit = self.animals[frame].look(origin.numpy(), directions.numpy().reshape(*rays.shape))
            premultiplied = np.concatenate([color * hit[..., None], hit[..., None]], -1)
            pictures.append(shrink(premultiplied, samples))
        return np.stack(pictures)


def shrink(values: np.ndarray, factor: int) -> np.ndarray:
    height, width = values.shape[0] // factor, values.shape[1] // factor
    return values.reshape(height, factor, width, factor, -1).mean((1, 3))


def rig(center: np.ndarray) -> Calibration:
    """Six lenses around a point, none aimed exactly at it, all rolled, with skew and the tail of a distortion."""
    random = np.random.default_rng(5)
    elevations = np.radians([20, 35, 15, 40, 25, 30])
    upright = np.linalg.svd(UP[None])[2]
    east, north = upright[1], np.cross(UP, upright[1])
    ring = np.cos(AZIMUTHS)[:, None] * east + np.sin(AZIMUTHS)[:, None] * north
    rays = np.cos(elevations)[:, None] * ring + np.sin(elevations)[:, None] * UP
    poses = torch.zeros(6, 4, 4, dtype=torch.float64)
    for view, position in enumerate(center + DISTANCES[:, None] * rays):
        aim = torch.from_numpy(center + random.uniform(-15, 15, 3))
        tilted = torch.from_numpy(UP + random.uniform(-0.2, 0.2, 3))
        poses[view] = look_at(torch.from_numpy(position)[None], aim, tilted)[0]
    intrinsics = torch.zeros(6, 3, 3, dtype=torch.float64)
    intrinsics[:, 2, 2] = 1
    intrinsics[:, 0, 0] = torch.from_numpy(random.uniform(400, 416, 6))
    intrinsics[:, 1, 1] = torch.from_numpy(random.uniform(400, 416, 6))
    intrinsics[:, 0, 1] = 0.3
    intrinsics[:, :2, 2] = torch.from_numpy(np.array([143.5, 127.5]) + random.uniform(-8, 8, (6, 2)))
    distortion = torch.tensor([[-0.3, 0.12, 0.001, -0.0015, -0.01]], dtype=torch.float64).repeat(6, 1)
    names = [f"Camera{number}" for number in range(1, 7)]
    sizes = torch.tensor([[288, 256]]).repeat(6, 1)
    return Calibration(names, intrinsics, distortion, invert_poses(poses), sizes)


def raw_rays(calibration: Calibration, view: int, samples: int) -> np.ndarray:
    """World directions through the sub-pixels of a raw picture."""
    width, height = calibration.image_sizes[view].tolist()
    x, y = ((np.arange(n * samples) + 0.5) / samples - 0.5 for n in (width, height))
    pixels = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    K = calibration.intrinsics[view].numpy()
    pixels[:, 0] -= K[0, 1] / K[1, 1] * (pixels[:, 1] - K[1, 2])
    wanted = (pixels - K[:2, 2]) / np.diag(K)[:2]
    plane = wanted.copy()
    k1, k2, p1, p2, k3 = calibration.distortion[view].tolist()
    for _ in range(14):  # the error falls by a factor of 5 or more a step for this lens
        x, y = plane.T
        r = x * x + y * y
        radial = 1 + r * (k1 + r * (k2 + r * k3))
        shift = np.stack([2 * p1 * x * y + p2 * (r + 2 * x * x), p1 * (r + 2 * y * y) + 2 * p2 * x * y], -1)
        plane = (wanted - shift) / radial[:, None]
    rays = np.concatenate([plane, np.ones((len(plane), 1))], -1) @ calibration.world_to_camera[view, :3, :3].numpy()
    return rays.reshape(height * samples, width * samples, 3)


def find_in_chunks(
    folder: Path, cameras: tuple[Camera, ...], frames_per_chunk: int
) -> tuple[tuple[ChunkFiles, ...], tuple[Subject, ...]]:
    """What the rule `find_animal` finds."""
    work = read_settings(REPOSITORY / "config.yaml").animal
    work = work.model_copy(
        update={"frames_per_chunk": frames_per_chunk, "hull_resolution": 64, "least_sharpness": None}
    )
    capture = Capture.model_validate(
        {
            "cameras": [camera.name for camera in cameras],
            "calibration": {
                "path": "unread",
                "format": None,
                "names": None,
                "image_sizes": None,
                "millimeters_per_unit": 1.0,
                "up": UP.tolist(),
            },
            "pictures": f"{folder}/{{camera}}_{{frame}}.png",
            "masks": {"kind": "images", "path": f"{folder}/{{camera}}_{{frame}}_mask.png", "threshold": 127},
            "frames": FRAMES,
            "key_points": None,
            "accept_red": [],
        }
    )
    opened = folder / "opened.json"
    Opened(capture="ellipsoids", refusal=None, cameras=cameras, recorded_frames=None, rates=(), notes=()).write(opened)
    files, subjects = [], []
    for chunk in range(-(-len(FRAMES) // frames_per_chunk)):
        name = f"{frames_per_chunk}_{chunk}.npz"
        animal, masks = folder / f"animal_{name}", folder / f"masks_{name}"
        find_animal(opened, capture, work, chunk, animal, masks)
        files.append(ChunkFiles(animal=str(animal), masks=str(masks)))
        found = read_animal(animal)
        for frame, center, radius in zip(found.frames, found.body_centers, found.radii, strict=True):
            subjects.append(
                Subject(
                    frame=int(frame),
                    chunk=chunk,
                    center=tuple(center.tolist()),
                    radius=float(radius),
                    views=tuple(range(len(cameras))),
                )
            )
    return tuple(files), tuple(subjects)


@pytest.fixture(scope="session")
def contract() -> CameraContract:
    return CameraContract(
        image_size=64, focal=68.62422180175781, distance=2.7, distance_range=(1.8, 3.8), subject_radius=1.0
    )


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    folder = tmp_path_factory.mktemp("recording")
    middle = np.array([57.0, 68.0, 16.0])
    calibration = rig(middle)
    centers = calibration.centers.numpy()
    rays, middles = ([raw_rays(calibration, view, samples) for view in range(6)] for samples in (2, 1))
    animals = {}
    for step, frame in enumerate(FRAMES):
        position = middle + np.array([-12.0, 8.0, 0.0]) * (step - 1)
        animals[frame] = animal_at(position, 0.4 + 0.8 * step)
        for view, name in enumerate(calibration.names):
            color, hit = animals[frame].look(centers[view], rays[view])
            seen = np.where(hit[..., None], color, BACKGROUND)
            write_rgb(folder / f"{name}_{frame}.png", np.rint(shrink(seen, 2) * 255).astype(np.uint8))
            mask = animals[frame].look(centers[view], middles[view])[1]
            write_rgb(folder / f"{name}_{frame}_mask.png", np.repeat(mask[..., None] * np.uint8(255), 3, -1))
    cameras = describe_cameras(
        calibration,
        [str(folder / f"{name}_{{frame}}.png") for name in calibration.names],
        [str(folder / f"{name}_{{frame}}_mask.png") for name in calibration.names],
    )
    chunks, subjects = find_in_chunks(folder, cameras, 2)
    frames = Frames(
        capture="ellipsoids",
        cameras=cameras,
        up=tuple(UP.tolist()),
        calibration_notes=(),
        chunks=chunks,
        subjects=subjects,
        left_out=(),
    )
    frames.write(folder / "manifest.json")
    return Recording(folder / "manifest.json", frames, animals)


@pytest.fixture(scope="session")
def one_chunk(recording: Recording) -> Recording:
    """The same recording, all of its frames in one chunk."""
    folder = recording.manifest.parent
    chunks, subjects = find_in_chunks(folder, recording.frames.cameras, len(FRAMES))
    frames = recording.frames.model_copy(update={"chunks": chunks, "subjects": subjects})
    frames.write(folder / "one_chunk.json")
    return Recording(folder / "one_chunk.json", frames, recording.animals)


@pytest.fixture
def run(recording: Recording, contract: CameraContract, tmp_path: Path) -> Run:
    def run_here(
        normalization: Normalization = KEEP,
        chunk: int = 0,
        manifest: Path = recording.manifest,
        contract: CameraContract = contract,
    ) -> Path:
        views = tmp_path / f"chunk_{chunk}" / "manifest.json"
        normalize_views(manifest, views, chunk, normalization, normalization.mode, contract, WORK)
        return views

    return run_here
