"""Reading `config.yaml`: an unknown, missing, misplaced or repeated key is an error that names the key."""

import math
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mouse_facelift.settings.whole import Settings

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, where PyYAML was built with it: ten times as fast, and a configuration may have a thousand captures"""
SCHEMA_PATH = Path("config.schema.json")
DEPTH_LIMIT = 100
"""of sections and lists in one another; that of the project has 6"""
SIZE_LIMIT = 1_000_000
"""values in a configuration; that of the project has about a thousand"""


def read_settings(path: Path) -> Settings:
    """Read a configuration file.

    Raises:
        ValueError: names the file and every key that is unknown, missing, repeated or out of range.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not text in UTF-8 ({error.reason} at byte {error.start})") from error
    refuse_repeated_keys(text, str(path))
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError) as error:  # as `2026-99-99` raises
        raise ValueError(f"{path}: not YAML: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: a mapping of sections was expected, found {type(content).__name__}")
    return parse_settings(content, str(path))


def refuse_repeated_keys(text: str, source: str) -> None:
    """Raise ValueError if a section of a YAML text has a key twice: readers take the last and say nothing.

    Raise it, too, for what is no YAML, nested too deeply, or would be endless once anchors are followed.
    """
    try:
        if (depth := _depth(text)) > DEPTH_LIMIT:
            raise ValueError(f"nested {depth} deep, more than {DEPTH_LIMIT}")
        root = yaml.compose(text, Loader=LOADER)
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{source}: not YAML: {error}") from error
    if (size := _size(root, {})) > SIZE_LIMIT:
        told = "endlessly many" if size == math.inf else f"more than {SIZE_LIMIT}"
        raise ValueError(f"{source}: not a configuration: {told} values once its anchors (*name) are followed")
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(node, yaml.CollectionNode):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
            continue
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode):
                if first := lines.get(key.value):
                    where = f"it stands in line {first} already"
                    raise ValueError(f"{source}: line {line}: {key.value}: repeated key; {where}")
                lines[key.value] = line
            waiting.append(value)


def _depth(text: str) -> int:
    """How deep collections stand in one another, down to the first that is too deep: libyaml's composer would crash."""
    depth = deepest = 0
    for event in yaml.parse(text, Loader=LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        deepest = max(deepest, depth)
        if deepest > DEPTH_LIMIT:
            break
    return deepest


def _size(node: yaml.Node | None, known: dict[int, float]) -> float:
    """Count values below a node, those behind an anchor each time it is named; infinite where one names itself."""
    if not isinstance(node, yaml.CollectionNode):
        return 1.0
    if id(node) not in known:
        known[id(node)] = math.inf
        parts = chain.from_iterable(node.value) if isinstance(node, yaml.MappingNode) else node.value
        known[id(node)] = sum((_size(part, known) for part in parts), start=1.0)
    return known[id(node)]


def parse_settings(content: Mapping[str, Any], source: str) -> Settings:
    """Check a configuration that was read already; `source` names it in errors."""
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        lines = [f"{source}: {error.error_count()} wrong keys or values"]
        for problem in error.errors():
            where = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
            found = "" if problem["type"] == "missing" else f"; found {_short(problem['input'])}"
            lines.append(f"  {where}: {_plain_message(problem['type'], problem['msg'])}{found}")
        raise ValueError("\n".join(lines)) from None


def _plain_message(kind: str, message: str) -> str:
    match kind:
        case "extra_forbidden":
            return "unknown key"
        case "missing":
            return "missing key"
        case _:
            return message.removeprefix("Value error, ")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def json_schema() -> dict[str, Any]:
    """JSON schema of `config.yaml`, for editors; the file `config.schema.json` is this."""
    return Settings.model_json_schema()
