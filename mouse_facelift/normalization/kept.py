"""Samples that an interrupted job finished: kept by the next try if they were made of the same things."""

import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from mouse_facelift.formats.manifest import Manifest
from mouse_facelift.formats.views import PosedSample
from mouse_facelift.formats.whole import checksums


class KeptSample(Manifest):
    """Stands beside a finished sample folder until the manifest of its chunk is written."""

    digest: str
    """see `digest_of`"""
    sample: PosedSample
    violations: tuple[str, ...]


def digest_of(parts: Iterable[str], files: Iterable[Path]) -> str:
    """Digest what a sample depends on: texts, and files by name, size and time of their last change.

    Raises:
        FileNotFoundError: a file is not there.
    """
    states = [(str(path), (status := path.stat()).st_size, status.st_mtime_ns) for path in files]
    return hashlib.sha256(json.dumps([list(parts), states]).encode()).hexdigest()


def find_kept(folder: Path, digest: str) -> KeptSample | None:
    """Return what is known of a sample folder if it is whole and has this digest; else remove what is left of it."""
    try:
        kept = KeptSample.read(_record(folder))
    except (FileNotFoundError, ValueError):  # another version of this program may have written another form
        kept = None
    if kept and kept.digest == digest and checksums(folder) == kept.sample.checksums:
        return kept
    for left in (folder, *folder.parent.glob(f".{folder.name}.*")):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)
    return None


def keep(folder: Path, digest: str, sample: PosedSample, violations: Iterable[str]) -> KeptSample:
    """Record a sample folder that is whole."""
    kept = KeptSample(digest=digest, sample=sample, violations=tuple(violations))
    kept.write(_record(folder))
    return kept


def forget(folder: Path) -> None:
    """Remove the record: from here on, the chunk's manifest tells of the sample."""
    _record(folder).unlink(missing_ok=True)


def _record(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.kept.json")
