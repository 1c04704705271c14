"""Text and JSON from files: whatever is wrong with it is an error that names the file."""

import json
from pathlib import Path


def read_text(path: Path) -> str:
    """Read a text in UTF-8.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no text in UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not text in UTF-8 ({error.reason} at byte {error.start})") from error


def read_json(path: Path) -> object:
    """Read JSON.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is none, or nested without end.
    """
    text = read_text(path)
    try:
        content: object = json.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5000 digits is a plain ValueError
        raise ValueError(f"{path}: no JSON: {error}") from error
    return content
