"""Which code made a file: a digest of syntax trees, blind to comments, blank lines and docstrings."""

import ast
import hashlib
import subprocess
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent


def fingerprint(*modules: str) -> str:
    """Digest the code of modules or packages of the library, named as in `formats` or `gslrm.network`.

    Rules carry it as a parameter: a real change of the code reruns them, a changed comment does not.

    Raises:
        ValueError: there is no such module.
    """
    digest = hashlib.sha256()
    for module in sorted(modules):
        place = PACKAGE.joinpath(*module.split("."))
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
        if not files or not files[0].is_file():
            raise ValueError(f"no module {module!r} under {PACKAGE}")
        for file in files:
            digest.update(file.relative_to(PACKAGE).as_posix().encode())
            digest.update(_without_words(file.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:12]


@cache  # a module decides the numbers of many rules; taking one apart takes longest of all that the Snakefile does
def _without_words(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [statement for statement in body if not _is_docstring(statement)]  # type: ignore[attr-defined]
    return ast.unparse(tree)


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def commit() -> str:
    """Name the commit that the package stands at, with `+` when files differ from it; `unknown` outside a checkout."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+"],
            cwd=PACKAGE,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return described.stdout.strip()
