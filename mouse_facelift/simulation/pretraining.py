"""Rule `simulate_animals`: pictures of many procedural animals by cameras on the contract."""

import json
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from tqdm import tqdm

from mouse_facelift.simulation.animals import random_animal
from mouse_facelift.simulation.appear import whole_folder, write_png
from mouse_facelift.simulation.ellipsoids import default_lights
from mouse_facelift.simulation.raycast import Lenses, cast, straight_uint8, trace_lenses

CONTRACT_FOCAL = 548.9937744140625  # px of a 512 px picture: 50 degrees; FaceLift's opencv_cameras.json
CONTRACT_SIZE = 512
CONTRACT_DISTANCE = 2.7  # world units


def look_at_origin(
    azimuth: Float[np.ndarray, "view"], elevation: Float[np.ndarray, "view"], distance: float = CONTRACT_DISTANCE
) -> Float[np.ndarray, "view 4 4"]:
    """Camera to world of cameras that look at the origin without roll; angles in radians, azimuth from +x to +y."""
    zero = np.zeros_like(azimuth)
    outward = np.stack(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], axis=-1
    )
    right = np.stack([-np.sin(azimuth), np.cos(azimuth), zero], axis=-1)
    camera_to_world = np.zeros((len(azimuth), 4, 4))
    camera_to_world[:, :3, 0] = right
    camera_to_world[:, :3, 1] = np.cross(-outward, right)
    camera_to_world[:, :3, 2] = -outward
    camera_to_world[:, :3, 3] = distance * outward
    camera_to_world[:, 3, 3] = 1
    return camera_to_world


def contract_intrinsics(size: int, views: int) -> Float[np.ndarray, "view 3 3"]:
    """The contract's K for a square picture of `size` px, principal point from the outer corner."""
    focal = CONTRACT_FOCAL * size / CONTRACT_SIZE
    K = np.array([[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1]])
    return np.repeat(K[None], views, axis=0)


def random_views(rng: np.random.Generator, views: int) -> Float[np.ndarray, "view 4 4"]:
    """One camera per equal share of the ring; elevations -5 to 60 degrees, most of them 5 to 30 as in real rigs."""
    azimuth = 2 * np.pi * (rng.random() + (np.arange(views) + rng.uniform(-0.4, 0.4, views)) / views)
    low = rng.random(views) < 0.6
    elevation = np.radians(np.where(low, rng.uniform(5, 30, views), rng.uniform(-5, 60, views)))
    return look_at_origin(azimuth, elevation)


def animal_sample(
    seed: int, number: int, lenses: Lenses
) -> tuple[UInt8[np.ndarray, "view height width 4"], Float[np.ndarray, "view 4 4"]]:
    """Straight-alpha pictures (color 0 where alpha is 0) and camera_to_world of animal `number` of a seed."""
    for_animal, for_views = np.random.SeedSequence((seed, number)).spawn(2)
    camera_to_world = random_views(np.random.default_rng(for_views), len(lenses.intrinsics))
    rgba, _ = cast(random_animal(for_animal), default_lights(), camera_to_world, lenses)
    return straight_uint8(rgba), camera_to_world


def simulate_animals(
    animals: Path, count: int, views: int, size: int, seed: int, samples: int = 3, shard_size: int = 500
) -> None:
    """Write shards of pictures of animals that are not the mouse: `<animals>/animals_000.npz`, `animals_001.npz`, ...

    Each shard holds `images` uint8 [animal, view, size, size, 4], straight alpha with color 0 where alpha is 0;
    `camera_to_world` float32 [animal, view, 4, 4] (OpenCV axes, z up, distance 2.7, looking at the origin); and
    `fxfycxcy` float32 [animal, view, 4] in pixels from the outer corner. The same seed gives the same bytes, and
    animal i is the same whatever `count` is. `samples` squared rays are cast a pixel.

    Raises:
        ValueError: count, views or size is not positive.
    """
    if min(count, views, size) < 1:
        raise ValueError(f"count, views and size must be positive; found {count}, {views}, {size}")
    lenses = trace_lenses(contract_intrinsics(size, views), None, size, size, samples)
    K = lenses.intrinsics[0]
    fxfycxcy = np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2]], dtype=np.float32)
    with whole_folder(animals) as partial, tqdm(total=count, disable=None, desc="animals") as progress:
        for shard, first in enumerate(range(0, count, shard_size)):
            number = min(shard_size, count - first)
            images = np.empty((number, views, size, size, 4), dtype=np.uint8)
            cameras = np.empty((number, views, 4, 4), dtype=np.float32)
            for i in range(number):
                images[i], cameras[i] = animal_sample(seed, first + i, lenses)
                progress.update()
            np.savez_compressed(
                partial / f"animals_{shard:03d}.npz",
                images=images,
                camera_to_world=cameras,
                fxfycxcy=np.broadcast_to(fxfycxcy, (number, views, 4)),
            )


def write_animal_sample(
    folder: Path, images: UInt8[np.ndarray, "view height width 4"], camera_to_world: Float[np.ndarray, "view 4 4"]
) -> None:
    """Write one animal in FaceLift's layout: `images/cam_000.png` ... (RGBA) and `opencv_cameras.json`."""
    height, width = images.shape[1:3]
    K = contract_intrinsics(width, 1)[0]
    with whole_folder(folder) as partial:
        (partial / "images").mkdir()
        frames = []
        for view, (image, pose) in enumerate(zip(images, camera_to_world, strict=True)):
            file_path = f"images/cam_{view:03d}.png"
            write_png(partial / file_path, image)
            frames.append(
                {
                    "w": width,
                    "h": height,
                    "fx": K[0, 0],
                    "fy": K[1, 1],
                    "cx": K[0, 2],
                    "cy": K[1, 2],
                    "w2c": np.linalg.inv(pose).tolist(),
                    "file_path": file_path,
                }
            )
        (partial / "opencv_cameras.json").write_text(json.dumps({"id": folder.name, "frames": frames}, indent=1))


def simulate_animal_samples(folder: Path, count: int, views: int, size: int, seed: int, samples: int = 3) -> None:
    """Write the first animals of a seed as sample folders `animal_00000`, ...: what the shards hold, to look at."""
    lenses = trace_lenses(contract_intrinsics(size, views), None, size, size, samples)
    for number in tqdm(range(count), disable=None, desc="animals"):
        images, camera_to_world = animal_sample(seed, number, lenses)
        write_animal_sample(folder / f"animal_{number:05d}", images, camera_to_world)
