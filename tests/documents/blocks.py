"""What a page of the documentation asks its reader to type: fenced blocks, and commands within sentences."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LANGUAGES = ("bash", "python", "diff", "yaml", "text")  # of `text` nothing is asked

_FENCED = re.compile(r"^ *```([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"`([\w.-]+/[\w./-]*\.(?:py|smk|yaml|json|md))`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_SPAN = re.compile(r"`(snakemake [^`]+)`")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: str
    line: int
    language: str
    title: str
    """the file that it is to become, or to change; empty where it is run"""
    text: str

    @property
    def where(self) -> str:
        return f"{self.page}, line {self.line}"


def pages_of(repository: Path) -> dict[str, Path]:
    """The README and every page of `docs/`, by name."""
    return {page.name: page for page in (repository / "README.md", *sorted((repository / "docs").glob("*.md")))}


def blocks_of(page: Path) -> Iterator[Block]:
    """All blocks of a page, from its top. Raises ValueError for one that says no known language."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCED.finditer(text):
        language, _, title = found[1].strip().partition(" ")
        block = Block(page.name, text.count("\n", 0, found.start()) + 1, language, title.strip(), found[2])
        if language not in LANGUAGES:
            raise ValueError(f"{block.where}: a block of language {language!r}, expected one of {LANGUAGES}")
        yield block


def lines_of(block: Block) -> list[str]:
    """Commands of a bash block, without comments; a line that ends in a backslash goes on in the next."""
    joined = re.sub(r"\\\n\s*", " ", block.text)
    commands = (re.sub(r"(^|\s)#\s.*", "", line).strip() for line in joined.splitlines())
    return [command for command in commands if command]


def commands_within_sentences(page: Path) -> list[str]:
    """`snakemake ...` in backticks outside of blocks, without names that the reader is to fill in (<...>)."""
    prose = _FENCED.sub("", page.read_text(encoding="utf-8"))
    found = [" ".join(span.split()) for span in _SPAN.findall(prose)]
    return [command for command in found if "<" not in command and "..." not in command]


def files_named(page: Path) -> set[str]:
    """Paths of code, configurations and pages, in backticks or behind a link."""
    prose = _FENCED.sub("", page.read_text(encoding="utf-8"))
    found = set(_FILE.findall(prose)) | {link.split("#")[0] for link in _LINK.findall(prose)}
    return {path for path in found if not path.startswith(("results/", "checkpoints/", "raw/", "http")) and path}
