"""Hulls of any of the views of one frame, small and quick: enough to tell which masks agree.

Each view is seen through a window, a coarse pinhole that looks at the animal. A grid of cells about the animal notes
which views reject each cell; the hull of some views is what none of them rejects, so one carving serves them all.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int

from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.hull import CORNERS
from mouse_facelift.geometry.rotations import rotation_to_z
from mouse_facelift.imaging.resample import SamplingMap, lens_map

HALVINGS = 2  # from the first grid to the finest
SLANT = 1.1  # a ball beside the axis is seen this much larger, at most, in a window 50 degrees wide
TOUCHED = 0.25  # alpha from which a cell may stand: a tail thinner than a window's pixel does
OWN = 0.5  # alpha from which a pixel is of the mask
NEAREST = 0.3  # of a camera's distance; a window never opens wider than for an animal this far off
_CORNERS = np.array(CORNERS) - 0.5


@dataclass(frozen=True)
class Window:
    """A square pinhole at a camera's center that looks at a point and shows a ball around it."""

    rotation: Float[np.ndarray, "3 3"]
    """world to window"""
    center: Float[np.ndarray, "3"]
    focal: float
    """px"""
    side: int
    """px"""
    sampling: SamplingMap
    """into the raw picture"""
    known: Bool[np.ndarray, "side side"]
    """False where the raw picture shows nothing"""

    def project(
        self, points: Float[np.ndarray, "point 3"]
    ) -> tuple[Int[np.ndarray, "point"], Float[np.ndarray, "point"]]:
        """Pixel (row * side + column; the nearest at the edge for what is outside) and depth of each point."""
        x, y, depth = self.rotation @ (points - self.center).T
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(depth > 0, self.focal / depth, 0)
        last = self.side - 1
        column = np.clip(x * scale + self.side / 2, 0, last).astype(np.int32)
        row = np.clip(y * scale + self.side / 2, 0, last).astype(np.int32)
        return row * self.side + column, depth

    def widest(self, point: Float[np.ndarray, "3"], radius: float, edge: float) -> float:
        """Width in px of the nearest cell of a ball that the window shows."""
        distance = float(np.linalg.norm(point - self.center))
        return self.focal * edge / max(distance - radius, NEAREST * distance)


def open_window(
    calibration: Calibration,
    view: int,
    point: Float[np.ndarray, "3"],
    radius: float,
    side: int,
    shape: tuple[int, int],
) -> Window:
    """Look with one camera at a ball, mm; `shape` is that of its raw pictures, height and width.

    Raises:
        ValueError: the camera stands at the point.
    """
    pose = calibration.world_to_camera[view].numpy()
    local = pose[:3, :3] @ point + pose[:3, 3]
    distance = float(np.linalg.norm(local))
    turn = rotation_to_z(torch.from_numpy(local)).numpy()
    edge = max(distance**2 - radius**2, (NEAREST * distance) ** 2) ** 0.5
    focal = side / 2 * edge / radius
    K = np.array([[focal, 0, side / 2], [0, focal, side / 2], [0, 0, 1]])
    lens = calibration.intrinsics[view].numpy(), calibration.distortion[view].numpy()
    sampling = lens_map(*lens, turn, K, side, side)
    height, width = shape
    return Window(
        turn @ pose[:3, :3], -pose[:3, :3].T @ pose[:3, 3], focal, side, sampling, sampling.inside(width, height)
    )


class LocalHulls:
    """Which views reject which cells of a cube about the animal.

    Cells that more than `spared` of the `trusted` views reject are not kept. So `cover` and `silhouette` may be asked
    for the trusted views without so many of them, and for these with further ones; two views must be left.

    A hull is drawn up to a cell too large on all sides rather than too small, so that thin parts are never lost.

    Args:
        windows: of all views.
        masks: of all views, in the pictures of their windows: part of each pixel that is animal; None without a mask.
        trusted: the views that say where the animal is, at least two.
        point: middle of the cube, mm.
        radius: half the cube's edge, mm.
        resolution: cells along an edge, rounded up to whole coarse ones.
        spared: the more, the slower; never so many that fewer than two views are left.
    """

    def __init__(
        self,
        windows: Sequence[Window],
        masks: Sequence[Float32[np.ndarray, "side side"] | None],
        trusted: Collection[int],
        point: Float[np.ndarray, "3"],
        radius: float,
        resolution: int,
        spared: int = 1,
    ) -> None:
        self._views = {
            view: _Silhouette(window, mask)
            for view, (window, mask) in enumerate(zip(windows, masks, strict=True))
            if mask is not None
        }
        judges = [self._views[view] for view in trusted]
        allowed = min(spared, len(judges) - 2)
        first = -(-resolution // 2**HALVINGS)
        edge = 2 * radius / first
        middles = point - radius + (np.arange(first)[:, None] + 0.5) * edge
        points = np.stack(np.meshgrid(*middles.T, indexing="ij"), axis=-1).reshape(-1, 3)
        for _ in range(HALVINGS):
            reach = edge * 3**0.5 / 2  # whatever of the cell may touch the hull
            points = points[_count(judge.rejects(points, reach)[0] for judge in judges) <= allowed]
            edge /= 2
            points = (points[:, None] + _CORNERS * edge).reshape(-1, 3)
        points = points[_count(judge.rejects(points, edge / 2)[0] for judge in judges) <= allowed]
        found = {view: silhouette.rejects(points, edge / 2) for view, silhouette in self._views.items()}
        self._rejected = {view: rejected for view, (rejected, _) in found.items()}
        self._pixels = {view: pixels for view, (_, pixels) in found.items()}
        self._cells = {view: silhouette.window.widest(point, radius, edge) for view, silhouette in self._views.items()}

    def silhouette(self, views: Collection[int], seen_by: int, but: int = 0) -> Bool[np.ndarray, "side side"]:
        """What no more than `but` (0 or 1) of some views reject, in another's window or one of theirs."""
        side = self._views[seen_by].window.side
        stands = _count(self._rejected[view] for view in views) <= but
        drawn = np.zeros(side * side, np.uint8)
        drawn[self._pixels[seen_by][stands]] = 1
        width = 2 * round(self._cells[seen_by] / 2) + 1
        return np.asarray(cv2.dilate(drawn.reshape(side, side), np.ones((width, width), np.uint8))) > 0

    def cover(self, views: Collection[int], of: int) -> float:
        """Part of a view's mask that the hull of some views covers, 0 to 1; 0 where its window shows no mask."""
        own = self._views[of].own
        return float((self.silhouette(views, of) & own).sum() / max(own.sum(), 1))


class _Silhouette:
    """A mask in its window."""

    def __init__(self, window: Window, mask: Float32[np.ndarray, "side side"]) -> None:
        self.window = window
        self.own = (mask > OWN) & window.known
        stands = (mask > TOUCHED) | ~window.known
        self._away = np.zeros(mask.size, np.float32)
        if not stands.all():
            away = cv2.distanceTransform((~stands).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
            self._away = away.ravel() if stands.any() else np.full(mask.size, np.inf, np.float32)

    def rejects(
        self, points: Float[np.ndarray, "point 3"], reach: float
    ) -> tuple[Bool[np.ndarray, "point"], Int[np.ndarray, "point"]]:
        """Tell which balls of radius `reach` miss the mask, and the pixels of their middles."""
        pixels, depths = self.window.project(points)
        ahead = depths > 2 * reach
        radii = SLANT * self.window.focal * reach / np.maximum(depths - reach, reach)
        return (self._away[pixels] > radii) & ahead, pixels


def _count(rejections: Iterable[Bool[np.ndarray, "point"]]) -> Int[np.ndarray, "point"]:
    return np.asarray(np.sum(list(rejections), axis=0, dtype=np.int64))
