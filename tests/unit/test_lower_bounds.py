"""The lower bounds that were tried are those that are declared."""

import re
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_lower_bounds_that_were_tried_are_those_declared() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    bounds = [re.sub(r"([\w.-]+)>=([\w.]+).*", r"\1==\2", requirement) for requirement in declared]
    lines = (REPOSITORY / "tests" / "lower_bounds.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == bounds
