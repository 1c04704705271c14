"""Rule `draw_true_views`: what is true of samples of simulated captures, in their own world."""

import logging
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from tqdm import tqdm

from mouse_facelift.formats.manifest import tensor
from mouse_facelift.formats.predictions import modeled_samples
from mouse_facelift.formats.sample_folder import Sample, write_sample
from mouse_facelift.formats.sample_table import SampleRow, SampleTable, load_cameras
from mouse_facelift.formats.true_views import TrueSample, TrueViewsTable, write_surface
from mouse_facelift.formats.views import PosedSample, Views
from mouse_facelift.formats.whole import sha256, whole_folder
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.contract import contract_intrinsics
from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.geometry.similarity import Similarity
from mouse_facelift.imaging.pictures import to_straight_alpha
from mouse_facelift.settings import CameraContract, Evaluated, TrueViews
from mouse_facelift.simulation.true_points import even_points
from mouse_facelift.simulation.truth import Truth, read_truth, render_truth

log = logging.getLogger(__name__)

FOLDER = "true_views"  # beside the manifest
WITHIN_GAP = 0.5  # of the angle between two neighboring cameras, about its middle: nearer to neither
MARGIN = math.radians(10.0)  # above the highest and below the lowest of the sample's cameras
HIGHEST = math.radians(80.0)  # a picture from straight above has no upright side


def draw_true_views(
    table: Path,
    views: list[Path],
    truths: dict[str, Path],
    evaluation: Evaluated,
    asked: TrueViews,
    contract: CameraContract,
    true_views: Path,
) -> None:
    """Draw the true animal of the samples whose Gaussians are kept, through cameras that no capture has.

    Beside the manifest `true_views`, written last, stands a folder a sample, in the sample's world: pictures and
    cameras (see `between`), and `asked.points` points of the true surface, evenly by area. Samples of
    captures without a truth are left out.

    Args:
        table: the samples.
        views: manifests of all chunks of the captures that have a truth; they tell where samples stand in the world.
        truths: of each such capture, `truth.json` of the simulation behind it.
        evaluation: which samples.
        asked: how many cameras and points, and the seed.
        contract: the cameras' size, focal length and distance.
        true_views: .json to write.

    Raises:
        FileNotFoundError: a table, manifest, sample or truth is absent.
        ValueError: the split is empty, or no manifest holds a sample of the table.
    """
    samples = SampleTable.read(table)
    posed = _posed(views)
    known = {capture: read_truth(path.parent) for capture, path in truths.items()}
    chosen = modeled_samples(samples, evaluation.split, evaluation.samples, evaluation.models)
    rows = [row for row in chosen if row.capture in known]
    true_views.unlink(missing_ok=True)
    with whole_folder(true_views.parent / FOLDER) as partial:
        for row in tqdm(rows, desc="true views", unit="sample", disable=None):
            if (row.capture, row.frame) not in posed:
                raise ValueError(f"{table}: sample {row.name}: none of {len(views)} manifests of views holds its frame")
            random = np.random.default_rng((asked.seed, *row.name.encode()))
            cameras = between(load_cameras(table, row), row, samples, asked.cameras, contract, random)
            world = _world(posed[row.capture, row.frame])
            truth = known[row.capture]
            points = even_points(truth.animal(row.frame).pose, asked.points, random)
            place = partial / row.name
            place.mkdir()
            names = [f"true_{view}" for view in range(len(cameras))]
            write_sample(place, Sample(row.name, cameras, _draw(truth, row.frame, cameras, world)), names)
            write_surface(place, world.points(torch.from_numpy(points)))
    TrueViewsTable(
        dataset=samples.dataset,
        normalization=samples.normalization,
        samples_sha256=sha256(table),
        cameras=asked.cameras,
        samples=tuple(
            TrueSample(sample=row.name, folder=f"{FOLDER}/{row.name}", millimeters_per_unit=row.millimeters_per_unit)
            for row in rows
        ),
    ).write(true_views)
    log.info("%s: the truth of %d samples of %d", true_views, len(rows), len(chosen))


def between(
    cameras: Cameras,
    row: SampleRow,
    samples: SampleTable,
    count: int,
    contract: CameraContract,
    random: np.random.Generator,
) -> Cameras:
    """Set cameras on the contract between those of a sample, in the widest gaps of azimuth first.

    They look at the origin from the contract's distance. Where the samples break the contract, so that the animal may
    be far from the origin and lengths of another unit, they look at the subject, from its cameras' mean distance.

    Args:
        cameras: of the sample's views.
        row: of the sample.
        samples: that hold it.
        count: cameras to set; more than there are gaps begin with the widest again.
        contract: of the cameras.
        random: draws azimuths within the middle half of each gap, and heights as the sample's cameras have them.
    """
    captured = cameras.centers.double()[: samples.view_count]
    target, distance = torch.zeros(3, dtype=torch.float64), contract.distance
    if samples.violations:
        target = tensor(row.subject_center)
        distance = float(torch.linalg.vector_norm(captured - target, dim=-1).mean())
    away = (captured - target).numpy()
    azimuths = np.sort(np.arctan2(away[:, 1], away[:, 0]))
    gaps = np.diff(azimuths, append=azimuths[0] + 2 * np.pi)
    chosen = np.argsort(-gaps, kind="stable")[np.arange(count) % len(gaps)]
    azimuth = azimuths[chosen] + gaps[chosen] * (0.5 + WITHIN_GAP * (random.random(count) - 0.5))
    elevations = np.arcsin(away[:, 2] / np.linalg.norm(away, axis=1))
    elevation = random.uniform(elevations.min() - MARGIN, elevations.max() + MARGIN, count).clip(0.0, HIGHEST)
    outward = np.stack(
        [np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], axis=-1
    )
    poses = look_at(target + distance * torch.from_numpy(outward), target, tensor([0.0, 0.0, 1.0]))
    K = contract_intrinsics(contract).repeat(count, 1, 1)
    return Cameras(poses, K, contract.image_size, contract.image_size)


def _posed(views: list[Path]) -> Mapping[tuple[str, int], PosedSample]:
    return {(found.capture, sample.frame): sample for found in map(Views.read, views) for sample in found.samples}


def _world(posed: PosedSample) -> Similarity:
    return Similarity(posed.scale, tensor(posed.rotation), tensor(posed.center))


def _draw(truth: Truth, frame: int, cameras: Cameras, world: Similarity) -> UInt8[Tensor, "view height width 4"]:
    """Draw the true animal as RGBA, straight alpha."""
    poses, K = cameras.camera_to_world.numpy(), cameras.intrinsics.numpy()
    rgba, _ = render_truth(truth, frame, poses, K, cameras.width, cameras.height, similarity=world)
    return torch.from_numpy(to_straight_alpha(rgba))
