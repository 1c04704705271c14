"""`mouse-facelift VERB ...`. A verb is a function: its signature is its command line, its docstring the help."""

import logging
import sys
from collections.abc import Callable, Sequence

import tyro

from mouse_facelift.cli.check import check
from mouse_facelift.cli.reconstruct import reconstruct
from mouse_facelift.cli.view import view

VERBS: dict[str, Callable[..., None]] = {"check": check, "reconstruct": reconstruct, "view": view}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the verb that the command line names; without `arguments`, those of the process.

    What a verb refuses (ValueError, OSError) is told in one message and exit code 1, without a trace.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        tyro.extras.subcommand_cli_from_dict(
            VERBS, prog="mouse-facelift", description="3D Gaussians of a mouse.", args=arguments
        )
    except (ValueError, OSError) as error:
        print(f"mouse-facelift: {error}", file=sys.stderr)
        sys.exit(1)
