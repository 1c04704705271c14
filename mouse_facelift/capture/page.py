"""A verdict for people: one HTML file that needs nothing beside it."""

import html
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from mouse_facelift.capture.page_animal import tell_animal
from mouse_facelift.capture.page_foreseen import tell_foreseen
from mouse_facelift.capture.rig_drawing import draw_from_above, draw_in_space, drawn_rig, ring
from mouse_facelift.capture.rig_style import RIG_STYLE
from mouse_facelift.capture.sample_pictures import SamplePicture
from mouse_facelift.formats.manifest import tensor
from mouse_facelift.formats.verdict import AxisGaps, CameraVerdict, Line, RefusedVerdict, Verdict
from mouse_facelift.formats.whole import write_text_whole
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.pages.page import draw_figure, draw_light, draw_page
from mouse_facelift.pages.table import draw_table

# The rig behind the released weights, opencv_cameras.json of its data.
TRAINING_VIEWS, TRAINING_DISTANCE, TRAINING_ELEVATION, TRAINING_OPENING = 32, 2.7, 20.0, 50.0
NAMES = {
    "reading": "Files",
    "ray_miss": "Rays meet",
    "centers": "Mask centers",
    "tangents": "Tangent planes",
    "hull_cover": "Hull covers mask",
    "hull_iou": "Hull against mask",
    "rotation": "Rotation",
    "time": "Synchronization",
    "focal": "Focal length",
    "mask_share": "Masks in one piece",
    "doubtful": "Doubtful masks",
    "left_out": "Frames left out",
    "up": "Up",
    "gaps": "Coverage",
    "residual": "Residual of normalization",
    "magnification": "Resolution",
    "clipped": "Clipping",
    "filled": "Size in the picture",
}


def write_page(verdict: Verdict, calibration: Calibration, pictures: Sequence[SamplePicture], path: Path) -> None:
    """Write the verdict of a capture that could be measured."""
    sections = [
        _lines(verdict.lines),
        _findings(verdict),
        _rig(verdict, calibration),
        _agreement(verdict.cameras),
        tell_animal(verdict),
        tell_foreseen(verdict.foreseen),
        _axes(verdict),
        _pictures(pictures),
        _notes(verdict),
    ]
    words = (
        f"{verdict.frames} frames ({verdict.first_frame} to {verdict.last_frame}), {verdict.kept_frames} of use;"
        f" {len(verdict.cameras)} cameras;"
        f" calibration {verdict.calibration}"
    )
    write_text_whole(path, _page(verdict.capture, verdict.light, words, sections))


def write_refusal(verdict: RefusedVerdict, path: Path) -> None:
    """Write the verdict of a capture in which there is nothing to measure."""
    words = (
        f"Calibration {verdict.calibration}. The files contradict each other or themselves, so nothing was measured."
    )
    write_text_whole(path, _page(verdict.capture, verdict.light, words, [_lines(verdict.lines)]))


def _page(capture: str, light: str, words: str, sections: Iterable[str]) -> str:
    heading = f"{draw_light(light, light)} {html.escape(capture)}"
    return draw_page(f"{capture}: {light}", heading, [f"<p>{html.escape(words)}</p>", *sections], RIG_STYLE)


def _lines(lines: Sequence[Line]) -> str:
    rows = []
    for line in lines:
        shown = draw_light(line.light, line.light)
        if line.accepted:
            shown += ' <span class="light accepted">accepted in the configuration</span>'
        limits = "" if line.amber is None else f"amber {line.amber:g}, red {line.red:g} {html.escape(line.unit)}"
        said = html.escape(line.says).replace("\n", "<br>")
        rows.append([shown, f"<b>{NAMES[line.name]}</b> <code>{line.name}</code>", said, limits])
    return "<h2>Verdict</h2>" + draw_table(["", "line", "found", "limits"], rows, "words")


def _findings(verdict: Verdict) -> str:
    if not verdict.findings:
        return "<p>No camera is named: moving any of them alone explains too little, or too uncertainly.</p>"
    items = "".join(f"<li><b>{html.escape(found.says)}</b></li>" for found in verdict.findings)
    how = (
        "A plane through two cameras' centers that touches the animal in one view touches it in the other."
        " Each camera was turned, shifted in time and zoomed alone until these planes agreed best. A camera that"
        " stands beside its place looks like one that is turned, as long as the animal is small."
    )
    return f"<h2>Which camera is off</h2><ul>{items}</ul><p>{how}</p>"


def _rig(verdict: Verdict, calibration: Calibration) -> str:
    rig = drawn_rig(calibration, tensor(verdict.subject), tensor(verdict.up))
    training = ring(TRAINING_VIEWS, TRAINING_DISTANCE, TRAINING_ELEVATION)
    figures = [
        ("This rig from above", draw_from_above(rig, "mm")),
        ("In space, about the animal", draw_in_space(rig, "mm")),
        ("The released weights' rig from above", draw_from_above(training, "units")),
        ("In space", draw_in_space(training, "units")),
    ]
    drawn = "".join(f"<figure>{svg}<figcaption>{words}</figcaption></figure>" for words, svg in figures)
    gap_after = dict(zip(verdict.order, verdict.gaps, strict=True))
    by_name = {camera.name: camera for camera in verdict.cameras}
    rows = [_stand(by_name[name], gap_after[name]) for name in verdict.order]
    training_row = [
        f"released weights ({TRAINING_VIEWS} views)",
        f"{TRAINING_DISTANCE} units",
        f"{TRAINING_ELEVATION:.0f}",
        "all around",
        f"{360 / TRAINING_VIEWS:.2f}",
        f"{TRAINING_OPENING:.0f} × {TRAINING_OPENING:.0f}",
        "0",
        "0",
        "549, 549 at 512 px",
    ]
    head = ["camera", "distance mm", "elevation °", "azimuth °", "gap to next °", "field of view °", "roll °", "aim °",
            "focal px"]  # fmt: skip
    said = "Sorted by azimuth about the mean place of the animal. Lengths of the released rig have no unit."
    return f'<h2>Rig</h2><div class="figures">{drawn}</div><p>{said}</p>' + draw_table(
        head, [*rows, training_row], "numbers"
    )


def _stand(camera: CameraVerdict, gap: float) -> list[str]:
    across, down = camera.field_of_view
    return [
        html.escape(camera.name),
        f"{camera.distance:.0f}",
        f"{camera.elevation:.1f}",
        f"{camera.azimuth:.1f}",
        f"{gap:.1f}",
        f"{across:.0f} × {down:.0f}",
        f"{camera.roll:.1f}",
        f"{camera.aim:.1f}",
        f"{camera.focal[0]:.0f}, {camera.focal[1]:.0f}",
    ]


def _agreement(cameras: Sequence[CameraVerdict]) -> str:
    rows = []
    for camera in cameras:
        off = camera.off
        late = "cannot tell" if off.late is None else f"{off.late:+.2f} ± {off.late_error:.2f}"
        rows.append(
            [
                html.escape(camera.name),
                f"{camera.ray_miss_p50:.1f} / {camera.ray_miss_p95:.1f}",
                _number(camera.center_residual, 1),
                _number(camera.tangent_residual, 2),
                _number(camera.hull_iou, 3),
                _number(camera.hull_cover, 3),
                f"{math.hypot(*off.turn):.2f} ± {off.turn_error:.2f}",
                late,
                f"{100 * off.focal:+.2f} ± {100 * off.focal_error:.2f}",
                f"{math.sqrt(camera.mask_area_p50):.0f}",
                f"{camera.mask_whole:.0%}",
            ]
        )
    head = ["camera", "rays miss mm, median / 95 %", "center px", "tangents px", "hull IoU", "hull covers", "turn °",
            "late, frames", "focal %", "√mask px", "whole in picture"]  # fmt: skip
    said = (
        "Center: from the mask's center to where the rays of all other views meet. Hull: of all other views, against"
        " the view's own mask. Turn, late, focal: what would have to be undone for this camera alone, other findings"
        " undone, with standard errors."
    )
    return f"<h2>Agreement</h2><p>{said}</p>" + draw_table(head, rows, "numbers")


def _number(value: float | None, digits: int) -> str:
    return "none" if value is None else f"{value:.{digits}f}"


def _axes(verdict: Verdict) -> str:
    rows = [
        [
            reading.axis,
            reading.middle,
            ", ".join(f"{gap:.1f}" for gap in reading.gaps),
            f"{reading.wrong_by:.0f}",
            _explain(reading),
        ]
        for reading in verdict.readings
    ]
    said = (
        "Azimuth is counted about the axis that points up. Gaps that are read about another axis of the file say"
        " nothing of where cameras stand around the animal, and about the file's origin little."
    )
    head = ["taken for up", "about", "gaps by azimuth °", "from up °", ""]
    return f"<h2>If another axis were taken for up</h2><p>{said}</p>" + draw_table(head, rows, "words")


def _explain(reading: AxisGaps) -> str:
    if reading.wrong_by <= 45:
        axis = "the true axis" if reading.wrong_by < 1 else f"{reading.wrong_by:.0f} degrees from the true axis"
        return axis if reading.middle == "animal" else f"{axis}, another middle"
    least, most = min(reading.gaps), max(reading.gaps)
    return f"an axis error: {least:.1f} and {most:.1f} degrees are not of this rig"


def _pictures(pictures: Sequence[SamplePicture]) -> str:
    figures = []
    for picture in pictures:
        words = f"{picture.camera}, frame {picture.frame}"
        figures.append(draw_figure(picture.jpeg, "jpeg", f"{words}, mask outlined", words))
    return f'<h2>Masks</h2><div class="figures">{"".join(figures)}</div>'


def _notes(verdict: Verdict) -> str:
    items = "".join(f"<li>{html.escape(note)}</li>" for note in verdict.notes)
    return f"<h2>What was undone of the calibration's conventions</h2><ul>{items}</ul>"
