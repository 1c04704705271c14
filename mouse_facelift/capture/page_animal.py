"""Of the animal in space, on a verdict's page: how large it is, where the floor is, which frames and masks are bad."""

import html

from mouse_facelift.formats.verdict import UpReport, Verdict
from mouse_facelift.pages.table import draw_table

FAULTS = {
    "few_views": "too few views show the animal",
    "no_body": "no point lies in all silhouettes",
    "jump": "the animal jumps away from its course",
    "blur": "blurred",
    "cut": "the animal reaches a picture's edge",
}


def tell_animal(verdict: Verdict) -> str:
    """Write the section."""
    across, along, high = verdict.extent
    moved = " × ".join(f"{length:.0f}" for length in verdict.subject_range)
    said = (
        f"The hull's box is {across:.0f} × {along:.0f} × {high:.0f} mm (median edges, the third upright), and its place"
        f" moves through {moved} mm along the file's axes. {_up(verdict.up_report)}"
    )
    rows = [
        [FAULTS[fault.fault], str(fault.frames), str(fault.first), "left out" if fault.left_out else "kept"]
        for fault in verdict.faults
    ]
    faults = draw_table(["frames in which", "how many", "the first", ""], rows, "words") if rows else ""
    masks = draw_table(
        ["camera", "shows the animal", "doubtful", "confidence", "least share", "whole in picture"],
        [
            [
                html.escape(camera.name),
                f"{camera.seen_share:.0%}",
                f"{camera.doubtful_share:.0%}",
                f"{camera.confidence_p50:.2f}",
                f"{camera.mask_share_least:.2f}",
                f"{camera.mask_whole:.0%}",
            ]
            for camera in verdict.cameras
        ],
        "numbers",
    )
    remarks = "".join(f"<li>{html.escape(remark)}</li>" for remark in verdict.remarks)
    listed = f"<p>Views that are not used, the first of them:</p><ul>{remarks}</ul>" if remarks else ""
    return f"<h2>The animal in space</h2><p>{said}</p>{faults}{masks}{listed}"


def _up(report: UpReport) -> str:
    sure = "" if report.degrees is None else f", sure to {report.degrees:.1f} degrees"
    floor = "" if report.floor_error is None else f" ± {report.floor_error:.1f}"
    estimate = "an unknown error" if report.estimate_error is None else f"± {report.estimate_error:.1f}"
    return (
        f"Up: {report.source.replace('_', ' ')}{sure}. What the recording itself says of up stands"
        f" {report.estimate_apart:.1f} degrees from it ({estimate}). The floor lies at {report.floor:.1f}{floor} mm"
        " along up from the file's origin."
    )
