"""Every block of the two pages on the verbs runs, in order, in a folder as the workflow leaves it."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from mouse_facelift.cli.main import main
from tests.workflow import ENVIRONMENT, REPOSITORY

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks_of(page: str) -> Iterator[tuple[str, str]]:
    for found in BLOCK.finditer((REPOSITORY / "docs" / page).read_text()):
        yield found[1], found[2]


@pytest.fixture
def clone(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project with what else a clone holds; a page that is served is left at once."""
    for name in ("Snakefile", "rules", "workflow_scripts", "profiles", "envs"):
        (project / name).symlink_to(REPOSITORY / name)

    def leave(server: ThreadingHTTPServer) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ThreadingHTTPServer, "serve_forever", leave)
    return project


def run_line(line: str) -> None:
    """Run a command of a page: ours in this process, for a new one takes seconds to import torch."""
    words = shlex.split(line)
    if words[0] != "mouse-facelift":
        subprocess.run([sys.executable, "-m", *words], check=True, env=ENVIRONMENT)
    elif ">" in words:
        place = words.index(">")
        with Path(words[place + 1]).open("w") as file, redirect_stdout(file):
            run_verb(words[1:place])
    else:
        run_verb(words[1:])


def run_verb(arguments: list[str]) -> None:
    try:
        main(arguments)
    except SystemExit as ended:
        assert not ended.code, f"{arguments}: exit code {ended.code}"


def test_the_commands_of_the_page_run(clone):
    shutil.rmtree("results/simulated")
    shutil.rmtree("results/truth")
    names = set()
    for language, block in blocks_of("command_line.md"):
        assert language in ("bash", "python")
        if language == "python":
            exec(compile(block, "command_line.md", "exec"), {})
        else:
            for line in block.splitlines():
                names.add(" ".join(line.split()[:2]))
                run_line(line)
    assert {"mouse-facelift check", "mouse-facelift reconstruct", "mouse-facelift view"} <= names
    for folder in ("mouse", "again", "photograph", "film"):
        assert Path(folder, "viewer.html").is_file(), folder
    assert Path("cameras.json").is_file()
    assert "mouse-facelift" in Path("completion.bash").read_text()


def test_the_page_of_the_api_runs(clone, capsys):
    names: dict[str, object] = {}
    for language, block in blocks_of("api.md"):
        assert language == "python"
        exec(compile(block, "api.md", "exec"), names)
    said = capsys.readouterr().out
    assert "weights of domain procedural accepted by experiments.zero_shot" in said
    assert "normalizations.resize: breaks the contract" in said
