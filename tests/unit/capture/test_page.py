"""A verdict's page needs nothing beside it."""

import re
from pathlib import Path

from tests.unit.capture.conftest import CAMERAS, Laboratory
from tests.whole_capture import SETTINGS, run_capture


def page_of(laboratory: Laboratory, folder: Path) -> str:
    run_capture(laboratory.capture(), folder, name="ball <1>")
    return (folder / "verdict.html").read_text(encoding="utf-8")


def test_a_page_shows_rig_lines_and_pictures_and_loads_nothing(laboratory: Laboratory, tmp_path: Path) -> None:
    laboratory.write_videos()
    page = page_of(laboratory, tmp_path / "out")
    assert "ball &lt;1&gt;" in page and "<1>" not in page
    assert page.count("<svg") == 4
    assert page.count('src="data:image/jpeg;base64,') == SETTINGS.verdict.shown_frames * len(CAMERAS)
    assert not re.search(r'(src|href)="(?!data:)', page) and "@import" not in page and "http" not in page
    assert "32 cameras" in page and "11.25" in page  # the released weights' rig
    for name in CAMERAS:
        assert page.count(name) >= 4


def test_a_page_of_files_that_contradict_each_other_says_so(laboratory: Laboratory, tmp_path: Path) -> None:
    laboratory.write_videos()
    laboratory.poses[1] = laboratory.poses[0]
    laboratory.write_calibration()
    page = page_of(laboratory, tmp_path / "out")
    assert "are identical" in page and '<span class="light red">' in page
