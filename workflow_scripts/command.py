"""A function's signature is its command line: paths and numbers as text, sections of the configuration as JSON."""

import argparse
import inspect
import logging
import os
import sys
from collections.abc import Callable
from typing import Any, get_origin, get_type_hints

import cv2
from pydantic import TypeAdapter, ValidationError


def run(function: Callable[..., None]) -> None:
    """Call a library function with arguments from the command line.

    What the function refuses (ValueError, OSError) is told in one message and exit code 1, without a trace: it names
    a file or a field, and the place in our code adds nothing. So is a lack of memory. Everything else is a fault of
    ours and keeps its trace.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    arguments = _parse(function)
    if threads := os.environ.get("OMP_NUM_THREADS"):  # a rule's `threads`, of which OpenCV knows nothing
        cv2.setNumThreads(int(threads))
    try:
        function(**arguments)
    except (ValueError, OSError) as error:
        print(f"{function.__name__}: {error}", file=sys.stderr)
        sys.exit(1)
    except (MemoryError, RuntimeError, cv2.error) as error:
        if not _is_of_memory(error):
            raise
        print(f"{function.__name__}: not enough memory: {str(error) or 'for this process'}", file=sys.stderr)
        sys.exit(1)


def _is_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out; torch and OpenCV say so in words and numbers of their own."""
    if isinstance(error, cv2.error):
        return bool(error.code == cv2.Error.StsNoMem)
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in words)


def _parse(function: Callable[..., None]) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog=function.__name__, description=inspect.getdoc(function))
    hints = get_type_hints(function, include_extras=True)
    parameters = inspect.signature(function).parameters
    for name, parameter in parameters.items():
        many = get_origin(hints[name]) is list
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            dest=name,
            required=parameter.default is inspect.Parameter.empty,
            default=parameter.default,
            nargs="+" if many else None,
        )
    found = vars(parser.parse_args())
    return {name: _convert(name, value, hints[name]) for name, value in found.items()}


def _convert(name: str, value: Any, hint: Any) -> Any:
    if not isinstance(value, str | list):
        return value  # a default
    adapter: TypeAdapter[Any] = TypeAdapter(hint)
    try:
        if isinstance(value, list):
            return adapter.validate_python(value)
        if hint is not str and value.startswith("{"):
            return adapter.validate_json(value)  # a section of the configuration
        return adapter.validate_strings(value)
    except ValidationError as error:
        sys.exit(f"--{name}: {error}")
