"""What normalization will do to each view, on a verdict's page, beside the data of the released weights."""

import html
from collections.abc import Sequence

from mouse_facelift.formats.foreseen import ForeseenWay
from mouse_facelift.pages.table import draw_table

HEAD = [
    "normalization", "camera", "residual px, 50 / 95 % / most", "raw px a px", "clipped", "filled", "told distance",
]  # fmt: skip
# Measured on data_sample/gslrm/sample_000 of weijielyu/FaceLift: 32 views of a head, cut at the shoulders.
RELEASED = ["released weights' data", "32 views", "0 / 0 / 0", "rendered", "cut below", "28 % to 37 %", "2.70"]


def tell_foreseen(ways: Sequence[ForeseenWay]) -> str:
    """Write the section."""
    rows = []
    for way in ways:
        words = html.escape(way.normalization) + ("" if way.honest else " (wrong on purpose)")
        if way.refusal is not None:
            rows.append([words, "<b>refused</b>", html.escape(way.refusal), "", "", "", ""])
        for view in way.views:
            residual = view.residual
            near, far = view.distance
            rows.append(
                [
                    words,
                    html.escape(view.camera),
                    f"{residual.p50:.2f} / {residual.p95:.2f} / {residual.max:.2f}",
                    f"{view.magnification:.2f}",
                    f"{view.clipped:.1%}",
                    f"{view.filled:.1%}",
                    f"{near:.2f}" if far - near < 0.005 else f"{near:.2f} to {far:.2f}",
                ]
            )
    said = (
        "Residual: how far a pixel of the animal lies from where its camera says. Raw px a px: how many pixels of the"
        " recording make one of the view; below 1 the picture is blown up. Clipped: part of the visible animal outside"
        " of the picture. Distances in world units."
    )
    return f"<h2>What normalization will do</h2><p>{said}</p>" + draw_table(HEAD, [*rows, RELEASED], "numbers")
