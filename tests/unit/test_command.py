"""A function's signature as its command line."""

import runpy
import sys
from pathlib import Path

import cv2
import pytest
import torch

from mouse_facelift.settings import InputViews, Normalization
from workflow_scripts import command

SCRIPTS = sorted(Path(command.__file__).parent.glob("*.py"))


def received(monkeypatch, function, *arguments):
    monkeypatch.setattr(sys, "argv", ["script", *arguments])
    command.run(function)


def test_paths_numbers_lists_and_sections_arrive_typed(monkeypatch):
    calls = []

    def work(paths: list[Path], count: int, name: str, views: InputViews, way: Normalization, allowed: bool) -> None:
        calls.append((paths, count, name, views, way.mode, allowed))

    received(
        monkeypatch, work, "--paths", "a b", "c", "--count", "3", "--name", "12", "--views", '{"inputs": 2}',
        "--way", '{"mode": "resize", "normalize_distance_to": null, "center": "file"}', "--allowed", "true",
    )  # fmt: skip
    assert calls == [([Path("a b"), Path("c")], 3, "12", InputViews(inputs=2), "resize", True)]


def test_opencv_takes_the_threads_that_the_rule_has(monkeypatch):
    before, found = cv2.getNumThreads(), []
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    try:
        received(monkeypatch, lambda: found.append(cv2.getNumThreads()))
    finally:
        cv2.setNumThreads(before)
    assert found == [1]


def test_what_the_function_refuses_is_told_without_a_trace(monkeypatch, capsys):
    def work() -> None:
        raise ValueError("a.toml: camera b: mirrored")

    with pytest.raises(SystemExit) as stop:
        received(monkeypatch, work)
    assert stop.value.code == 1
    assert capsys.readouterr().err == "work: a.toml: camera b: mirrored\n"


def of_opencv() -> cv2.error:
    error = cv2.error("Failed to allocate 4000000000 bytes")
    error.code = cv2.Error.StsNoMem
    return error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 3.6 TiB for an array"),
        MemoryError(),
        RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000000000 bytes."
        ),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        of_opencv(),
    ],
    ids=["numpy", "python", "torch", "cuda", "opencv"],
)
def test_a_lack_of_memory_is_told_without_a_trace(error, monkeypatch, capsys):
    def work() -> None:
        raise error

    with pytest.raises(SystemExit) as stop:
        received(monkeypatch, work)
    assert stop.value.code == 1
    assert capsys.readouterr().err.startswith("work: not enough memory: ")


def test_our_own_faults_keep_their_trace(monkeypatch):
    def work() -> None:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        received(monkeypatch, work)


def test_an_argument_of_the_wrong_kind_names_itself(monkeypatch):
    def work(count: int) -> None:
        raise AssertionError

    with pytest.raises(SystemExit, match="--count: "):
        received(monkeypatch, work, "--count", "many")


@pytest.mark.parametrize("script", [s.stem for s in SCRIPTS if s.stem not in ("__init__", "command")])
def test_every_script_tells_its_arguments(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_module(f"workflow_scripts.{script}", run_name="__main__")
    assert stop.value.code == 0
    assert f"usage: {script}" in capsys.readouterr().out
