"""A sheet of paper, measured in pixels from its upper left corner, that takes words and pictures and becomes a PNG."""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mouse_facelift.formats.whole import whole_file

DPI = 100
ERROR_COLORS = "inferno"


class Page:
    """Pictures are square or fitted into a square; small ones are enlarged without smoothing."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
        FigureCanvasAgg(self.figure)

    def write(
        self, words: str, left: int, top: int, size: int, color: str = "black", bold: bool = False, width: int = 0
    ) -> None:
        """Write a line, its upper edge at `top`; words wider than `width` px, if given, are cut."""
        text = self.figure.text(
            left / self.width,
            1 - top / self.height,
            words,
            fontsize=size,
            color=color,
            weight="bold" if bold else "normal",
            va="top",
        )
        while width and len(words) > 1 and text.get_window_extent().width > width:
            words = words[:-1]
            text.set_text(words + "…")

    def picture(self, pixels: Float[np.ndarray, "height width 3"], left: int, top: int, size: int) -> None:
        """Show colors in [0, 1] in a square of `size` px, framed: the background is as white as the page."""
        self._show(pixels, left, top, size, None)

    def error_map(
        self, errors: Float[np.ndarray, "height width"], left: int, top: int, size: int, largest: float
    ) -> None:
        """Show errors from 0 (dark) to `largest` and beyond (bright)."""
        self._show(errors, left, top, size, largest)

    def _show(self, pixels: np.ndarray, left: int, top: int, size: int, largest: float | None) -> None:
        axes = self.figure.add_axes(self._box(left, top, size, size))
        small = max(pixels.shape[:2]) <= size
        axes.imshow(
            pixels,
            interpolation="nearest" if small else "antialiased",
            cmap=ERROR_COLORS,
            vmin=0,
            vmax=1 if largest is None else largest,
        )
        axes.set_xticks([])
        axes.set_yticks([])
        for side in axes.spines.values():
            side.set_edgecolor("#b0b0b0")
            side.set_linewidth(0.8)

    def scale(self, left: int, top: int, width: int, height: int, largest: float) -> None:
        """Draw what the colors of error maps mean."""
        axes = self.figure.add_axes(self._box(left, top, width, height))
        bar = self.figure.colorbar(ScalarMappable(Normalize(0, largest), ERROR_COLORS), cax=axes, extend="max")
        bar.set_label("of the range of colors", fontsize=8)
        bar.ax.tick_params(labelsize=8)

    def rule(self, left: int, top: int, width: int) -> None:
        """Draw a thin line across."""
        height = 1 - top / self.height
        ends = [left / self.width, (left + width) / self.width]
        self.figure.add_artist(Line2D(ends, [height, height], color="#d0d0d0", linewidth=0.8))

    def save(self, path: Path, weights: str) -> None:
        """Write a PNG whose text chunk `Source` names the weights behind the pictures."""
        with whole_file(path) as partial:
            self.figure.savefig(partial, dpi=DPI, format="png", metadata={"Source": weights})

    def _box(self, left: int, top: int, width: int, height: int) -> tuple[float, float, float, float]:
        return (
            left / self.width,
            1 - (top + height) / self.height,
            width / self.width,
            height / self.height,
        )
