"""Read the configurations of a released folder's parts: every key is known, and none that decides is absent."""

import inspect
import json
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises FileNotFoundError without the file, ValueError for anything else in it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: no JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: found {type(content).__name__}, expected an object")
    return content


def diffusers_arguments(
    path: Path,
    constructor: Callable[..., object],
    required: Collection[str],
    only: Mapping[str, Any],
    name: str | None = None,
) -> dict[str, Any]:
    """The arguments for a stock diffusers class from its stored configuration, with `_` keys checked and removed.

    `required` are the keys that decide what the part computes; `only` the values that others must have. `name` is that
    of the class that wrote the file, if it is another one with the same arguments and tensors.

    Raises ValueError that names every key that is unknown or absent, and every value that is not supported.
    """
    content = read_json(path)
    expect(path, content, {"_class_name"}, {"_class_name": constructor.__name__ if name is None else name})
    arguments = {key: value for key, value in content.items() if not key.startswith("_")}
    known = inspect.signature(constructor).parameters
    refuse_unknown(path, arguments, known)
    expect(path, arguments, required, only)
    return arguments


def refuse_unknown(path: Path, found: Collection[str], known: Collection[str]) -> None:
    """Raise ValueError that names the keys that nothing would read."""
    if unknown := sorted(set(found) - set(known)):
        raise ValueError(f"{path}: unknown keys {unknown}; expected none but {sorted(known)}")


def expect(path: Path, found: Mapping[str, Any], required: Collection[str], only: Mapping[str, Any]) -> None:
    """Raise ValueError that names required keys that are absent, and values other than the `only` ones supported."""
    wrong = [f"{key} is absent" for key in sorted(set(required) - set(found))]
    wrong += [
        f"{key} is {found[key]!r}, expected {value!r}"
        for key, value in only.items()
        if key in found and found[key] != value
    ]
    if wrong:
        raise ValueError(f"{path}: not supported: {'; '.join(wrong)}")
