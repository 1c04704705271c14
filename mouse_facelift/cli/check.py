"""`mouse-facelift check PATH`: against the contract, with a verdict in the terminal, an exit code and JSON."""

import os
import sys
from pathlib import Path
from typing import Annotated

import tyro

from mouse_facelift.formats.verdict import Light
from mouse_facelift.formats.whole import write_text_whole
from mouse_facelift.settings import CalibrationFormat
from mouse_facelift.verbs.check import check as check_path
from mouse_facelift.verbs.report import Report

STANDARD_OUTPUT = Path("-")
RED, UNSEEN = 1, 2  # exit codes
_ANSI: dict[Light, str] = {"green": "32", "amber": "33", "red": "31"}


def check(
    path: Annotated[Path, tyro.conf.Positional],
    /,
    config: Path = Path("config.yaml"),
    capture: str | None = None,
    format: CalibrationFormat | None = None,
    network_config: Path | None = None,
    json: Path | None = None,
) -> None:
    """Say whether a thing keeps the contract: green, amber or red, a line each.

    PATH may be
      a configuration (.yaml): its captures are opened and judged, as `snakemake check_capture` does
      a laboratory's calibration, in any format that is read
      a sample folder (images/ and opencv_cameras.json)
      weights (.safetensors, .pt), or a view generator's folder
      a dataset (table.json, or its folder)

    Try
      mouse-facelift check config.yaml --capture walk
      mouse-facelift check results/views/walk/fill/chunk_0/frame_000000
      mouse-facelift check calibration.toml --json cameras.json

    Exit code: 0 for green and amber, 1 for red, 2 for what could not be looked at.

    Args:
        path: what to look at.
        config: the configuration with the contract; a calibration needs none.
        capture: of a configuration, the capture to judge; else all of them.
        format: of a calibration; else it is recognized from the content.
        network_config: JSON of the network that weights are of; else that of their row of the configuration, or of
            their card.
        json: file for the same as JSON; - is standard output, and the lines then go to standard error.
    """
    try:
        found = check_path(path, config=config, capture=capture, format=format, network_config=network_config)
        if json is not None and json != STANDARD_OUTPUT:
            write_text_whole(json, found.model_dump_json(indent=1) + "\n")
    except (ValueError, OSError) as error:
        print(f"mouse-facelift: {error}", file=sys.stderr)
        sys.exit(UNSEEN)
    stream = sys.stderr if json == STANDARD_OUTPUT else sys.stdout
    for line in told(found, wants_colors(stream.isatty())):
        print(line, file=stream)
    if json == STANDARD_OUTPUT:
        print(found.model_dump_json(indent=1))
    if found.light == "red":
        sys.exit(RED)


def told(found: Report, colors: bool) -> list[str]:
    """A report as lines, the verdict last; `colors` for a terminal."""
    lines = []
    for line in found.lines:
        where = ": ".join(part for part in (line.of, line.name) if part)
        accepted = " (accepted)" if line.accepted else ""
        lines.append(f"{_word(line.light, colors)} {where}{accepted}: {line.says}")
    return [*lines, f"{_word(found.light, colors)} {found.kind} {found.path}"]


def wants_colors(terminal: bool) -> bool:
    """Whether a stream is to be colored: a terminal's, unless NO_COLOR is set to anything. Source: no-color.org."""
    return terminal and not os.environ.get("NO_COLOR")


def _word(light: Light, colors: bool) -> str:
    return f"\033[{_ANSI[light]}m{light:<5}\033[0m" if colors else f"{light:<5}"
