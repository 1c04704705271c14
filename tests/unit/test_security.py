"""What our code never does, read from its text: run what a file says, or hand a shell a text that came from data."""

import ast
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from mouse_facelift.settings.base import Name
from mouse_facelift.training.leaving import Deadline

REPOSITORY = Path(__file__).resolve().parents[2]
CODE = sorted(
    path for folder in ("mouse_facelift", "workflow_scripts", "bench") for path in (REPOSITORY / folder).rglob("*.py")
)
RULES = [REPOSITORY / "Snakefile", *sorted((REPOSITORY / "rules").glob("*.smk"))]
RUN = {"eval", "exec", "compile", "__import__"}
PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
SHELLS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}
TEMPORARY = {"tempfile.mktemp", "os.tempnam"}
UNSAFE_YAML = {"yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load", "yaml.unsafe_load_all"}
SAFE_LOADERS = {"yaml.SafeLoader", "yaml.CSafeLoader"}
EITHER_SAFE_LOADER = "getattr(yaml, 'CSafeLoader', yaml.SafeLoader)"
# The one unpickler: it looks nothing up but a table of its own (tests/unit/capture/test_pickles.py).
RESTRICTED = REPOSITORY / "mouse_facelift/capture/calibration/pickles.py"


def dotted(node: ast.expr) -> str:
    """`a.b.c` of an expression; empty for any other."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{before}.{name}" if (before := dotted(value)) else ""
    return ""


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


def argument(call: ast.Call, name: str) -> object:
    """A constant argument by keyword; None without it."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value.value if isinstance(keyword.value, ast.Constant) else keyword.value
    return None


def faults(tree: ast.AST, path: Path) -> Iterator[str]:
    """Everything that could run what comes from outside."""
    aliases = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in PICKLES:
            yield f"line {node.lineno}: from {node.module} import"
    loaders = SAFE_LOADERS | {
        dotted(node.targets[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.value) == EITHER_SAFE_LOADER
    }
    for name, call in calls(tree):
        head, _, rest = name.partition(".")
        name = f"{aliases[head]}.{rest}" if head in aliases and rest else name
        where = f"line {call.lineno}: {name}"
        if name in RUN | SHELLS | TEMPORARY or (
            name.split(".")[0] in PICKLES and rest not in ("UnpicklingError", "dumps") and path != RESTRICTED
        ):
            yield where
        elif name == "torch.load" and argument(call, "weights_only") is not True:
            yield f"{where} without weights_only=True"
        elif name in ("numpy.load", "np.load") and argument(call, "allow_pickle") is not False:
            yield f"{where} without allow_pickle=False"
        elif (name.endswith("read_pickle") and name.startswith(("pandas", "pd"))) or name in UNSAFE_YAML:
            yield where
        elif name in ("yaml.compose", "yaml.scan", "yaml.parse") and dotted_keyword(call, "Loader") not in loaders:
            yield f"{where} without SafeLoader"
        elif argument(call, "shell") not in (None, False):
            yield f"{where} with shell"
        elif argument(call, "trust_remote_code") not in (None, False):
            yield f"{where} with trust_remote_code"


def dotted_keyword(call: ast.Call, name: str) -> str:
    value = argument(call, name)
    return dotted(value) if isinstance(value, ast.expr) else ""


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_nothing_from_outside_is_run(path: Path) -> None:
    assert list(faults(ast.parse(path.read_text(encoding="utf-8")), path)) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle; pickle.load(file)",
        "import pickle as p; p.loads(data)",
        "from pickle import loads",
        "import torch; torch.load(path)",
        "import torch; torch.load(path, weights_only=False)",
        "import torch; torch.load(path, weights_only=trusted)",
        "import numpy as np; np.load(path)",
        "import numpy as np; np.load(path, allow_pickle=True)",
        "import yaml; yaml.load(text, Loader=yaml.Loader)",
        "import yaml; yaml.compose(text)",
        "import yaml; LOADER = yaml.Loader; yaml.compose(text, Loader=LOADER)",
        "eval(text)",
        "exec(text)",
        "import os; os.system(text)",
        "import subprocess; subprocess.run(text, shell=True)",
        "import subprocess as s; s.run(text, shell=shell)",
        "import pandas as pd; pd.read_pickle(path)",
        "import joblib; joblib.load(path)",
        "Model.from_pretrained(path, trust_remote_code=True)",
    ],
)
def test_the_search_finds_what_it_looks_for(line: str) -> None:
    assert list(faults(ast.parse(line), Path("a.py")))


# Of a rule's command: what Snakemake fills in, and whether it quotes it.
FIELD = re.compile(r"(?<!\{)\{([A-Za-z_][^{}:!]*)(:q)?\}(?!\})")
# Their files are under `results/` and `logs/`, and a wildcard in them is letters, digits, _ - . alone (`common.smk`).
LIMITED = ("output", "log", "wildcards", "threads", "resources")
OPTIONS = {"lpips", "truth", "stored", "ray_film"}  # several words of a command, quoted where they are put together


def commands(path: Path) -> Iterator[tuple[str, str]]:
    """Each rule's name and the text of its command."""
    text = path.read_text(encoding="utf-8")
    for rule in re.finditer(r"^(?:rule|checkpoint) (\w+):\n((?:[ \t].*\n|\n)*)", text, re.MULTILINE):
        for found in re.finditer(r"^    shell:\n((?:        .*\n?)+)", rule[2], re.MULTILINE):
            yield rule[1], ast.literal_eval(f"(\n{found[1]})")


def all_commands() -> list[tuple[str, str]]:
    return [command for path in RULES for command in commands(path)]


def test_the_rules_commands_are_found() -> None:
    names = {name for name, _ in all_commands()}
    told = {name for path in RULES for name in re.findall(r"^rule (\w+):", path.read_text(), re.MULTILINE)}
    assert told - names == {"all", "check_capture", "viewers"}  # they ask for files and run nothing


@pytest.mark.parametrize(("name", "command"), all_commands(), ids=[name for name, _ in all_commands()])
def test_what_a_command_is_given_is_quoted(name: str, command: str) -> None:
    for field, quoted in FIELD.findall(command):
        kind, _, part = field.partition(".")
        assert quoted or kind in LIMITED or (kind == "params" and part in OPTIONS), f"{name}: {field}"


def test_options_that_are_put_together_are_quoted_there() -> None:
    for path in RULES:
        for option in re.findall(r'f"--[a-z-]+ \{(.*?)\}"', path.read_text(encoding="utf-8")):
            assert option.startswith("shlex.quote("), f"{path.name}: {option}"


@pytest.mark.parametrize("name", ["a b", "a;b", "$(touch b)", "a'b", "../a", "a/b", "", "-a", "a\nb", "a.b", "a{b}"])
def test_a_name_that_becomes_part_of_a_command_is_plain(name: str) -> None:
    with pytest.raises(ValidationError, match="becomes part of a file's name"):
        TypeAdapter(Name).validate_python(name)


@pytest.mark.parametrize("name", ["walk", "Käfig_3", "a-b", "鼠"])
def test_letters_of_any_language_make_a_name(name: str) -> None:
    assert TypeAdapter(Name).validate_python(name) == name
    assert re.fullmatch(r"[\w-]+", name)  # as the rules' wildcards are limited


def test_a_training_s_time_is_not_told_by_a_clock_that_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    deadline = Deadline.in_minutes(10)
    for moved in (-1e9, 1e9):
        monkeypatch.setattr(time, "time", lambda moved=moved: moved)
        assert not deadline.passed
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 600)
    assert deadline.passed


def test_nothing_asks_for_the_time_of_day_to_decide_something() -> None:
    asking = [
        path.name
        for path in CODE
        if any(
            name in ("time.time", "datetime.now", "datetime.datetime.now")
            for name, _ in calls(ast.parse(path.read_text()))
        )
    ]
    assert asking == []
