"""Rule `simulate_posed_animals`: animals seen from everywhere, as a sample table: poses that no single rig has."""

import math
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from tqdm import tqdm

from mouse_facelift.formats.sample_folder import Sample, write_sample
from mouse_facelift.formats.sample_table import SampleRow, SampleTable, SplitName
from mouse_facelift.formats.whole import checksums, whole_folder
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.imaging.pictures import to_straight_alpha
from mouse_facelift.settings import CameraContract, Fill, Keep, Normalization, PosedDataset
from mouse_facelift.simulation.animals import random_animal
from mouse_facelift.simulation.ellipsoids import Animal, default_lights
from mouse_facelift.simulation.pretraining import contract_lenses, look_at_origin
from mouse_facelift.simulation.raycast import Lenses, cast

CAPTURE = "animals"
MILLIMETERS_PER_UNIT = 100.0  # nominal: about that of a mouse on the reference rig
ELEVATIONS = (-5.0, 75.0)  # degrees; laboratories film from the side to nearly above, hardly ever from below
MARGIN = 1.02  # between sampled points of an animal's surface, it reaches no further than this times theirs


def simulate_posed_animals(
    table: Path,
    dataset_name: str,
    dataset: PosedDataset,
    normalization_name: str,
    normalization: Normalization,
    contract: CameraContract,
    samples: int = 3,
) -> None:
    """Write a sample table of so many animals of each split, its folders beside it, and FaceLift's list files.

    Each animal is seen by `dataset.views` cameras of its own, each drawn alone: azimuth anywhere, elevation -5 to 75
    degrees, evenly over that part of the sphere. They have the contract's K and look at the origin without roll. They
    stand where views of the normalization would: at the contract's distance, or, under `keep`, evenly in its range of
    distances but never so near that the animal leaves the picture. Animals are those of `simulate_animals` of the same
    seed, made smaller where they reach further than the contract lets a subject, or, under `fill`, as large as it says.

    The same seed gives the same bytes, and animal i is the same whatever the counts are; those of `train` come first.
    `samples` squared rays are cast a pixel.

    Raises:
        ValueError: the normalization breaks the contract.
    """
    if not normalization.honest:
        raise ValueError(f"normalization {normalization_name} breaks the contract, on which posed animals are drawn")
    counts: dict[SplitName, int] = {"train": dataset.train, "val": dataset.val, "test": dataset.test}
    splits = [split for split, count in counts.items() for _ in range(count)]
    lenses = contract_lenses(contract, dataset.views, samples)
    rows = [
        _write_animal(table, number, split, dataset.seed, lenses, normalization, contract)
        for number, split in enumerate(tqdm(splits, disable=None, desc=dataset_name, unit="animal"))
    ]
    SampleTable(
        dataset=dataset_name,
        normalization=normalization_name,
        view_count=dataset.views,
        contract=contract.hash,
        violations=(),
        samples=tuple(rows),
    ).write_with_lists(table)


def random_poses(
    rng: np.random.Generator, views: int, nearest: float, farthest: float
) -> Float[np.ndarray, "view 4 4"]:
    """Camera to world of cameras each drawn alone, as `simulate_posed_animals` tells."""
    low, high = np.sin(np.radians(ELEVATIONS))
    azimuth = rng.uniform(0, 2 * np.pi, views)
    elevation = np.arcsin(rng.uniform(low, high, views))
    camera_to_world = look_at_origin(azimuth, elevation, 1.0)
    camera_to_world[:, :3, 3] *= rng.uniform(nearest, farthest, views)[:, None]
    return camera_to_world


def fitting_animal(
    seed: np.random.SeedSequence, normalization: Normalization, contract: CameraContract
) -> tuple[Animal, float, tuple[float, float]]:
    """An animal as a normalization leaves it, how far it reaches from the origin, and the range of cameras' distances.

    Raises ValueError if `fill` makes it larger than the contract lets a subject, or than a picture shows.
    """
    animal = random_animal(seed)
    reach = MARGIN * float(np.linalg.norm(animal.pose.surface_points(), axis=-1).max())
    near, far = contract.distance_range if isinstance(normalization, Keep) else (contract.distance, contract.distance)
    # The sphere that touches the sides of the pyramid that a camera sees.
    shown = math.sin(math.radians(contract.field_of_view / 2))
    most = min(contract.subject_radius, far * shown)
    wanted = normalization.radius if isinstance(normalization, Fill) else min(reach, most)
    if wanted > most:
        raise ValueError(f"radius: found {wanted}, but the contract's cameras show subjects of at most {most:.3f}")
    if wanted != reach:
        animal = Animal(animal.pose.moved(wanted / reach, np.eye(3), np.zeros(3)), animal.coat)
    return animal, wanted, (max(near, wanted / shown), far)


def _write_animal(
    table: Path,
    number: int,
    split: SplitName,
    seed: int,
    lenses: Lenses,
    normalization: Normalization,
    contract: CameraContract,
) -> SampleRow:
    # The third stream: the first two make the animal and the views of `simulate_animals`.
    for_animal, _, for_views = np.random.SeedSequence((seed, number)).spawn(3)
    animal, reach, distances = fitting_animal(for_animal, normalization, contract)
    camera_to_world = random_poses(np.random.default_rng(for_views), len(lenses.intrinsics), *distances)
    rgba, _ = cast(animal, default_lights(), camera_to_world, lenses)
    cameras = Cameras(
        torch.from_numpy(camera_to_world), torch.from_numpy(lenses.intrinsics), lenses.width, lenses.height
    )
    name = f"animal_{number:05d}"
    view_names = tuple(f"view_{view}" for view in range(len(cameras)))
    with whole_folder(table.parent / name) as partial:
        write_sample(partial, Sample(name, cameras, torch.from_numpy(to_straight_alpha(rgba))), view_names)
        written = checksums(partial)
    return SampleRow(
        name=name,
        folder=name,
        views=tuple(range(len(cameras))),
        view_names=view_names,
        split=split,
        capture=CAPTURE,
        frame=number,
        millimeters_per_unit=MILLIMETERS_PER_UNIT,
        subject_center=(0.0, 0.0, 0.0),
        subject_radius=reach,
        checksums=written,
    )
