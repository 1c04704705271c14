"""Read the configurations of a released folder's parts: every key is known, and none that decides is absent."""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError

from mouse_facelift.formats import texts

NUMBER_LIMIT = 1_000_000
"""of whole numbers in a configuration: sizes and counts; the released ones stay below 50000"""
LAYERS_LIMIT = 1000


@contextmanager
def built_from(path: Path) -> Iterator[None]:
    """Within it a library builds a part of what a file says; what it cannot is a ValueError that names the file."""
    try:
        yield
    except (
        *(TypeError, ValueError, RuntimeError, AttributeError, LookupError, ArithmeticError, AssertionError),
        *(MemoryError, StrictDataclassError),
    ) as error:
        raise ValueError(f"{path}: nothing can be built of it: {type(error).__name__}: {error}") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises FileNotFoundError without the file, ValueError for anything else in it."""
    content = texts.read_json(path)
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
    defaults = {key: known[key].default for key in arguments}
    if wrong := [
        f"{key} is {arguments[key]!r}" for key, value in defaults.items() if not _alike(arguments[key], value)
    ]:
        raise ValueError(f"{path}: not supported: {'; '.join(wrong)}: values of another kind")
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
    wrong += [f"{key} is {number}, beyond {limit}" for key, number, limit in _huge(found)]
    if wrong:
        raise ValueError(f"{path}: not supported: {'; '.join(wrong)}")


def _huge(found: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    """Counts that nothing could be built of, or only in days."""
    for key, value in found.items():
        limit = LAYERS_LIMIT if "layers" in key else NUMBER_LIMIT
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, int) and abs(number) > limit:
                yield key, number, limit


def _alike(value: Any, default: Any) -> bool:
    """Whether a value is of the kind of an argument's default; unknown where the default is none, or a list."""
    match default:
        case bool() | str():  # diffusers writes lists where blocks differ
            return value is None or isinstance(value, type(default) | list)
        case int() | float():  # and 1 for 1.0
            return value is None or (isinstance(value, int | float | list) and not isinstance(value, bool))
    return True
