"""Every command, program and change of code that the documentation shows is done, page by page."""

import shlex

import pytest

from tests.documents.blocks import blocks_of, commands_within_sentences, files_named, lines_of, pages_of
from tests.documents.reader import Instead, Reader
from tests.workflow import REPOSITORY

PAGES = pages_of(REPOSITORY)
INSTALL = "python3 -m venv .venv && . .venv/bin/activate && pip install -c constraints.txt -e "
PHOTOGRAPH = "mouse-facelift reconstruct mouse.png --generator view_index --normalization fill --out mouse"
LEARNING = "snakemake --cores 2 results/proof_of_learning.csv --configfile config/learning.yaml"

# Who follows which page: a fixture.
READERS = {
    "README.md": "done",
    "adding_a_camera_format.md": "developing",
    "adding_a_finetuning_method.md": "developing",
    "adding_a_generator.md": "developing",
    "api.md": "by_hand",
    "command_line.md": "by_hand",
    "frames_and_views.md": "done",
    "from_capture_to_figure.md": "recorded",
    "glossary.md": "done",
    "released_weights.md": "done",
    "results.md": "done",
    "security.md": "fresh",
    "training.md": "done",
}

INSTEAD = {
    ("README.md", f"{INSTALL}. && snakemake --cores 8 eval_psnr"): Instead(
        "snakemake --cores 8 eval_psnr", "this test runs in such an environment already"
    ),
    ("README.md", f"{INSTALL}'.[test]' && ./check"): Instead(
        f"bash -n {REPOSITORY / 'check'}", "it runs this test; .ci/run installs and starts it"
    ),
    ("security.md", ".ci/audit"): Instead(
        f"bash -n {REPOSITORY / '.ci/audit'}", "it may ask a service over the network"
    ),
    ("training.md", LEARNING): Instead(f"{LEARNING} -n", "it takes hours; tests/rules/test_proof.py makes a small one"),
    ("README.md", PHOTOGRAPH): Instead(
        "mouse-facelift reconstruct --help", "command_line.md draws from a photograph, where a generator is trained"
    ),
    ("README.md", "snakemake --cores 2 viewers"): Instead(
        "snakemake --cores 2 viewers -n", "tests/rules/test_viewing.py makes them"
    ),
}


def test_every_page_has_a_reader():
    assert READERS.keys() == PAGES.keys()


def test_nothing_is_left_out_that_no_page_shows():
    shown = {(name, line) for name, page in PAGES.items() for block in blocks_of(page) for line in lines_of(block)}
    assert INSTEAD.keys() <= shown


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_followed(page, request):
    reader: Reader = request.getfixturevalue(READERS[page])
    reader.instead |= {line: instead for (of, line), instead in INSTEAD.items() if of == page}
    reader.follow(list(blocks_of(PAGES[page])))
    assert reader.used == reader.instead.keys()


@pytest.mark.slow
def test_what_sentences_tell_to_run_can_be_planned(fresh):
    """Their targets together, of each configuration."""
    targets: dict[str, set[str]] = {}
    for page in PAGES.values():
        for command in commands_within_sentences(page):
            words = shlex.split(command)[1:]
            at = words.index("--configfile") if "--configfile" in words else len(words)
            configuration = " ".join(words[at + 1 : at + 2])
            goals = [word for word in words[:at] + words[at + 2 :] if not word.startswith("-") and not word.isdigit()]
            targets.setdefault(configuration, set()).update(goals)
    own = targets.pop("my_config.yaml", set())  # of a recording that is not here
    assert own <= {"check_capture", "eval_psnr", "viewers", "write_report"}
    for configuration, goals in targets.items():
        told = f"--configfile {configuration}" if configuration else ""
        code, said = fresh._run_line(f"snakemake -n {shlex.join(sorted(goals))} {told}")
        assert code == 0, said


def test_files_that_pages_speak_of_are_there():
    """Those that a page itself makes, that it tells to download, and results of runs are left out."""
    for name, page in PAGES.items():
        made = {block.title for block in blocks_of(page)}
        for path in files_named(page) - made:
            places = (REPOSITORY / path, REPOSITORY / "mouse_facelift" / path, page.parent / path)
            assert any(place.exists() for place in places), f"{name}: no file {path}"
