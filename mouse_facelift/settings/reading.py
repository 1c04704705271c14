"""Reading `config.yaml`: an unknown, missing, misplaced or repeated key is an error that names the key."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mouse_facelift.settings.whole import Settings

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, where PyYAML was built with it: ten times as fast, and a configuration may have a thousand captures"""
SCHEMA_PATH = Path("config.schema.json")


def read_settings(path: Path) -> Settings:
    """Read a configuration file.

    Raises:
        ValueError: names the file and every key that is unknown, missing, repeated or out of range.
    """
    text = path.read_text(encoding="utf-8")
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not YAML: {error}") from error
    refuse_repeated_keys(text, str(path))
    if not isinstance(content, dict):
        raise ValueError(f"{path}: a mapping of sections was expected, found {type(content).__name__}")
    return parse_settings(content, str(path))


def refuse_repeated_keys(text: str, source: str) -> None:
    """Raise ValueError if a section of a YAML text has a key twice: readers take the last and say nothing."""
    waiting, seen = [yaml.compose(text, Loader=LOADER)], set()
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
