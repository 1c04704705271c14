"""Rule `normalize_views`: a chunk of posed frames to posed views."""

import logging
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from mouse_facelift.formats.frames import Frames, Subject
from mouse_facelift.formats.views import PosedSample, Views
from mouse_facelift.formats.whole import sha256
from mouse_facelift.geometry.contract import subject_violations
from mouse_facelift.imaging.recordings import frame_path
from mouse_facelift.normalization.frame import FrameNormalizer
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
    subjects = _chunk_of(manifest, chunk, work.frames_per_chunk, frames)
    views.unlink(missing_ok=True)
    log.info("%s: frames %d to %d, %s", manifest.capture, subjects[0].frame, subjects[-1].frame, normalization_name)
    normalizer = FrameNormalizer(
        capture=manifest.capture,
        view_names=tuple(camera.name for camera in manifest.cameras),
        session=open_session(manifest, contract),
        normalization=normalization,
        contract=contract,
        hull_resolution=work.hull_resolution,
    )
    parts = [part.model_dump_json() for part in (normalization, contract, work)]
    parts += [sha256(frames), fingerprint("normalization", "geometry", "imaging", "formats")]
    folders = [views.parent / f"frame_{subject.frame:06d}" for subject in subjects]
    digests = [digest_of(parts, _raw_files(manifest, subject)) for subject in subjects]
    made = [find_kept(folder, digest) for folder, digest in zip(folders, digests, strict=True)]
    missing = [place for place, kept in enumerate(made) if kept is None]
    if len(missing) < len(made):
        log.info("%d frames are there already", len(made) - len(missing))
    raw_frames = read_raw_frames(manifest, [subjects[place].frame for place in missing])
    for place, raw in tqdm(
        zip(missing, raw_frames, strict=True), total=len(missing), desc=manifest.capture, disable=None
    ):
        sample, found = normalizer.write(folders[place], subjects[place], raw)
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
            *_pixel_violations(samples, normalizer.view_names, normalization),
        ),
        samples=tuple(samples),
    ).write(views)
    for folder in folders:
        forget(folder)
    _log_summary(samples, normalizer.view_names)


def _chunk_of(manifest: Frames, chunk: int, frames_per_chunk: int, path: Path) -> Sequence[Subject]:
    first = chunk * frames_per_chunk
    subjects = manifest.subjects[first : first + frames_per_chunk] if chunk >= 0 else ()
    if not subjects:
        raise ValueError(
            f"{path}: chunk {chunk} of {frames_per_chunk} frames each has no frame;"
            f" the capture has {len(manifest.subjects)}"
        )
    return subjects


def _raw_files(manifest: Frames, subject: Subject) -> list[Path]:
    patterns = [pattern for camera in manifest.cameras for pattern in (camera.pictures, camera.masks) if pattern]
    return [frame_path(pattern, subject.frame) for pattern in patterns]


def _pixel_violations(
    samples: Sequence[PosedSample], view_names: Sequence[str], normalization: Normalization
) -> list[str]:
    """Say that told cameras are not those of the pictures, which no look at the cameras can tell."""
    if not isinstance(normalization, Relabel):
        return []
    worst, name = max(
        (residual.p95, name) for sample in samples for residual, name in zip(sample.residuals, view_names, strict=True)
    )
    return [
        f"pixels: view {name}: found a picture that lies {worst:.1f} px from where its camera says (95th percentile"
        " over the animal), expected 0"
    ]


def _log_summary(samples: Sequence[PosedSample], view_names: Sequence[str]) -> None:
    for view, name in enumerate(view_names):
        log.info(
            "%s: residual p95 %.3f px at most, %.2f raw px a px",
            name,
            max(sample.residuals[view].p95 for sample in samples),
            sum(sample.magnification[view] for sample in samples) / len(samples),
        )
