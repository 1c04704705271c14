"""Visual hulls: the largest body that has the given silhouettes."""

from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mouse_facelift.geometry.cameras import Cameras

COARSEST = 12  # cells along an edge from which subdivision starts
BOUNDING = 32  # cells along an edge by which a close cube is found
LEAST_VIEWS = 2  # one view bounds nothing in depth
EDGE = 5  # px; a silhouette within half of it of what its view does not see may go on there
CORNERS = tuple(product((0, 1), repeat=3))


@dataclass(frozen=True)
class Hull:
    """Occupied voxels of a cubic grid."""

    points: Float[Tensor, "voxel 3"]
    """their centers"""
    voxel_size: float
    """edge of a voxel, in the points' unit"""

    def __len__(self) -> int:
        return len(self.points)

    @property
    def middle(self) -> Float[Tensor, "3"]:
        """Middle of the bounding box: no point lies much further from it than half the body's length.

        Raises:
            ValueError: the hull is empty.
        """
        self._require_points()
        return (self.points.amin(0) + self.points.amax(0)) / 2

    def radius(self, center: Float[Tensor, "3"]) -> float:
        """Distance from `center` to the outermost corner of a voxel, at most."""
        self._require_points()
        furthest = torch.linalg.vector_norm(self.points - center, dim=-1).max()
        return float(furthest) + self.voxel_size * 3**0.5 / 2

    def surface(self) -> Float[Tensor, "surface 3"]:
        """Centers of the voxels that have an empty neighbor across one of their six faces."""
        self._require_points()
        x, y, z = (((self.points - self.points.amin(0)) / self.voxel_size).round().long() + 1).unbind(-1)
        occupied = torch.zeros(int(x.max()) + 2, int(y.max()) + 2, int(z.max()) + 2, dtype=torch.bool)
        occupied[x, y, z] = True
        inside = occupied[1:-1, 1:-1, 1:-1].clone()
        for axis in range(3):
            middle = [slice(1, -1)] * 3
            for neighbor in (slice(None, -2), slice(2, None)):
                middle[axis] = neighbor
                inside &= occupied[tuple(middle)]
        return self.points[~inside[x - 1, y - 1, z - 1]]

    def _require_points(self) -> None:
        if not len(self.points):
            raise ValueError("the visual hull is empty: no point lies in the silhouettes of all views that see it")


def carve(
    alphas: Float[Tensor, "view height width"] | Bool[Tensor, "view height width"],
    cameras: Cameras,
    center: Float[Tensor, "3"],
    radius: float,
    resolution: int,
    known: Bool[Tensor, "view height width"] | None = None,
) -> Hull:
    """Carve a cube of `resolution` voxels an edge, from `center` - `radius` to `center` + `radius`, by silhouettes.

    A voxel stays if its center projects into the silhouette (alpha above one half) of every view that sees it, and at
    least two (of one view: one) do. A view does not see what is behind it, outside its picture or on a pixel that is
    not `known`; but one whose silhouette ends before all these edges shows the whole body, so nothing is out there.
    Cells are divided from coarse to fine, and only those that can still hold such a voxel.

    Source: A. Laurentini, The visual hull concept for silhouette-based image understanding, PAMI 1994.
    """
    return _carve(_Silhouettes(alphas, cameras, known), center.double() - radius, 2 * radius, resolution)


def carve_closely(
    alphas: Float[Tensor, "view height width"] | Bool[Tensor, "view height width"],
    cameras: Cameras,
    center: Float[Tensor, "3"],
    radius: float,
    resolution: int,
    known: Bool[Tensor, "view height width"] | None = None,
) -> Hull:
    """As `carve`, of the smallest cube in which the hull can lie, so that all voxels go to the body.

    The cube is found from cells that may touch the hull, which never loses a thin part, as their centers alone would.
    """
    views = _Silhouettes(alphas, cameras, known)
    lower = center.double() - radius
    cell = 2 * radius / BOUNDING
    indices = _may_hold(views, lower, 2 * radius, BOUNDING, tested_to=1)
    if not len(indices):
        return Hull(torch.zeros(0, 3, dtype=torch.float64), 2 * radius / resolution)
    low, high = lower + indices.amin(0) * cell, lower + (indices.amax(0) + 1) * cell
    edge = float((high - low).max())
    return _carve(views, (low + high - edge) / 2, edge, resolution)


def visible(points: Float[Tensor, "point 3"], cameras: Cameras, spacing: float) -> Bool[Tensor, "view point"]:
    """Tell which points of a surface sampled every `spacing` each view sees: none lies well before them.

    Points are sorted into squares of the picture, two spacings wide; those within four spacings of the nearest in
    their square count as seen, which keeps what is slanted by up to 60 degrees.
    """
    pose = cameras.world_to_camera
    seen = torch.zeros(len(cameras), len(points), dtype=torch.bool)
    for view, pixels in enumerate(cameras.project(points)):
        depth = points @ pose[view, 2, :3] + pose[view, 2, 3]
        ahead = depth > 0
        if not bool(ahead.any()):
            continue
        square = 2 * spacing * float(cameras.fxfycxcy[view, :2].max() / depth[ahead].median())
        row_and_column = (pixels / square).clamp(-(2**20), 2**20).floor().long()
        _, cell = torch.unique(row_and_column @ torch.tensor([2**22, 1]), return_inverse=True)
        depth = depth.where(ahead, torch.inf)
        nearest = torch.full_like(depth, torch.inf).scatter_reduce(0, cell, depth, "amin")
        seen[view] = ahead & (depth <= nearest[cell] + 4 * spacing)
    return seen


def _carve(views: "_Silhouettes", lower: Float[Tensor, "3"], edge: float, resolution: int) -> Hull:
    voxel_size = edge / resolution
    points = _centers(_may_hold(views, lower, edge, resolution, tested_to=2), lower, voxel_size)
    return Hull(points[views.hit_by(points)], voxel_size)


def _may_hold(
    views: "_Silhouettes", lower: Float[Tensor, "3"], edge: float, resolution: int, tested_to: int
) -> Int[Tensor, "voxel 3"]:
    """Indices of the voxels that may touch the hull, found from coarse to fine, by tests of `tested_to` or more."""
    width = 1
    while resolution > COARSEST * width:
        width *= 2
    start = torch.arange(-(-resolution // width))
    indices = torch.cartesian_prod(start, start, start)
    while True:
        if width >= tested_to:
            size = edge / resolution * width
            indices = indices[views.touched_by(_centers(indices, lower, size), size * 3**0.5 / 2)]
        if width == 1:
            return indices
        width //= 2
        indices = (indices[:, None] * 2 + torch.tensor(CORNERS)).reshape(-1, 3)
        indices = indices[(indices * width < resolution).all(dim=-1)]


def _centers(indices: Int[Tensor, "cell 3"], lower: Float[Tensor, "3"], size: float) -> Float[Tensor, "cell 3"]:
    return lower + (indices.double() + 0.5) * size


class _Silhouettes:
    """What carving asks of the views."""

    def __init__(self, alphas: Tensor, cameras: Cameras, known: Bool[Tensor, "view height width"] | None) -> None:
        views, height, width = alphas.shape
        assert (views, height, width) == (len(cameras), cameras.height, cameras.width)
        masks = alphas if alphas.dtype == torch.bool else alphas > 0.5
        known = torch.ones_like(masks) if known is None else known
        self.size = torch.tensor([width, height])
        self.least_views = min(LEAST_VIEWS, views)
        self.centers = cameras.centers.double()
        self.world_to_camera = cameras.world_to_camera.float()
        self.intrinsics = cameras.intrinsics.float()
        self.focal = self.intrinsics[:, :2, :2].abs().sum(-1).amax(-1)
        # A border of one pixel stands for all that is outside the picture.
        masks, known = (torch.nn.functional.pad(pixels, (1, 1, 1, 1)) for pixels in (masks, known))
        unknown = (~known).numpy().astype(np.uint8)
        beside = np.stack([cv2.dilate(pixels, np.ones((EDGE, EDGE), np.uint8)) for pixels in unknown])
        at_edge = masks & torch.from_numpy(beside > 0)
        self.whole = masks.flatten(1).any(-1) & ~at_edge.flatten(1).any(-1)
        self.judged = known | self.whole[:, None, None]
        self.stands = masks | ~self.judged
        self.to_judged = _distances(self.judged)
        self.to_standing = _distances(self.stands)

    def touched_by(self, centers: Float[Tensor, "cell 3"], half_diagonal: float) -> Bool[Tensor, "cell"]:
        """Tell which balls may hold a point that every view leaves standing."""
        stays = torch.ones(len(centers), dtype=torch.bool)
        judges = torch.zeros(len(centers), dtype=torch.long)
        for view in range(len(self.focal)):
            local, pixels = self._project(view, centers[stays])
            gap = local[:, 2] - half_diagonal
            ahead = gap > 0
            # |d(x/z)| <= |dX| sqrt(1 + (x/z)^2 + (y/z)^2) / (z - |dX|); 2 px cover the rounding to pixels
            slope = torch.linalg.vector_norm(local, dim=-1) / local[:, 2]
            reach = (self.focal[view] * half_diagonal * slope / gap + 2).where(ahead, torch.inf)
            rows, columns = self._bordered_cells(pixels, ahead)
            outside = torch.maximum(-pixels, pixels - self.size).amax(-1)
            to_standing = self.to_standing[view][rows, columns]
            if bool(self.whole[view]):
                judges[stays] += 1
                possible = torch.maximum(to_standing, outside) <= reach
            else:
                judges[stays] += torch.maximum(self.to_judged[view][rows, columns], outside) <= reach
                possible = to_standing <= reach
            stays[stays.clone()] = possible | ~ahead
        return stays & (judges >= self.least_views)

    def hit_by(self, points: Float[Tensor, "point 3"]) -> Bool[Tensor, "point"]:
        """Tell which points every view that sees them leaves standing."""
        stays = torch.ones(len(points), dtype=torch.bool)
        judges = torch.zeros(len(points), dtype=torch.long)
        for view in range(len(self.focal)):
            local, pixels = self._project(view, points[stays])
            rows, columns = self._bordered_cells(pixels, local[:, 2] > 0)
            judges[stays] += self.judged[view][rows, columns]
            stays[stays.clone()] = self.stands[view][rows, columns]
        return stays & (judges >= self.least_views)

    def _project(
        self, view: int, points: Float[Tensor, "point 3"]
    ) -> tuple[Float[Tensor, "point 3"], Float[Tensor, "point 2"]]:
        """Bring points to camera axes and to pixels."""
        pose = self.world_to_camera[view]
        local = (points - self.centers[view]).float() @ pose[:3, :3].T
        return local, local @ self.intrinsics[view, :2].T / local[:, 2:]

    def _bordered_cells(
        self, pixels: Float[Tensor, "point 2"], ahead: Bool[Tensor, "point"]
    ) -> tuple[Int[Tensor, "point"], Int[Tensor, "point"]]:
        """Row and column in a picture with a border of one pixel, on which all lies that is outside or behind."""
        cells = (pixels + 1).where(ahead[:, None], 0).clamp(torch.zeros(2), self.size + 1).long()
        return cells[:, 1], cells[:, 0]


def _distances(masks: Bool[Tensor, "view height width"]) -> Float[Tensor, "view height width"]:
    """Distance of each pixel from the nearest of the mask, px."""
    distances = torch.zeros(masks.shape)
    for view, outside in enumerate((~masks).numpy()):
        if outside.any():
            found = cv2.distanceTransform(outside.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            distances[view] = torch.from_numpy(found)
    return distances
