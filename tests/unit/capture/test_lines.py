"""Colors of a verdict's lines."""

import pytest

from mouse_facelift.capture.lines import draw_lines, light_of, worst_light
from mouse_facelift.formats.verdict import CameraVerdict, Cause, Finding, Line
from mouse_facelift.settings import Limit, VerdictLimits, VerdictLine, read_settings
from tests.conftest import REPOSITORY

LIMITS: VerdictLimits = read_settings(REPOSITORY / "config.yaml").verdict.limits


def camera(name: str, **changes: object) -> CameraVerdict:
    off = Cause(turn=(0.05, 0, 0), turn_error=0.02, late=0.0, late_error=0.02, focal=0.001, focal_error=0.001)
    facts = {
        "name": name, "width": 288, "height": 256, "focal": (417, 419), "field_of_view": (38, 34), "distance": 300,
        "elevation": 20, "azimuth": 10, "roll": 0, "aim": 3, "ray_miss_p50": 1, "ray_miss_p95": 2,
        "mask_area_p50": 2500, "mask_share_least": 1, "mask_whole": 1, "center_residual": 2, "tangent_residual": 0.2,
        "hull_iou": 0.8, "hull_cover": 0.99, "off": off,
    }  # fmt: skip
    return CameraVerdict.model_validate(facts | changes)


def lines_of(
    *cameras: CameraVerdict, findings: tuple[Finding, ...] = (), accepted: tuple[VerdictLine, ...] = ()
) -> dict[str, Line]:
    order = [found.name for found in cameras]
    gaps = [360 / len(cameras)] * len(cameras)
    drawn = draw_lines(cameras, findings, order, gaps, 0.005, LIMITS, accepted)
    return {line.name: line for line in drawn}


@pytest.mark.parametrize(("value", "light"), [(0.1, "green"), (0.3, "amber"), (0.5, "amber"), (0.7, "red")])
def test_more_is_worse_or_less_is(value: float, light: str) -> None:
    assert light_of(value, Limit(amber=0.3, red=0.7)) == light
    assert light_of(-value, Limit(amber=-0.3, red=-0.7)) == light


def test_a_sound_rig_is_green() -> None:
    lines = lines_of(camera("a"), camera("b"), camera("c"), camera("d"))
    assert worst_light(tuple(lines.values())) == "green"


def test_the_worst_camera_is_named() -> None:
    line = lines_of(camera("a"), camera("b", hull_cover=0.9), camera("c"), camera("d"))["hull_cover"]
    assert (line.light, line.value) == ("amber", 0.9)
    assert line.says.startswith("b: ")


def test_a_finding_colors_its_cause_and_may_be_accepted() -> None:
    found = Finding(camera="b", cause="time", size=2.0, explained=0.8, says="b runs late by 2 frames.")
    cameras = [camera(name) for name in "abcd"]
    lines = lines_of(*cameras, findings=(found,))
    assert (lines["time"].light, lines["time"].says) == ("red", "b runs late by 2 frames.")
    assert worst_light(tuple(lines.values())) == "red"
    accepted = lines_of(*cameras, findings=(found,), accepted=("time", "gaps"))
    assert accepted["time"].accepted and not accepted["gaps"].accepted
    assert worst_light(tuple(accepted.values())) == "green"


def test_what_cannot_be_told_is_amber() -> None:
    vague = Cause(turn=(0.2, 0, 0), turn_error=2.0, late=None, late_error=None, focal=0.001, focal_error=0.001)
    lines = lines_of(camera("a"), camera("b", off=vague), camera("c"), camera("d", off=vague))
    assert (lines["rotation"].light, lines["rotation"].value) == ("amber", None)
    assert "too little to tell" in lines["rotation"].says
    assert lines["time"].light == "green"  # two cameras can tell
    apart = lines_of(*(camera(name, off=vague) for name in "abc"))["time"]
    assert (apart.light, apart.says) == ("amber", "the frames read are too far apart to tell")
