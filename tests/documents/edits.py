"""Changes that a page shows: of a file, as a diff without line numbers, and of `config.yaml`, as rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.documents.blocks import Block
from tests.workflow import Config


def apply_diff(block: Block, repository: Path) -> None:
    """Change the file that the block's title names.

    The lines of a hunk that stay (they start with a blank) or go (-) must stand in the file once, one below the other.
    `@@` parts hunks.

    Raises:
        ValueError: there is no such file, a line starts otherwise, or a hunk has no place, or more than one.
    """
    path = repository / block.title
    if not path.is_file():
        raise ValueError(f"{block.where}: no file {block.title}")
    text = path.read_text(encoding="utf-8")
    for hunk in block.text.split("@@\n"):
        lines = [line or " " for line in hunk.splitlines()]
        if wrong := [line for line in lines if line[0] not in " +-"]:
            raise ValueError(f"{block.where}: {wrong[0]!r} starts with none of ' ', '+', '-'")
        before = "".join(f"{line[1:]}\n" for line in lines if line[0] != "+")
        after = "".join(f"{line[1:]}\n" for line in lines if line[0] != "-")
        if (places := f"\n{text}".count(f"\n{before}")) != 1:
            raise ValueError(f"{block.where}: {places} places in {block.title}, expected 1, of\n{before}")
        text = f"\n{text}".replace(f"\n{before}", f"\n{after}")[1:]
    path.write_text(text, encoding="utf-8")


def rows_of(block: Block, configuration: str) -> Config:
    """Rows that a YAML block adds; anchors (*name) are those of the configuration's text."""
    indented = "".join(f"  {line}\n" for line in block.text.splitlines())
    rows: Config = yaml.safe_load(f"{configuration}\nof_the_page:\n{indented}")["of_the_page"]
    return rows


def add_rows(config: Config, rows: Mapping[str, Any]) -> None:
    """Put each row into its section, and in place of one of the same name."""
    for section, content in rows.items():
        known = config[section]
        config[section] = {**known, **content} if isinstance(known, dict) and isinstance(content, dict) else content
