"""Colors of a verdict's lines."""

import pytest

from mouse_facelift.capture.lines import draw_lines, light_of, worst_light
from mouse_facelift.formats.foreseen import ForeseenWay
from mouse_facelift.formats.verdict import CameraVerdict, Cause, Finding, Line, Measured, UpReport
from mouse_facelift.formats.views import ViewResidual
from mouse_facelift.settings import Limit, VerdictLimits, VerdictLine, read_settings
from tests.conftest import REPOSITORY

GIVEN = UpReport(source="given", degrees=None, floor=0, floor_error=0.5, estimate_apart=0.6, estimate_error=1.2)
LIMITS: VerdictLimits = read_settings(REPOSITORY / "config.yaml").verdict.limits


def camera(name: str, **changes: object) -> CameraVerdict:
    off = Cause(turn=(0.05, 0, 0), turn_error=0.02, late=0.0, late_error=0.02, focal=0.001, focal_error=0.001)
    facts = {
        "name": name, "width": 288, "height": 256, "focal": (417, 419), "field_of_view": (38, 34), "distance": 300,
        "elevation": 20, "azimuth": 10, "roll": 0, "aim": 3, "ray_miss_p50": 1, "ray_miss_p95": 2,
        "seen_share": 1, "doubtful_share": 0, "confidence_p50": 0.97, "mask_area_p50": 2500, "mask_share_least": 1, "mask_whole": 1, "center_residual": 2, "tangent_residual": 0.2,
        "hull_iou": 0.8, "hull_cover": 0.99, "off": off,
    }  # fmt: skip
    return CameraVerdict.model_validate(facts | changes)


def way(**changes: object) -> ForeseenWay:
    """What an honest way does to a camera `a`, all well."""
    residual = ViewResidual(p50=0.1, p95=0.2, max=0.4)
    view = {
        "camera": "a",
        "residual": residual,
        "magnification": 3,
        "clipped": 0,
        "filled": 0.05,
        "distance": (2.7, 2.7),
    }
    facts = {
        "normalization": "contract",
        "mode": "contract",
        "honest": True,
        "refusal": None,
        "views": (view | changes,),
    }
    return ForeseenWay.model_validate(facts)


def lines_of(
    *cameras: CameraVerdict,
    findings: tuple[Finding, ...] = (),
    accepted: tuple[VerdictLine, ...] = (),
    kept_frames: int = 60,
    up: UpReport | None = None,
    ways: tuple[ForeseenWay, ...] | None = None,
) -> dict[str, Line]:
    ways = (way(),) if ways is None else ways
    order = [found.name for found in cameras]
    gaps = [360 / len(cameras)] * len(cameras)
    measured = Measured.model_validate(
        {
            "capture": "c", "calibration": "c.toml", "findings": findings, "readings": (), "frames": 60,
            "first_frame": 0, "last_frame": 59, "kept_frames": kept_frames, "faults": (), "recorded_frames": 60,
            "rate": 50, "up": (0, 0, 1), "up_report": up or GIVEN, "subject": (0, 0, 0), "subject_range": (1, 1, 1),
            "extent": (70, 70, 40), "cameras": cameras, "order": order, "gaps": gaps, "ray_miss_p50": 1,
            "ray_miss_p95": 1.5, "notes": (), "remarks": (),
        }
    )  # fmt: skip
    drawn = draw_lines(measured, ways, LIMITS, accepted)
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


@pytest.mark.parametrize(
    ("changes", "line", "light"),
    [
        ({"residual": ViewResidual(p50=0.1, p95=0.8, max=2.0)}, "residual", "amber"),
        ({"magnification": 0.4}, "magnification", "red"),
        ({"clipped": 0.05}, "clipped", "amber"),
        ({"filled": 0.001}, "filled", "red"),
    ],
)
def test_what_normalization_will_do_is_colored_and_names_way_and_camera(
    changes: dict[str, object], line: VerdictLine, light: str
) -> None:
    cameras = [camera(name) for name in "abcd"]
    found = lines_of(*cameras, ways=(way(**changes),))[line]
    assert found.light == light
    assert found.says.startswith("contract, a: ")


def test_wrong_ways_color_nothing_and_refused_ones_are_red() -> None:
    cameras = [camera(name) for name in "abcd"]
    wrong = way(clipped=0.9).model_copy(update={"honest": False})
    assert lines_of(*cameras, ways=(way(), wrong))["clipped"].light == "green"
    refused = way().model_copy(update={"refusal": "frame 3: too far"})
    line = lines_of(*cameras, ways=(refused,))["residual"]
    assert (line.light, line.says) == ("red", "contract: frame 3: too far")


def test_up_is_colored_by_how_certainly_it_is_off() -> None:
    cameras = [camera(name) for name in "abcd"]
    assert lines_of(*cameras)["up"].light == "green"
    turned = GIVEN.model_copy(update={"estimate_apart": 90.0})
    assert lines_of(*cameras, up=turned)["up"].light == "red"
    vague = turned.model_copy(update={"estimate_error": 50.0})
    assert lines_of(*cameras, up=vague)["up"].light == "green"
    estimated = UpReport(source="camera_ups", degrees=6.0, floor=0, floor_error=1, estimate_apart=0, estimate_error=6.0)
    assert lines_of(*cameras, up=estimated)["up"].light == "amber"


def test_frames_and_masks_that_are_of_no_use_are_colored() -> None:
    cameras = [camera(name) for name in "abc"]
    lines = lines_of(*cameras, camera("d", doubtful_share=0.5), kept_frames=50)
    assert lines["left_out"].light == "amber"
    assert (lines["doubtful"].light, lines["doubtful"].says[:3]) == ("red", "d: ")
