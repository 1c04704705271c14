"""Rule `normalize_views`: a chunk of posed frames to posed views."""

import logging
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from mouse_facelift.formats.animal import read_surfaces
from mouse_facelift.formats.frames import Frames, Subject
from mouse_facelift.formats.views import PosedSample, Views
from mouse_facelift.formats.whole import sha256
from mouse_facelift.geometry.contract import subject_violations
from mouse_facelift.imaging.recordings import frame_path
from mouse_facelift.normalization.frame import FrameNormalizer, animal_of
from mouse_facelift.normalization.kept import digest_of, find_kept, forget, keep
from mouse_facelift.normalization.raw import read_raw_frames
from mouse_facelift.normalization.viewpoints import open_session
from mouse_facelift.provenance import fingerprint
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

    Sample folders stand beside the manifest. What an interrupted try finished is kept, if it was made of the same
    things; all else that it left of this chunk is removed first.

    Raises:
        FileNotFoundError: a manifest, video or picture is not there.
        ValueError: names capture, frame and view: views that break the contract (a way that is wrong on purpose
            records it instead), a residual above its limit, silhouettes without a common point, a file of the wrong
            size.
    """
    manifest = Frames.read(frames)
    subjects = _chunk_of(manifest, chunk, frames)
    views.unlink(missing_ok=True)
    log.info("%s: chunk %d, %d frames, %s", manifest.capture, chunk, len(subjects), normalization_name)
    normalizer = FrameNormalizer(
        capture=manifest.capture,
        view_names=tuple(camera.name for camera in manifest.cameras),
        session=open_session(manifest, contract),
        normalization=normalization,
        contract=contract,
        hull_resolution=work.hull_resolution,
    )
    parts = [part.model_dump_json() for part in (normalization, contract, work)]
    parts += [sha256(frames), fingerprint("normalization", "carving", "geometry", "imaging", "formats")]
    folders = [views.parent / f"frame_{subject.frame:06d}" for subject in subjects]
    digests = [digest_of(parts, _raw_files(manifest, subject)) for subject in subjects]
    made = [find_kept(folder, digest) for folder, digest in zip(folders, digests, strict=True)]
    missing = [place for place, kept in enumerate(made) if kept is None]
    if len(missing) < len(made):
        log.info("%d frames are there already", len(made) - len(missing))
    raw_frames = read_raw_frames(manifest, [subjects[place] for place in missing])
    surfaces = read_surfaces(Path(manifest.chunks[chunk].animal))
    for place, raw in tqdm(
        zip(missing, raw_frames, strict=True), total=len(missing), desc=manifest.capture, disable=None
    ):
        sample, found = normalizer.write(folders[place], subjects[place], raw, animal_of(subjects[place], surfaces))
        made[place] = keep(folders[place], digests[place], sample, found)
    samples = [kept.sample for kept in made if kept]
    violations = dict.fromkeys(violation for kept in made if kept for violation in kept.violations)
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
    for folder in folders:
        forget(folder)
    _log_summary(samples, normalizer.view_names)


def _chunk_of(manifest: Frames, chunk: int, path: Path) -> Sequence[Subject]:
    """Frames of a chunk; none where all of them were left out."""
    if not 0 <= chunk < len(manifest.chunks):
        raise ValueError(f"{path}: found {len(manifest.chunks)} chunks of frames, expected one of number {chunk}")
    return [subject for subject in manifest.subjects if subject.chunk == chunk]


def _raw_files(manifest: Frames, subject: Subject) -> list[Path]:
    chunk = manifest.chunks[subject.chunk]
    pictures = [frame_path(camera.pictures, subject.frame) for camera in manifest.cameras]
    return [*pictures, Path(chunk.animal), Path(chunk.masks)]


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
