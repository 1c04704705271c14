"""Outputs appear whole: written to a temporary name beside them, then renamed."""

import glob
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def _beside(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.stem}.{uuid.uuid4().hex[:8]}.partial{path.suffix}")


def _left_of(path: Path) -> Iterable[Path]:
    """What killed writers left of a file or folder: `_beside` names it with eight digits."""
    return path.parent.glob(f".{glob.escape(path.stem)}.{'[0-9a-f]' * 8}.partial{glob.escape(path.suffix)}")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """What the system refuses, as to write on a full disk, says of which file."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path with the same suffix; on success it becomes `path`, on any error it is removed.

    What a killed writer left of the same file is removed first: one writer at a time.
    """
    for left in _left_of(path):
        left.unlink(missing_ok=True)
    partial = _beside(path)
    try:
        with _named(path):
            yield partial
            with partial.open("rb") as written:
                os.fsync(written.fileno())
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder; on success it takes the place of `path`, on any error it is removed.

    What a killed writer left of the same folder is removed first: one writer at a time.
    """
    for left in _left_of(path):
        shutil.rmtree(left)
    partial = _beside(path)
    partial.mkdir()
    try:
        with _named(path):
            yield partial
            if path.exists():
                shutil.rmtree(path)
            partial.replace(path)
    finally:
        if partial.exists():
            shutil.rmtree(partial)


def write_text_whole(path: Path, text: str) -> None:
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def sha256(path: Path) -> str:
    """Checksum of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checksums(folder: Path) -> dict[str, str]:
    """Checksums of all files of a folder, by their places in it, in order of these."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}
