"""The report of a finished run, opened in a real browser."""

import copy
import re

import pytest

from tests.browser import CHROMIUM, SOFTWARE_WEBGL, browser
from tests.workflow import Workflow


@pytest.fixture(scope="module")
def reported(finished, tmp_path_factory) -> Workflow:
    config = copy.deepcopy(finished.config)
    config["report"] = {"viewers": ["full"], "log_experiments": False}
    workflow = finished.with_config(tmp_path_factory.mktemp("reported"), config)
    workflow.make("results/report.html")
    return workflow


def test_the_report_tells_what_ran_and_needs_nothing_beside_it(reported):
    page = (reported.folder / "results/report.html").read_text()
    for words in (
        "zero_shot", "real_camera", "visual_hull", "white_picture", "breaks the camera contract", "gradient norm",
        "contact sheet of full", "Residuals of normalization", "tiny: all lines", "camera_contract:", "sha256",
        "log_experiments",
    ):  # fmt: skip
        assert words in page, words
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//""", page)
    identifiers = re.findall(r'\bid="([^"]+)"', page)
    assert len(identifiers) == len(set(identifiers))


def test_snakemakes_own_report_has_captions_and_categories(reported):
    reported.make("results/report.html", "--report", "snakemake_report.html")
    page = (reported.folder / "snakemake_report.html").read_text()
    for words in ("Contact sheets", "Experiments", "Captures", "In three dimensions", "One row an experiment"):
        assert words in page, words


def test_another_configuration_cannot_ask_for_viewers_of_nothing(reported, tmp_path):
    broken = reported.copy(tmp_path)
    broken.config["report"]["viewers"] = ["absent"]
    assert "report.viewers: 'absent' is not defined" in broken.refuse("-n")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to open pages in")
def test_tables_sort_sheets_open_and_the_viewer_shows_something(reported):
    with browser(*SOFTWARE_WEBGL) as page:
        page.open((reported.folder / "results/report.html").as_uri(), 1280, 900)
        page.wait("document.querySelector('table.sortable th button')")
        rows = "[...document.querySelector('#experiments tbody').rows]"
        column = f"{rows}.map(row => row.cells[5].querySelector('[data-number]')?.dataset.number)"
        numbers = f"{column}.filter(Boolean).map(Number)"
        button = "document.querySelectorAll('#experiments th button')[5]"
        page.run(f"{button}.click()")
        falling = page.run(numbers)
        assert len(falling) > 3
        assert falling == sorted(falling, reverse=True)
        page.run(f"{button}.click()")
        assert page.run(numbers) == sorted(falling)

        page.run("document.querySelector('#sheets img.zoomable').click()")
        page.wait("document.querySelector('dialog[open] img').naturalWidth > 100")
        page.run("document.querySelector('dialog[open] button:last-of-type').click()")
        page.wait("!document.querySelector('dialog')")

        page.run("document.querySelector('#viewers button.inner-page').click()")
        page.wait("document.querySelector('iframe.inner-page').contentDocument?.querySelector('canvas')")
        page.run("document.querySelector('iframe.inner-page').scrollIntoView()")
        assert page.errors == []
        assert not [address for address in page.requests if not address.startswith("file:")]

        for width in (390, 1280):
            page.open((reported.folder / "results/report.html").as_uri(), width, 800, dark=True, phone=width < 500)
            page.wait("document.querySelector('table.sortable th button')")
            assert page.run("document.documentElement.scrollWidth") <= width
            assert page.run("getComputedStyle(document.body).backgroundColor") == "rgb(21, 24, 28)"
            assert page.errors == []
