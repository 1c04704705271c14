"""Rule `measure_normalizations`: every way to the camera contract, measured against the truth of simulated captures."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from mouse_facelift.formats.frames import Frames
from mouse_facelift.formats.manifest import tensor
from mouse_facelift.formats.sample_folder import read_sample
from mouse_facelift.formats.views import PosedSample, Views, read_depths
from mouse_facelift.formats.whole import whole_file
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.rectification import Rectification
from mouse_facelift.geometry.similarity import Similarity
from mouse_facelift.settings import CameraContract, NormalizationModes
from mouse_facelift.simulation.agreement import aligned_errors, mutual_errors, rays_to
from mouse_facelift.simulation.normalization_plot import plot_normalizations
from mouse_facelift.simulation.true_points import TruePoints, true_points
from mouse_facelift.simulation.truth import Truth, read_truth

log = logging.getLogger(__name__)

COLUMNS: dict[str, str] = {
    "capture": "of the config",
    "normalization": "row of the config's normalizations",
    "mode": "of that row",
    "frames": "measured",
    "breaks": "fields of the contract that the manifest says are broken, or none",
    "error_p50": "px between where a picture shows a point of the true surface that its view sees, and where the told"
    " camera has it",
    "error_p95": "likewise",
    "error_max": "likewise",
    "key_point_p50": "px, likewise of the true key points",
    "key_point_p95": "likewise",
    "key_point_max": "likewise",
    "aligned_p50": "px that are left of error_* after the similarity of the world that suits each frame best",
    "aligned_p95": "likewise",
    "aligned_max": "likewise",
    "mutual_p50": "px between where pictures show a point that three or more views see, and the point that the told"
    " cameras make of them: whether the views agree among themselves",
    "mutual_p95": "likewise",
    "mutual_max": "likewise",
    "view_p95": "px, mean over frames and views of the 95th percentile of error_*",
    "recorded_p95": "px, the same as the manifest has it, measured over the visual hull without the truth",
    "focal_error": "largest |f / contract's - 1| of the told cameras, fx and fy",
    "principal_point_error": "px, largest distance of a told principal point from the picture's middle",
    "unit": "mean distance of the told cameras from the animal, over the contract's",
    "off_center": "world units from the origin to the middle of the true animal's box, mean over frames",
    "off_center_max": "likewise, the furthest",
    "in_reach": "share of the seen points that a network can reach: along the ray of its pixel, a point lies within"
    " normalization_modes.depth_reach units of where that ray is nearest to the origin",
    "outside": "share of the points that a camera sees but that its picture cuts off",
    "raw_px": "raw px a px of the picture's middle, mean: above 1, pictures lose detail",
}


def measure_normalizations(
    views: list[Path],
    frames: list[Path],
    truths: list[Path],
    modes: NormalizationModes,
    contract: CameraContract,
    table: Path,
    plot: Path,
) -> None:
    """Write a row for each capture and normalization (columns: `COLUMNS`), and draw them.

    Args:
        views: manifests of all chunks of every capture and normalization.
        frames: a manifest for each capture.
        truths: `truth.json` of the simulation behind each of `frames`.
        modes: how many frames, and the network's reach.
        contract: for which the views were made.
        table: .csv to write.
        plot: .png to write.

    Raises:
        FileNotFoundError: a manifest, a sample or the truth is not there.
        ValueError: views of another contract, of a capture without frames or truth, or of other cameras.
    """
    sources = {}
    for frames_path, truth_path in zip(frames, truths, strict=True):
        manifest = Frames.read(frames_path)
        sources[manifest.capture] = _Source(manifest, read_truth(truth_path.parent))
    groups: dict[tuple[str, str], dict[Path, Views]] = {}
    for path in views:
        found = Views.read(path)
        if found.contract != contract.hash:
            raise ValueError(f"{path}: contract: found {found.contract}, expected {contract.hash}")
        if found.capture not in sources:
            raise ValueError(f"{path}: capture: found {found.capture!r}, expected one of {sorted(sources)}")
        groups.setdefault((found.capture, found.normalization), {})[path] = found
    rows = [
        _measure(sources[capture], manifests, modes, contract)
        for (capture, _), manifests in tqdm(groups.items(), desc="normalizations", disable=None)
    ]
    measured = pd.DataFrame(rows, columns=list(COLUMNS))
    with whole_file(table) as partial:
        measured.to_csv(partial, index=False, float_format="%.6g")
    plot_normalizations(measured, modes, contract, plot)


@dataclass
class _Source:
    """One simulated capture; true points are sampled once a frame and serve all normalizations."""

    manifest: Frames
    truth: Truth
    known: dict[int, TruePoints] = field(default_factory=dict)

    def points(self, frame: int) -> TruePoints:
        if frame not in self.known:
            self.known[frame] = true_points(self.truth, frame, self.manifest.calibration())
        return self.known[frame]


@dataclass(frozen=True)
class _Measured:
    """One frame; px over view and point, where they count."""

    error: Tensor
    key_point: Tensor
    aligned: Tensor
    mutual: Tensor
    view_p95: float
    recorded_p95: float
    focal_error: float
    principal_point_error: float
    unit: float
    off_center: float
    in_reach: float
    outside: float
    raw_px: float


def _measure(
    source: _Source, manifests: dict[Path, Views], modes: NormalizationModes, contract: CameraContract
) -> dict[str, object]:
    first = next(iter(manifests.values()))
    samples = [(path.parent, sample) for path, views in manifests.items() for sample in views.samples]
    chosen = np.linspace(0, len(samples) - 1, min(modes.frames, len(samples))).round().astype(int)
    found = [
        _measure_sample(source, folder, sample, modes.depth_reach, contract)
        for folder, sample in (samples[number] for number in chosen)
    ]
    breaks = dict.fromkeys(line.split(":")[0] for views in manifests.values() for line in views.violations)
    row: dict[str, object] = {
        "capture": first.capture,
        "normalization": first.normalization,
        "mode": first.mode,
        "frames": len(found),
        "breaks": " ".join(breaks) or "none",
        "off_center_max": max(frame.off_center for frame in found),
    }
    for column in ("error", "key_point", "aligned", "mutual"):
        row |= _quantiles(column, [getattr(frame, column) for frame in found])
    for column in ("view_p95", "recorded_p95", "unit", "off_center", "in_reach", "outside", "raw_px"):
        row[column] = float(np.mean([getattr(frame, column) for frame in found]))
    for column in ("focal_error", "principal_point_error"):
        row[column] = max(getattr(frame, column) for frame in found)
    log.info("%s, %s: p95 %.3f px", first.capture, first.normalization, row["error_p95"])
    return row


def _measure_sample(
    source: _Source, folder: Path, sample: PosedSample, reach: float, contract: CameraContract
) -> _Measured:
    told = read_sample(folder / sample.folder).cameras
    true = source.points(sample.frame)
    world = Similarity(sample.scale, tensor(sample.rotation), tensor(sample.center))
    points = world.points(true.points)
    shown = _shown(folder, sample, told, world.points(true.directed))
    keys, surface = slice(None, true.key_points), slice(true.key_points, None)
    errors = torch.linalg.vector_norm(told.project(points) - shown, dim=-1)
    seen = true.seen[:, surface]
    aligned = aligned_errors(told, points[surface], shown[:, surface], seen)
    mutual, counted = mutual_errors(told, shown[:, surface], seen)
    rays = rays_to(told, shown[:, surface])
    fxfycxcy = told.fxfycxcy
    size = torch.tensor([told.width, told.height])
    off_picture = ((shown[:, surface] < 0) | (shown[:, surface] > size)).any(-1)
    return _Measured(
        error=errors[:, surface][seen],
        key_point=errors[:, keys][true.seen[:, keys]],
        aligned=aligned[seen],
        mutual=mutual[counted],
        view_p95=_mean_p95(errors[:, surface], seen),
        recorded_p95=float(np.mean([residual.p95 for residual in sample.residuals])),
        focal_error=float((fxfycxcy[:, :2] / contract.focal - 1).abs().max()),
        principal_point_error=float(torch.linalg.vector_norm(fxfycxcy[:, 2:] - size / 2, dim=-1).max()),
        unit=float(torch.linalg.vector_norm(told.centers - world.points(true.middle), dim=-1).mean())
        / contract.distance,
        off_center=float(torch.linalg.vector_norm(world.points(true.middle))),
        in_reach=float(((points[surface] * rays).sum(-1).abs() <= reach)[seen].double().mean()),
        outside=float(off_picture[seen].double().mean()),
        raw_px=float(np.mean(sample.magnification)),
    )


def _shown(folder: Path, sample: PosedSample, told: Cameras, directed: Tensor) -> Tensor:
    """Where the pictures show points, given for each view as the line's lenses have them; view, point, x and y."""
    taken = sample.taken_cameras(told.width, told.height)
    depths = read_depths(folder / sample.folder) if sample.rectified else None
    shown = []
    for view, points in enumerate(directed):
        one = [view]
        if depths is None:
            shown.append(taken[one].project(points)[0])
        else:
            shown.append(Rectification(taken[one], told[one], depths[one]).shown(points)[0])
    return torch.stack(shown)


def _mean_p95(errors: Tensor, seen: Tensor) -> float:
    return float(np.mean([np.quantile(px[mask].numpy(), 0.95) for px, mask in zip(errors, seen, strict=True)]))


def _quantiles(column: str, errors: Sequence[Tensor]) -> dict[str, float]:
    pixels = torch.cat(list(errors)).numpy()
    p50, p95 = np.quantile(pixels, [0.5, 0.95])
    return {f"{column}_p50": float(p50), f"{column}_p95": float(p95), f"{column}_max": float(pixels.max())}
