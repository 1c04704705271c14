"""Rule `normalize_views`: a chunk of posed frames to posed views."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from mouse_facelift.formats.animal import read_surfaces
from mouse_facelift.formats.frames import Frames, Subject
from mouse_facelift.formats.views import PosedSample, Views
from mouse_facelift.geometry.contract import subject_violations
from mouse_facelift.normalization.frame import FrameNormalizer, animal_of
from mouse_facelift.normalization.raw import read_raw_frames
from mouse_facelift.normalization.viewpoints import open_session
from mouse_facelift.settings import CameraContract, Normalization, NormalizationWork, Relabel

log = logging.getLogger(__name__)


def normalize_views(
    frames: Path,
    views: Path,
    chunk: int,
    normalization: Normalization,
    normalization_name: str,
    contract: CameraContract,
    work: NormalizationWork,
) -> None:
    """Write the views of one chunk of a capture's frames: a sample folder a frame, then the manifest `views`.

    Sample folders stand beside the manifest. What an earlier try left of this chunk is removed first.

    Raises:
        FileNotFoundError: a manifest, video or picture is not there.
        ValueError: names capture, frame and view: views that break the contract (a way that is wrong on purpose
            records it instead), a residual above its limit, silhouettes without a common point, a file of the wrong
            size.
    """
    manifest = Frames.read(frames)
    subjects = _chunk_of(manifest, chunk, frames)
    _clear(views, subjects)
    log.info("%s: chunk %d, %d frames, %s", manifest.capture, chunk, len(subjects), normalization_name)
    normalizer = FrameNormalizer(
        capture=manifest.capture,
        view_names=tuple(camera.name for camera in manifest.cameras),
        session=open_session(manifest, contract),
        normalization=normalization,
        contract=contract,
        hull_resolution=work.hull_resolution,
    )
    raw_frames = read_raw_frames(manifest, subjects)
    surfaces = read_surfaces(Path(manifest.chunks[chunk].animal))
    samples: list[PosedSample] = []
    violations: dict[str, None] = {}
    for subject, raw in tqdm(
        zip(subjects, raw_frames, strict=True), total=len(subjects), desc=manifest.capture, disable=None
    ):
        sample, found = normalizer.write(
            views.parent / _folder_name(subject), subject, raw, animal_of(subject, surfaces)
        )
        samples.append(sample)
        violations |= dict.fromkeys(found)
    subjects_in_world = [(sample.subject_center, sample.subject_radius) for sample in samples]
    Views(
        capture=manifest.capture,
        normalization=normalization_name,
        mode=normalization.mode,
        view_names=normalizer.view_names,
        contract=contract.hash,
        violations=(
            *violations,
            *subject_violations(subjects_in_world, contract),
            *_pixel_violations(samples, normalization),
        ),
        samples=tuple(samples),
    ).write(views)
    _log_summary(samples, normalizer.view_names)


def _chunk_of(manifest: Frames, chunk: int, path: Path) -> Sequence[Subject]:
    """Frames of a chunk; none where all of them were left out."""
    if not 0 <= chunk < len(manifest.chunks):
        raise ValueError(f"{path}: found {len(manifest.chunks)} chunks of frames, expected one of number {chunk}")
    return [subject for subject in manifest.subjects if subject.chunk == chunk]


def _folder_name(subject: Subject) -> str:
    return f"frame_{subject.frame:06d}"


def _clear(views: Path, subjects: Sequence[Subject]) -> None:
    """Remove the manifest first, then samples of an earlier try, whole or half written."""
    views.unlink(missing_ok=True)
    for subject in subjects:
        name = _folder_name(subject)
        for folder in (views.parent / name, *views.parent.glob(f".{name}.*.partial")):
            if folder.is_dir():
                shutil.rmtree(folder)


def _pixel_violations(samples: Sequence[PosedSample], normalization: Normalization) -> list[str]:
    """Say that told cameras are not those of the pictures, which no look at the cameras can tell."""
    if not samples or not isinstance(normalization, Relabel):
        return []
    worst, name = max(
        (residual.p95, name)
        for sample in samples
        for residual, name in zip(sample.residuals, sample.view_names, strict=True)
    )
    return [
        f"pixels: view {name}: found a picture that lies {worst:.1f} px from where its camera says (95th percentile"
        " over the animal), expected 0"
    ]


def _log_summary(samples: Sequence[PosedSample], view_names: Sequence[str]) -> None:
    for name in view_names:
        shown = [(sample, sample.view_names.index(name)) for sample in samples if name in sample.view_names]
        if shown:
            log.info(
                "%s: residual p95 %.3f px at most, %.2f raw px a px, in %d frames",
                name,
                max(sample.residuals[view].p95 for sample, view in shown),
                sum(sample.magnification[view] for sample, view in shown) / len(shown),
                len(shown),
            )
