"""A reader who does what a page says, block by block from its top."""

import io
import os
import shlex
import shutil
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import yaml

from mouse_facelift.cli.main import main
from mouse_facelift.settings import parse_settings
from tests.documents.blocks import Block, lines_of
from tests.documents.edits import add_rows, apply_diff, rows_of
from tests.workflow import ENVIRONMENT, REPOSITORY, shrink_experiments

OURS = "mouse-facelift"


@dataclass(frozen=True)
class Instead:
    """What a test runs in place of a line that would take hours, or that a test cannot run."""

    line: str
    because: str


@dataclass
class Reader:
    """Follows a page.

    A page that changes the code is followed in a copy of the repository, all others beside the one that is tested.
    """

    project: Path
    """where the workflow runs"""
    repository: Path = REPOSITORY
    """where code is changed and checked"""
    instead: dict[str, Instead] = field(default_factory=dict)
    """by the line as the page has it"""
    used: set[str] = field(default_factory=set)
    """lines in place of which something else was run"""
    names: dict[str, object] = field(default_factory=dict)
    """of Python blocks"""

    def follow(self, blocks: list[Block]) -> None:
        """Do what every block says. A text that comes next to a command or a program is what that must say."""
        said = ""
        for before, block in pairwise([None, *blocks]):
            match block.language:
                case "bash":
                    said = self._run(block)
                case "python" if block.title:
                    self._write(block)
                case "python":
                    said = self._execute(block)
                case "diff":
                    assert self.repository != REPOSITORY, f"{block.where}: changes the code that is being tested"
                    apply_diff(block, self.repository)
                case "yaml" if block.title:
                    whole = yaml.safe_load((self.repository / block.title).read_text())
                    for section, rows in rows_of(block, "").items():
                        assert rows.items() <= whole[section].items(), f"{block.where}: {block.title} says otherwise"
                case "yaml":
                    self._add_rows(block)
                case "text" if before and before.language in ("bash", "python"):
                    for line in filter(None, map(_squeezed, block.text.splitlines())):
                        assert line in _squeezed(said), f"{block.where}: {line!r} was not said, but\n{said}"

    def _run(self, block: Block) -> str:
        assert block.title in ("", "fails"), f"{block.where}: {block.title!r}"
        said = ""
        for line in lines_of(block):
            done = self.instead[line].line if line in self.instead else line
            self.used |= {line} & self.instead.keys()
            code, words = self._run_line(done)
            said += words
            assert (code != 0) == (block.title == "fails"), f"{block.where}: {done}: exit code {code}\n{words[-6000:]}"
        return said

    def _run_line(self, line: str) -> tuple[int, str]:
        words = shlex.split(line, comments=True)
        in_project = words[0] in ("snakemake", OURS, "cp", "cat")
        if self.repository == REPOSITORY:
            in_project = True
            if words[0] == OURS and not set("|>&*") & set(line):
                return self._run_verb(words[1:])
        return self._shell(["bash", "-euo", "pipefail", "-c", line], self.project if in_project else self.repository)

    def _run_verb(self, arguments: list[str]) -> tuple[int, str]:
        """Run it in this process: a new one takes seconds to import torch."""
        said, code = io.StringIO(), 0
        with chdir(self.project), redirect_stdout(said), redirect_stderr(said):
            try:
                main(arguments)
            except SystemExit as ended:
                code = int(ended.code or 0)
        return code, said.getvalue()

    def _shell(self, words: list[str], folder: Path) -> tuple[int, str]:
        path = os.pathsep.join([str(self._commands()), str(Path(sys.executable).parent), ENVIRONMENT["PATH"]])
        environment = ENVIRONMENT | {"PYTHONPATH": str(self.repository), "PATH": path}
        environment.pop("PYTEST_CURRENT_TEST", None)
        done = subprocess.run(
            words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        return done.returncode, done.stdout

    def _commands(self) -> Path:
        """A folder with our own command, as an installation makes it."""
        folder = self.project / ".commands"
        if not folder.is_dir():
            folder.mkdir()
            command = folder / OURS
            command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mouse_facelift.cli "$@"\n')
            command.chmod(0o755)
        return folder

    def _write(self, block: Block) -> None:
        assert self.repository != REPOSITORY, f"{block.where}: writes into the repository that is being tested"
        path = self.repository / block.title
        assert not path.exists(), f"{block.where}: {block.title} is there already"
        path.write_text(block.text, encoding="utf-8")

    def _execute(self, block: Block) -> str:
        if self.repository != REPOSITORY:
            code, said = self._shell([sys.executable, "-c", block.text], self.project)
            assert code == 0, f"{block.where}:\n{said}"
            return said
        printed = io.StringIO()
        with chdir(self.project), redirect_stdout(printed):
            exec(compile(block.text, block.where, "exec"), self.names)
        return printed.getvalue()

    def _add_rows(self, block: Block) -> None:
        """Add the rows to the project's configuration, trainings cut short, and to that of a copied repository."""
        rows = rows_of(block, (self.repository / "config.yaml").read_text())
        if self.repository != REPOSITORY:
            whole = self.repository / "config.yaml"
            content = yaml.safe_load(whole.read_text())
            add_rows(content, rows)
            whole.write_text(yaml.safe_dump(content, sort_keys=False))
        else:
            parse_settings(_with(yaml.safe_load((REPOSITORY / "config.yaml").read_text()), rows), block.where)
        config = self.project / "config.yaml"
        shrink_experiments(rows.get("experiments", {}))
        config.write_text(yaml.safe_dump(_with(yaml.safe_load(config.read_text()), rows), sort_keys=False))


def link_repository(folder: Path, repository: Path = REPOSITORY, but: tuple[str, ...] = ()) -> None:
    """Let a folder look like a clone, as far as the workflow goes."""
    for name in ("Snakefile", "rules", "workflow_scripts", "profiles", "envs", "config", "mouse_facelift"):
        if name not in but:
            (folder / name).symlink_to(repository / name)


def copy_repository(folder: Path) -> None:
    """Copy what code, its checks and its tests are made of; compiled modules, too, which saves most of the time."""
    for name in ("mouse_facelift", "workflow_scripts", "rules", "profiles", "envs", "tests", "config"):
        shutil.copytree(REPOSITORY / name, folder / name)
    for name in ("Snakefile", "config.yaml", "config.schema.json", "pyproject.toml", "constraints.txt"):
        shutil.copy2(REPOSITORY / name, folder / name)


def _with(config: dict[str, object], rows: dict[str, object]) -> dict[str, object]:
    add_rows(config, rows)
    return config


def _squeezed(text: str) -> str:
    return " ".join(text.split())
