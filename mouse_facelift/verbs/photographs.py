"""Photographs of an animal, one at a time: shown to a view generator as the front of what it draws."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Bool, UInt8

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.geometry.contract import contract_intrinsics
from mouse_facelift.imaging.resample import lens_map, resample
from mouse_facelift.mvdiffusion.canonical import released_cameras
from mouse_facelift.settings import CameraContract
from mouse_facelift.verbs.drawing import Drawing
from mouse_facelift.verbs.moments import Moment

NO_LENS = np.zeros(5)  # coefficients of distortion


@dataclass(frozen=True)
class Photograph:
    """A picture of an animal and its mask."""

    source: str
    """file, and of a video the frame"""
    name: str
    """for files"""
    pixels: UInt8[np.ndarray, "height width 3"]
    mask: Bool[np.ndarray, "_ _"]

    def __post_init__(self) -> None:
        """Raises ValueError for a mask that is empty, or covers everything, or of another size."""
        if self.mask.shape != self.pixels.shape[:2]:
            found, expected = ("{1} x {0}".format(*shape) for shape in (self.mask.shape, self.pixels.shape[:2]))
            raise ValueError(f"{self.source}: mask: found {found} px, expected {expected} as the picture")
        if not self.mask.any():
            raise ValueError(f"{self.source}: mask: empty; expected the animal")
        if self.mask.all():
            raise ValueError(f"{self.source}: mask: covers everything; expected the animal alone")

    @property
    def cut(self) -> bool:
        """Whether the animal reaches the picture's edge."""
        edges = self.mask[0], self.mask[-1], self.mask[:, 0], self.mask[:, -1]
        return any(bool(edge.any()) for edge in edges)


@dataclass(frozen=True)
class Photographs:
    """A moment each; none of them knows of the others."""

    given: tuple[Path, ...]
    """files of pictures and masks"""
    count: int
    read: Callable[[], Iterator[Photograph]]
    drawing: Drawing
    radius: float
    """world units that the animal gets, as of a normalization of mode `fill`"""

    @property
    def files(self) -> list[Path]:
        return list(self.given)

    def __len__(self) -> int:
        return self.count

    def moments(self) -> Iterator[Moment]:
        """Frame each photograph and draw its views. Raises as `Source.moments`."""
        contract = self.drawing.contract
        for photograph in self.read():
            framed = frame_photograph(photograph, self.radius, contract)
            front = Sample(photograph.name, released_cameras(contract)[[0]], torch.from_numpy(framed)[None])
            drawn, names = self.drawing.draw(front)
            remarks = [
                f"view {name} shows nothing" for name, view in zip(names, drawn.alpha, strict=True) if not view.any()
            ]
            if photograph.cut:
                remarks.insert(0, "the animal reaches the photograph's edge: what lies beyond it is not known")
            yield Moment(photograph.source, drawn, names, self.radius, (), framed, None, tuple(remarks))


def frame_photograph(
    photograph: Photograph, radius: float, contract: CameraContract
) -> UInt8[np.ndarray, "size size 4"]:
    """Bring a photograph to where the generator has its front view: straight on, at elevation 0, from the distance.

    Nothing tells how the photograph was taken: the camera is taken to stand level with the animal and to look at it.
    The middle of the mask's box becomes the middle of the picture, and the mask's furthest pixel from there lies as
    far off as a point of the animal's plane that is `radius` from it, as the hull's furthest point does where a
    recording is normalized by `fill`. An animal that is foreshortened is shown too large. One resampling.

    Args:
        photograph: of the animal.
        radius: world units.
        contract: of the camera.
    """
    x, y, width, height = cv2.boundingRect(photograph.mask.view(np.uint8))
    middle = np.array([x + (width - 1) / 2, y + (height - 1) / 2])
    rows, columns = np.nonzero(photograph.mask)
    reach = float(np.hypot(columns - middle[0], rows - middle[1]).max()) + 0.5
    wanted = contract.focal * radius / contract.distance
    focal = contract.focal * reach / wanted
    K = np.array([[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1]])
    size = contract.image_size
    sampling = lens_map(K, NO_LENS, np.eye(3), contract_intrinsics(contract).numpy(), size, size, photograph.mask)
    return resample(photograph.pixels, photograph.mask, sampling)
