"""The command line of `check` and `reconstruct`: words, colors, exit codes, JSON, help and completion."""

import json
import shutil
from pathlib import Path

import pytest

from mouse_facelift.cli.check import told, wants_colors
from mouse_facelift.cli.main import main
from mouse_facelift.verbs import Reconstruction, Report, check
from tests.tiny_project import WEIGHTS

SAMPLE = "results/samples/real.fill/blobs_000"


def code_of(*arguments: str) -> int:
    """Run the command line; its exit code."""
    try:
        main(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_green_is_0_red_is_1_and_unseen_is_2(project, capsys):
    assert code_of("check", SAMPLE) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("green left: camera: keeps the contract")
    assert said[-1] == f"green sample {SAMPLE}"
    Path(SAMPLE, "images/cam_000.png").unlink()
    assert code_of("check", SAMPLE) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == f"red   sample {SAMPLE}"
    assert any(line.startswith("red   left: picture: no file") for line in said)
    for arguments in (["nowhere"], ["results"], [SAMPLE, "--config", "none.yaml"]):
        assert code_of("check", *arguments) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith("mouse-facelift: ")
    assert code_of("check", SAMPLE, "--no-such-option") == 2


def test_amber_is_no_failure(project, capsys):
    shutil.copy(WEIGHTS, "alone.safetensors")
    network = str(Path(WEIGHTS).with_suffix(".json"))
    assert code_of("check", "alone.safetensors", "--network-config", network) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "amber checkpoint alone.safetensors"


def test_json_is_the_same_in_a_file_and_on_standard_output(project, capsys):
    expected = check(Path(SAMPLE))
    assert code_of("check", SAMPLE, "--json", "found.json") == 0
    assert Report.read(Path("found.json")) == expected
    capsys.readouterr()
    assert code_of("check", SAMPLE, "--json", "-") == 0
    shown = capsys.readouterr()
    assert Report.model_validate(json.loads(shown.out)) == expected
    assert shown.err.splitlines()[-1] == f"green sample {SAMPLE}"


def test_only_a_terminal_gets_colors(project, monkeypatch):
    found = check(Path(SAMPLE))
    assert told(found, colors=True)[0].startswith("\033[32mgreen\033[0m left: camera")
    assert not any("\033" in line for line in told(found, colors=False))
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert (wants_colors(True), wants_colors(False)) == (True, False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colors(True)


def test_reconstruct_writes_and_refuses(project, capsys):
    assert code_of("reconstruct", SAMPLE, "--out", "out") == 0
    assert len(Reconstruction.read(Path("out/reconstruction.json")).frames) == 1
    capsys.readouterr()
    assert code_of("reconstruct", SAMPLE, "--out", "results") == 1
    assert "found files that are no reconstruction" in capsys.readouterr().err
    assert code_of("reconstruct", SAMPLE) == 2  # without --out


@pytest.mark.parametrize("verb", ["check", "reconstruct", "view"])
def test_help_teaches(verb, capsys):
    assert code_of(verb, "--help") == 0
    shown = capsys.readouterr().out
    assert f"usage: mouse-facelift {verb}" in shown
    if verb != "view":
        assert shown.count(f"mouse-facelift {verb} ") >= 3  # the usage, and lines to try


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_is_printed(shell, capsys):
    assert code_of("--tyro-print-completion", shell) == 0
    script = capsys.readouterr().out
    for word in ("check", "reconstruct", "view", "--normalization", "anipose"):
        assert word in script, word
