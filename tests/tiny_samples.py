"""A sample table of a few small pictures of colored blobs, for tests of whatever reads one."""

from pathlib import Path

import torch

from mouse_facelift.formats.sample_folder import Sample, write_sample
from mouse_facelift.formats.sample_table import SampleRow, SampleTable, SplitName
from mouse_facelift.formats.whole import sha256
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.rendering.render import render
from mouse_facelift.settings import CameraContract

CONTRACT = CameraContract(
    image_size=16, focal=17.156, distance=2.7, distance_range=(1.8, 3.6), subject_radius=1.0
)  # 50 degrees
VIEW_NAMES = ("left", "front", "right", "back")


def ring(views: int, contract: CameraContract = CONTRACT) -> Cameras:
    """Cameras on the contract, evenly around the origin, low and high in turn."""
    azimuth = 2 * torch.pi * torch.arange(views, dtype=torch.float64) / views
    elevation = torch.deg2rad(torch.tensor([10.0, 35.0], dtype=torch.float64)).repeat(views)[:views]
    across = elevation.cos()
    centers = torch.stack([across * azimuth.cos(), across * azimuth.sin(), elevation.sin()], dim=-1)
    poses = look_at(contract.distance * centers, torch.zeros(3).double(), torch.tensor([0.0, 0.0, 1.0]).double())
    middle = contract.principal_point
    K = torch.tensor([[contract.focal, 0, middle], [0, contract.focal, middle], [0, 0, 1]], dtype=torch.float64)
    return Cameras(poses, K.expand(views, 3, 3).clone(), contract.image_size, contract.image_size)


def blobs(seed: int, contract: CameraContract = CONTRACT) -> Sample:
    """Five soft blobs of different colors near the origin, another arrangement for each seed."""
    generator = torch.Generator().manual_seed(seed)
    scene = Gaussians(
        means=0.6 * torch.rand(5, 3, generator=generator) - 0.3,
        log_scales=torch.full((5, 3), -1.8),
        quats=torch.tensor([[1.0, 0.0, 0.0, 0.0]]).expand(5, 4),
        opacity_logits=torch.full((5,), 4.0),
        sh=2 * torch.rand(5, 1, 3, generator=generator) - 1.5,
    )
    cameras = ring(len(VIEW_NAMES), contract)
    seen = render(scene, cameras, "cpu")
    alpha = seen.alpha[:, None]
    straight = ((seen.rgb - 1 + alpha) / alpha.clamp(min=1e-6)).clamp(0, 1) * (alpha > 1 / 255)
    rgba = (255 * torch.cat([straight, alpha], dim=1)).round().to(torch.uint8)
    return Sample(f"blobs_{seed:03d}", cameras, rgba.permute(0, 2, 3, 1).contiguous())


def write_table(
    folder: Path,
    splits: tuple[SplitName, ...] = ("train", "train", "test", "test"),
    samples: tuple[Sample, ...] | None = None,
    contract: CameraContract = CONTRACT,
    violations: tuple[str, ...] = (),
) -> Path:
    """Write `table.json` and the sample folders beside it; without `samples`, blobs of the seeds 0, 1, ..."""
    samples = samples or tuple(blobs(seed, contract) for seed in range(len(splits)))
    rows = []
    for number, (sample, split) in enumerate(zip(samples, splits, strict=True)):
        place = folder / sample.name
        place.mkdir(parents=True)
        write_sample(place, sample, VIEW_NAMES[: len(sample.cameras)])
        files = [file for file in sorted(place.rglob("*")) if file.is_file()]
        rows.append(
            SampleRow(
                name=sample.name,
                folder=sample.name,
                views=tuple(range(len(sample.cameras))),
                view_names=VIEW_NAMES[: len(sample.cameras)],
                split=split,
                capture="blobs",
                frame=number,
                millimeters_per_unit=100.0,
                subject_center=(0.0, 0.0, 0.0),
                subject_radius=0.7,
                checksums={file.relative_to(place).as_posix(): sha256(file) for file in files},
            )
        )
    table = SampleTable(
        dataset="tiny",
        normalization="contract",
        view_count=len(VIEW_NAMES),
        contract=contract.hash,
        violations=violations,
        samples=tuple(rows),
    )
    table.write(folder / "table.json")
    return folder / "table.json"
