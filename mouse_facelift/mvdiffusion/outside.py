"""Rule `draw_outside_views`: views drawn by Zero123++ or SV3D, as a sample table on the camera contract."""

import logging
from pathlib import Path

import pandas as pd
import torch
from tqdm import tqdm

from mouse_facelift.formats.licensed import LicensedWeights, once_each
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleTable, load_sample
from mouse_facelift.formats.views import RESIDUAL_COLUMNS
from mouse_facelift.formats.whole import sha256, whole_file, whole_folder
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.mvdiffusion.drawn_sample import own_seed, turned_to_first, write_drawn_sample
from mouse_facelift.mvdiffusion.generators import (
    ContractViews,
    GeneratedViews,
    MultiViewGenerator,
    Sv3dGenerator,
    Sv3dSampling,
    Zero123PlusGenerator,
    Zero123PlusSampling,
    bring_to_contract,
    lay_on_white,
    load_sv3d,
    load_zero123plus,
    masks_against_background,
    take_reference,
)
from mouse_facelift.mvdiffusion.generators.rigs import sv3d_rig, zero123plus_rig
from mouse_facelift.rendering.backends import device_of, use_threads
from mouse_facelift.settings import (
    CameraContract,
    Compute,
    Contract,
    Fill,
    Keep,
    Normalization,
    OutsideDataset,
    Sv3dDataset,
    Zero123PlusDataset,
)
from mouse_facelift.training.precision import PRODUCTS, require_precision

log = logging.getLogger(__name__)

WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt")
_DISTANCE = 4.0  # of Zero123++'s rig, which then is scaled to the contract: any number would do


def draw_outside_views(
    samples: Path,
    folder: Path,
    table: Path,
    residuals: Path,
    dataset_name: str,
    dataset: OutsideDataset,
    normalization: Normalization,
    hull_resolution: int,
    contract: CameraContract,
    compute: Compute,
) -> None:
    """Draw the views of every sample of the table `samples` from its first view, and write them as a sample table.

    The first view is seen through the generator's own field of view. What is drawn stands on the generator's own rig,
    turned to the first view's azimuth; its background is taken off, and it is brought to the contract by
    `normalization`, as captured views are. `residuals` is a CSV of RESIDUAL_COLUMNS, in px, a row a view.

    SV3D's first view is the reference itself. The sample's other captured views stay as witnesses, which measure alone.

    Each sample has its own random numbers, by `dataset.seed` and its name. The table is written last.

    Raises:
        FileNotFoundError: a file is absent.
        ValueError: weights do not fit, the normalization breaks the contract, a subject reaches out of the generator's
            picture, or what it drew is no subject before a background, or has no hull, or breaks the contract.
    """
    if not isinstance(normalization, Keep | Contract | Fill) or not normalization.honest:
        raise ValueError(f"normalization {normalization.mode}: drawn views are brought to the contract by honest ways")
    use_threads(compute.threads)
    device = device_of(compute.renderer)
    require_precision(device, dataset.precision, f"outside_datasets.{dataset_name}.precision")
    generator = load_outside(folder, dataset, device)
    source = SampleTable.read(samples)
    rows, measured = [], []
    drawn_folder = table.parent / "drawn"
    table.unlink(missing_ok=True)
    with whole_folder(drawn_folder) as partial:
        for row in tqdm(source.samples, desc=dataset_name, unit="sample", disable=None):
            sample = load_sample(samples, row)
            views = _draw(generator, sample, dataset, own_seed(dataset.seed, row.name))
            masks = masks_against_background(views, dataset.background)
            laid = lay_on_white(views, masks)
            brought = bring_to_contract(laid, normalization, contract, row.name, masks, hull_resolution)
            cameras = turned_to_first(brought.sample.cameras, sample.cameras)
            drawn = Sample(row.name, cameras, brought.sample.images)
            names = [f"{dataset.kind}_{view}" for view in range(len(cameras))]
            rows.append(write_drawn_sample(partial, drawn_folder.name, drawn, names, sample, row))
            measured += _measured(row.name, names, brought)
    with whole_file(residuals) as partial:
        pd.DataFrame(measured, columns=RESIDUAL_COLUMNS).to_csv(partial, index=False)
    SampleTable(
        dataset=dataset_name,
        normalization=source.normalization,
        view_count=dataset.view_count,
        contract=contract.hash,
        violations=source.violations,
        samples=tuple(rows),
        drawn_by=once_each(source.drawn_by, weights_in(folder, dataset.license)),
    ).write_with_lists(table)
    log.info("%s: %d samples of %d drawn views", table, len(rows), dataset.view_count)


def load_outside(folder: Path, dataset: OutsideDataset, device: torch.device) -> MultiViewGenerator:
    """Load somebody else's generator from its folder, strictly.

    Raises FileNotFoundError for a file that is absent, and ValueError for what does not fit.
    """
    numbers = PRODUCTS[dataset.precision]
    match dataset:
        case Zero123PlusDataset():
            return Zero123PlusGenerator(
                load_zero123plus(folder).to(device, numbers),
                dataset.version,
                Zero123PlusSampling(dataset.steps, dataset.guidance),
                _DISTANCE,
                dataset.size,
            )
        case Sv3dDataset():
            return Sv3dGenerator(
                load_sv3d(folder, dataset.version).to(device, numbers),
                Sv3dSampling(dataset.steps, dataset.guidance, dataset.decoded_together),
                dataset.size,
                dataset.clockwise,
            )


def weights_in(folder: Path, license: str) -> tuple[LicensedWeights, ...]:
    """Every file of weights in a folder, by their names, all under one license."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in WEIGHTS)
    return tuple(LicensedWeights(file=str(path), sha256=sha256(path), license=license) for path in files)


def field_of_view(dataset: OutsideDataset) -> float:
    """Of a generator's pictures, degrees."""
    match dataset:
        case Zero123PlusDataset():
            return zero123plus_rig(dataset.version, _DISTANCE).field_of_view
        case Sv3dDataset():
            return sv3d_rig([0.0], [0.0]).field_of_view


def _draw(generator: MultiViewGenerator, sample: Sample, dataset: OutsideDataset, seed: int) -> GeneratedViews:
    reference = take_reference(sample, 0, field_of_view(dataset), dataset.size)
    views = generator.generate(reference, torch.Generator().manual_seed(seed))
    if not isinstance(dataset, Sv3dDataset):
        return views
    turn = len(views.pictures)  # rising in azimuth, the reference last
    kept = [(turn - 1 + round(view * turn / dataset.views)) % turn for view in range(dataset.views)]
    cameras = Cameras(
        views.cameras.camera_to_world[kept], views.cameras.intrinsics[kept], views.cameras.width, views.cameras.height
    )
    return GeneratedViews(views.pictures[kept], cameras, views.background, reference_row=0)


def _measured(sample: str, names: list[str], brought: ContractViews) -> list[dict[str, object]]:
    return [
        {"sample": sample, "view": name, **residual.model_dump(), "measured_over": brought.measured_over}
        | {"magnification": magnification}
        for name, residual, magnification in zip(names, brought.residuals, brought.magnification, strict=True)
    ]
