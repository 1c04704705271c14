"""Rule `simulate_animals`: pictures of many procedural animals by cameras on the contract."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from tqdm import tqdm

from mouse_facelift.formats.packs import Pack, write_pack
from mouse_facelift.formats.sample_folder import Sample, write_sample
from mouse_facelift.formats.whole import whole_folder
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.contract import contract_intrinsics
from mouse_facelift.imaging.pictures import to_straight_alpha
from mouse_facelift.plan import PACK_SIZE
from mouse_facelift.settings import CameraContract
from mouse_facelift.simulation.animals import random_animal
from mouse_facelift.simulation.ellipsoids import default_lights
from mouse_facelift.simulation.raycast import Lenses, cast, trace_lenses


def look_at_origin(
    azimuth: Float[np.ndarray, "view"], elevation: Float[np.ndarray, "view"], distance: float
) -> Float[np.ndarray, "view 4 4"]:
    """Camera to world of cameras that look at the origin without roll; angles in radians, azimuth from +x to +y.

    From angles, not by `geometry.rotations.look_at`: that one's last bits and signs of zero are others, and the packs
    from which weights were trained could not be made again to the byte.
    """
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


def contract_lenses(contract: CameraContract, views: int, samples: int) -> Lenses:
    """The contract's pinhole for each of some views, with samples x samples rays a pixel."""
    K = contract_intrinsics(contract).numpy()
    return trace_lenses(np.repeat(K[None], views, axis=0), None, contract.image_size, contract.image_size, samples)


def random_views(rng: np.random.Generator, views: int, distance: float) -> Float[np.ndarray, "view 4 4"]:
    """One camera per equal share of the ring; elevations -5 to 60 degrees, most of them 5 to 30 as in real rigs."""
    azimuth = 2 * np.pi * (rng.random() + (np.arange(views) + rng.uniform(-0.4, 0.4, views)) / views)
    low = rng.random(views) < 0.6
    elevation = np.radians(np.where(low, rng.uniform(5, 30, views), rng.uniform(-5, 60, views)))
    return look_at_origin(azimuth, elevation, distance)


def animal_sample(
    seed: int, number: int, lenses: Lenses, distance: float
) -> tuple[UInt8[np.ndarray, "view height width 4"], Float[np.ndarray, "view 4 4"]]:
    """Straight-alpha pictures (color 0 where alpha is 0) and camera_to_world of animal `number` of a seed."""
    for_animal, for_views = np.random.SeedSequence((seed, number)).spawn(2)
    camera_to_world = random_views(np.random.default_rng(for_views), len(lenses.intrinsics), distance)
    rgba, _ = cast(random_animal(for_animal), default_lights(), camera_to_world, lenses)
    return to_straight_alpha(rgba), camera_to_world


def simulate_animals(
    animals: Path,
    count: int,
    views: int,
    contract: CameraContract,
    seed: int,
    samples: int = 3,
    pack_size: int = PACK_SIZE,
) -> None:
    """Write packs of pictures of animals that are not the mouse: `<animals>/animals_000.npz`, `animals_001.npz`, ...

    See `formats.packs`. Cameras keep the contract: at its distance, looking at the origin, z up. The same seed gives
    the same bytes, and animal i is the same whatever `count` is. `samples` squared rays are cast a pixel.

    Raises:
        ValueError: count or views is not positive.
    """
    if min(count, views) < 1:
        raise ValueError(f"count and views must be positive; found {count}, {views}")
    lenses = contract_lenses(contract, views, samples)
    fxfycxcy = lenses.numbers[:, :4].astype(np.float32)
    size = contract.image_size
    with whole_folder(animals) as partial, tqdm(total=count, disable=None, desc="animals") as progress:
        for pack, first in enumerate(range(0, count, pack_size)):
            number = min(pack_size, count - first)
            images = np.empty((number, views, size, size, 4), dtype=np.uint8)
            cameras = np.empty((number, views, 4, 4), dtype=np.float32)
            for i in range(number):
                images[i], cameras[i] = animal_sample(seed, first + i, lenses, contract.distance)
                progress.update()
            lens = np.broadcast_to(fxfycxcy, (number, views, 4))
            write_pack(partial / f"animals_{pack:03d}.npz", Pack(images, cameras, lens))


def simulate_animal_samples(
    folder: Path, count: int, views: int, contract: CameraContract, seed: int, samples: int = 3
) -> None:
    """Write the first animals of a seed as sample folders `animal_00000`, ...: what the packs hold, to look at."""
    lenses = contract_lenses(contract, views, samples)
    intrinsics = torch.from_numpy(lenses.intrinsics)
    for number in tqdm(range(count), disable=None, desc="animals"):
        images, camera_to_world = animal_sample(seed, number, lenses, contract.distance)
        name = f"animal_{number:05d}"
        cameras = Cameras(torch.from_numpy(camera_to_world), intrinsics, lenses.width, lenses.height)
        with whole_folder(folder / name) as partial:
            sample = Sample(name, cameras, torch.from_numpy(images))
            write_sample(partial, sample, [f"view_{view}" for view in range(views)])
