"""Drawings of matplotlib in a page's own colors, by day and by night."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, FAINT, RULE = "#010203", "#040506", "#070809"
"""stand for the page's colors; no drawing has these by itself"""
_PAGE_COLORS = {INK: "currentColor", FAINT: "var(--faint)", RULE: "var(--rule)"}

_STYLE: dict[Any, Any] = {
    "axes.edgecolor": RULE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": FAINT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.family": "sans-serif",
    "font.size": 9.0,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "svg.fonttype": "none",
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
}


@contextmanager
def page_style() -> Iterator[None]:
    """Around the making of a figure and `svg_of`."""
    with mpl.rc_context(_STYLE):
        yield


def svg_of(figure: Figure, name: str) -> str:
    """The figure as an SVG element of a page, read out as `name`; equal figures give equal text."""
    written = io.StringIO()
    FigureCanvasSVG(figure)
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(written, format="svg", metadata={"Date": None})
    text = written.getvalue()
    text = text[text.index("<svg") :]
    for stands_for, color in _PAGE_COLORS.items():
        text = text.replace(stands_for, color)
    # Names of clips and markers must differ between the drawings of a page.
    prefix = re.sub(r"[^A-Za-z0-9]", "_", name)
    text = re.sub(r'id="([^"]+)"', rf'id="{prefix}_\1"', text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{prefix}_", text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{name}" ', 1)
