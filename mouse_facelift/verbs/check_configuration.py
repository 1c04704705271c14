"""A configuration against itself, and its captures against the limits that it sets."""

import tempfile
from pathlib import Path

from mouse_facelift.formats.verdict import RefusedVerdict, Verdict
from mouse_facelift.settings import Settings, read_settings
from mouse_facelift.verbs.judged import judge_configured
from mouse_facelift.verbs.report import Report, ReportLine, green, reds, report

SIMULATED = "results/simulated/"  # where the workflow writes the recordings that it simulates


def check_configuration(path: Path, capture: str | None) -> Report:
    """Read a configuration, and judge its captures, or one of them.

    Raises:
        FileNotFoundError: lists every file of a recording that is missing.
        ValueError: there is no capture of that name.
    """
    try:
        settings = read_settings(path)
    except ValueError as error:
        return report(str(path), "configuration", None, reds("", "configuration", error))
    if capture is not None and capture not in settings.captures:
        raise ValueError(f"{path}: captures: no {capture!r}; defined: {sorted(settings.captures)}")
    lines = [green("", "configuration", f"{path}: every key is known and in its range")]
    verdicts = [_judge(name, settings) for name in settings.captures if capture in (None, name)]
    for verdict in verdicts:
        lines += _lines_of(verdict)
    return report(str(path), "configuration", settings.camera_contract.hash, lines, verdicts=verdicts)


def _judge(name: str, settings: Settings) -> Verdict | RefusedVerdict:
    with tempfile.TemporaryDirectory(prefix="mouse-facelift-") as scratch:
        try:
            return judge_configured(name, settings, Path(scratch)).verdict
        except FileNotFoundError as error:
            advice = ""
            if settings.captures[name].pictures.startswith(SIMULATED):
                advice = f"\n{SIMULATED} is written by the workflow: snakemake --cores 2 check_capture"
            raise FileNotFoundError(f"captures.{name}: {error}{advice}") from error


def _lines_of(verdict: Verdict | RefusedVerdict) -> list[ReportLine]:
    return [
        ReportLine(of=verdict.capture, name=line.name, light=line.light, says=line.says, accepted=line.accepted)
        for line in verdict.lines
    ]
