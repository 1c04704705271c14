"""What every generator of views takes and gives, whatever network draws them."""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import interpolate

from mouse_facelift.geometry.cameras import Cameras

Color = tuple[float, float, float]
"""red, green and blue, 0..1"""


@dataclass(frozen=True)
class Reference:
    """The one picture that a generator is shown, and how steeply it was taken.

    Generators expect the subject in the middle, and take the picture for one of their own field of view; see
    `take_reference`.

    Raises:
        ValueError: the picture is not square or shows nothing, or the elevation is not between -90 and 90.
    """

    rgba: UInt8[Tensor, "4 height width"]
    """straight alpha"""
    elevation: float
    """of its camera above the subject's horizon, degrees"""

    def __post_init__(self) -> None:
        _, height, width = self.rgba.shape
        if height != width:
            raise ValueError(f"the reference picture is {width} x {height} px, expected a square")
        if not bool((self.rgba[3] > 0).any()):
            raise ValueError("the reference picture is transparent everywhere: it shows no subject")
        if not -90 < self.elevation < 90:
            raise ValueError(f"the reference's elevation is {self.elevation} degrees, expected between -90 and 90")

    def over(self, background: Color, size: int) -> UInt8[Tensor, "3 size size"]:
        """The picture on a color, at another size.

        Colors are weighted by alpha before they are filtered. Half a gray is 127 of 255, as Zero123++ has it.
        """
        rgba = self.rgba.float() / 255
        premultiplied = torch.cat([rgba[:3] * rgba[3:], rgba[3:]])[None]
        if premultiplied.shape[-1] != size:
            premultiplied = interpolate(premultiplied, (size, size), mode="bicubic", antialias=True).clamp(0, 1)
        color, alpha = premultiplied[0, :3], premultiplied[0, 3:]
        below = torch.tensor([math.floor(255 * part) / 255 for part in background])[:, None, None]
        return ((color + (1 - alpha) * below).clamp(0, 1) * 255).round().to(torch.uint8)


@dataclass(frozen=True)
class GeneratedViews:
    """Pictures that a generator drew, and the cameras that it was conditioned on.

    The subject stands at the world's origin, z is up, and the reference's camera is at azimuth -90 degrees. The unit
    is the generator's own.

    Raises:
        ValueError: pictures and cameras do not fit each other, a color is outside of 0..1 or not finite, or there is no
            such row.
    """

    pictures: Float[Tensor, "view 3 height width"]
    """0..1, on the background"""
    cameras: Cameras
    background: Color
    reference_row: int | None
    """the view whose picture is the reference itself, not a copy that a network drew; None: no view is"""

    def __post_init__(self) -> None:
        found = (len(self.pictures), *self.pictures.shape[2:])
        expected = (len(self.cameras), self.cameras.height, self.cameras.width)
        if found != expected:
            raise ValueError(f"pictures [view, height, width] are {list(found)}, their cameras say {list(expected)}")
        if not bool(self.pictures.isfinite().all()):
            raise ValueError("a generated picture holds numbers that are not finite")
        low, high = float(self.pictures.min()), float(self.pictures.max())
        if low < 0 or high > 1 or not all(0 <= part <= 1 for part in self.background):
            raise ValueError(f"colors from {low} to {high} on {self.background}, expected 0 to 1")
        if self.reference_row is not None and not 0 <= self.reference_row < len(self.pictures):
            raise ValueError(f"the reference is row {self.reference_row} of {len(self.pictures)} views")


@runtime_checkable
class MultiViewGenerator(Protocol):
    """One picture in, posed views out."""

    def generate(
        self, reference: Reference, generator: torch.Generator, cameras: Cameras | None = None
    ) -> GeneratedViews:
        """Draw views of the reference's subject; random numbers come from `generator` alone.

        Args:
            reference: what is seen of the subject.
            generator: of random numbers.
            cameras: wanted, in the world of `GeneratedViews` and the generator's unit; None: the generator's own rig.

        Raises:
            ValueError: the generator cannot follow these cameras, or does not draw from a reference like this.
        """
        ...
