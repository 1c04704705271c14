"""Rule `judge_capture`: what was measured of a capture, against the configuration's limits; a page for people."""

import logging
from pathlib import Path

from mouse_facelift.capture.lines import draw_lines, refused_line, worst_light
from mouse_facelift.capture.page import write_page, write_refusal
from mouse_facelift.capture.sample_pictures import sample_pictures
from mouse_facelift.formats.foreseen import Foreseen
from mouse_facelift.formats.verdict import Found, Measured, RefusedVerdict, Verdict
from mouse_facelift.settings import Capture, VerdictWork

logger = logging.getLogger(__name__)


def judge_capture(found: Path, foreseen: Path, capture: Capture, work: VerdictWork, verdict: Path, page: Path) -> None:
    """Color what was measured, and draw it.

    Args:
        found: what `measure_capture` found (`formats.verdict.Found`).
        foreseen: what normalization will do to the views (`formats.foreseen.Foreseen`).
        capture: the capture's section of the configuration.
        work: limits of the configuration.
        verdict: to write (`formats.verdict.read_verdict`).
        page: HTML for people to write.
    """
    seen = Found.read(found)
    measured = seen.measured
    if seen.frames is None or not isinstance(measured, Measured):
        assert not isinstance(measured, Measured)
        line = refused_line(measured.refusal)
        refused = RefusedVerdict(**measured.model_dump(), light="red", lines=(line,))
        refused.write(verdict)
        write_refusal(refused, page)
        return
    ways = Foreseen.read(foreseen).ways
    lines = draw_lines(measured, ways, work.limits, capture.accept_red)
    judged = Verdict(**dict(measured), light=worst_light(lines), lines=lines, foreseen=ways)
    pictures = sample_pictures(seen.frames, work.shown_frames)
    judged.write(verdict)
    write_page(judged, seen.frames.calibration(), pictures, page)
    for line in lines:
        if line.light != "green":
            accepted = " (accepted)" if line.accepted else ""
            logger.info("%s: %s%s: %s: %s", measured.capture, line.light, accepted, line.name, line.says)
    logger.info("%s: verdict: %s", measured.capture, judged.light)
