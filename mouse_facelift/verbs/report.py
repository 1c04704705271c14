"""What a check found: a line a thing that was looked at, each green, amber or red, and all of them as JSON."""

from collections.abc import Iterable, Sequence
from typing import Literal

from mouse_facelift.formats.manifest import Manifest, Record
from mouse_facelift.formats.verdict import Light, RefusedVerdict, Verdict

Kind = Literal["configuration", "calibration", "sample", "checkpoint", "generator", "dataset"]
_ORDER: tuple[Light, ...] = ("green", "amber", "red")


class ReportLine(Record):
    """One thing that was looked at."""

    of: str
    """what it belongs to: a capture, a camera, a view, a sample; empty: the whole"""
    name: str
    light: Light
    says: str
    accepted: bool
    """red, but the configuration lets it pass"""


class CalibratedCamera(Record):
    """One lens of a calibration, about the point that the optical axes come nearest to."""

    name: str
    width: int | None
    """px; None: the file does not tell"""
    height: int | None
    focal: tuple[float, float]
    """px, fx and fy"""
    field_of_view: tuple[float, float] | None
    """degrees across width and height, of the lens without its distortion; None: the size is unknown"""
    distance: float | None
    """in the file's unit; None: the axes meet nowhere"""
    azimuth: float | None
    """degrees, -180 to 180, counterclockwise seen from above; up as the cameras stand"""
    elevation: float | None
    """degrees"""
    aim: float | None
    """degrees between the optical axis and that point"""


class Report(Manifest):
    """What `check` found of one thing."""

    path: str
    kind: Kind
    contract: str | None
    """hash of the camera contract that it was held against; None: against none, as with a calibration"""
    light: Light
    """the worst of all lines, accepted ones aside"""
    lines: tuple[ReportLine, ...]
    cameras: tuple[CalibratedCamera, ...]
    """of a calibration"""
    verdicts: tuple[Verdict | RefusedVerdict, ...]
    """of a configuration's captures, as `snakemake check_capture` writes them"""


def green(of: str, name: str, says: str) -> ReportLine:
    return ReportLine(of=of, name=name, light="green", says=says, accepted=False)


def amber(of: str, name: str, says: str) -> ReportLine:
    return ReportLine(of=of, name=name, light="amber", says=says, accepted=False)


def red(of: str, name: str, says: str) -> ReportLine:
    return ReportLine(of=of, name=name, light="red", says=says, accepted=False)


def reds(of: str, name: str, error: Exception) -> list[ReportLine]:
    """What was refused, a line of its message each."""
    return [red(of, name, line.strip()) for line in str(error).splitlines() if line.strip()]


def worst(lights: Iterable[Light]) -> Light:
    """The worst of some lights; green without any."""
    return max(lights, key=_ORDER.index, default="green")


def report(
    path: str,
    kind: Kind,
    contract: str | None,
    lines: Sequence[ReportLine],
    cameras: Sequence[CalibratedCamera] = (),
    verdicts: Sequence[Verdict | RefusedVerdict] = (),
) -> Report:
    """Gather what was found; the worst line is the verdict."""
    return Report(
        path=path,
        kind=kind,
        contract=contract,
        light=worst(line.light for line in lines if not line.accepted),
        lines=tuple(lines),
        cameras=tuple(cameras),
        verdicts=tuple(verdicts),
    )
