"""Hundreds of damaged and hostile files: every reader comes to an end, refuses them by name, and runs nothing."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from mouse_facelift.capture.calibration.readers import FORMATS
from tests.faults.damage import MARKER, Must, every_damage
from tests.faults.hostile import hostile_files, nonsense_rigs
from tests.faults.readers import READERS
from tests.faults.sound import CALIBRATIONS, Sound, sound_files
from tests.workflow import ENVIRONMENT, Workflow

LEAST = 200  # files
IDS = sorted(READERS)


class Case(NamedTuple):
    """One damaged file, and what came of reading it."""

    sound: Sound
    how: str
    must: Must
    folder: Path
    outcome: str
    says: str

    @property
    def where(self) -> str:
        return f"{self.sound.reader}: {self.sound.file}: {self.how}: {self.outcome}: {self.says[:300]}"


class Corpus(NamedTuple):
    whole: dict[Sound, str]
    """what reading the sound files gives"""
    cases: list[Case]
    marker: Path
    """would be made by a file that was run"""


@pytest.fixture(scope="module")
def corpus(finished: Workflow, project_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Written, and read by a process of their own; names of folders have spaces and other letters."""
    base = tmp_path_factory.mktemp("corpus") / "Käfig 3 (neu)"
    sound_home, marker = base / "sound", base / "marker"
    sound_home.mkdir(parents=True)
    sounds = list(sound_files(finished, project_template, sound_home))
    planned = list(_damaged(sounds, base, marker))
    asked = [(sound.reader, sound.folder / sound.read) for sound in sounds]
    asked += [(sound.reader, folder / sound.read) for sound, _, _, folder in planned]
    answers = _ask(asked)
    for sound, answer in zip(sounds, answers, strict=False):
        assert answer["outcome"] == "read", f"{sound.reader}: whole, but {answer}"
    whole = {sound: answer["says"] for sound, answer in zip(sounds, answers, strict=False)}
    told = zip(planned, answers[len(sounds) :], strict=True)
    return Corpus(whole, [Case(*plan, answer["outcome"], answer["says"]) for plan, answer in told], marker)


def _damaged(sounds: list[Sound], base: Path, marker: Path) -> Iterator[tuple[Sound, str, Must, Path]]:
    for number, sound in enumerate(sounds):
        content = (sound.folder / sound.file).read_bytes()
        damages = list(every_damage(content, sound.flips, number, str(marker)))
        damages += hostile_files(sound.reader, content)
        for place, damage in enumerate(damages):
            folder = _copy(sound, base / f"{number}.{place}")
            filled = damage.content.replace(MARKER.encode(), str(marker).encode())
            (folder / sound.file).write_bytes(filled)
            must = sound.cuts if damage.how.startswith(("cut", "without")) else damage.must
            yield sound, damage.how, must, folder
        for how in ("a link to itself", "a folder", "nothing"):
            folder = _copy(sound, base / f"{number}.{how.replace(' ', '_')}")
            (folder / sound.file).unlink()
            if how == "a link to itself":
                (folder / sound.file).symlink_to(folder / sound.file)
            elif how == "a folder":
                (folder / sound.file).mkdir()
            yield sound, f"replaced by {how}", sound.lost, folder
    for name, write in CALIBRATIONS.items():
        for number, (how, rig) in enumerate(nonsense_rigs()):
            folder = base / f"nonsense.{name}.{number}"
            folder.mkdir()
            path = write(rig, folder)
            sound = Sound(f"calibration {name}", folder, "." if path.is_dir() else path.name, "")
            yield sound, how, "be refused", folder


def _copy(sound: Sound, folder: Path) -> Path:
    shutil.copytree(sound.folder, folder)
    return folder


def _ask(asked: list[tuple[str, Path]]) -> list[dict[str, str]]:
    """All answers of `tests.faults.readers`; what it does without the checks that tests add to the package."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.readers"],
        input="".join(json.dumps([reader, str(path)]) + "\n" for reader, path in asked),
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_every_reader_is_asked_and_there_are_hundreds_of_files(corpus: Corpus) -> None:
    counts = Counter(case.sound.reader for case in corpus.cases)
    assert set(counts) == set(READERS)
    assert set(CALIBRATIONS) == set(FORMATS)
    assert min(counts.values()) > 10 and counts.total() > LEAST
    print(counts.total(), dict(counts), file=sys.stderr)


@pytest.mark.slow
def test_nothing_was_run(corpus: Corpus) -> None:
    assert not os.path.lexists(corpus.marker)


@pytest.mark.slow
@pytest.mark.parametrize("reader", IDS)
def test_damage_is_refused_by_name_and_nothing_hangs_or_crashes(reader: str, corpus: Corpus) -> None:
    wrong = [case for case in corpus.cases if case.sound.reader == reader and (fault := _fault(case, corpus)) and fault]
    assert not wrong, "\n".join(f"{_fault(case, corpus)}: {case.where}" for case in wrong)


def _fault(case: Case, corpus: Corpus) -> str | None:
    match case.outcome:
        case "refused":
            return None if str(case.folder) in case.says else "the file is not named"
        case "read" if case.must == "end":
            return None
        case "read" if case.must == "be refused or equal" and case.says == corpus.whole[case.sound]:
            return None
        case "read" if case.says == corpus.whole.get(case.sound):
            return None  # what was lost meant nothing, such as the last blank line
        case "read":
            return "taken for good"
    return case.outcome
