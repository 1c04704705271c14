"""How far from cameras the surface of a hull is, pixel by pixel."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.hull import Hull

HALVINGS = 4  # of the half voxel within which a ray was found to enter the hull


def hull_depths(hull: Hull, cameras: Cameras) -> Float[Tensor, "view height width"]:
    """Follow the ray through every pixel's center to the first voxel: depth along the axis, infinite without one.

    In the hull's unit, to a thirty-second of a voxel. A ray that cuts less than half a voxel off a corner may miss it.

    Raises:
        ValueError: the hull is empty.
    """
    grid = _Grid(hull)
    directions = _directions(cameras).reshape(-1, 3)
    origins = cameras.centers.double().repeat_interleave(cameras.height * cameras.width, dim=0)
    first, last = grid.crossing(origins, directions)
    depths = torch.full_like(first, torch.inf)
    rays = (first < last).nonzero()[:, 0]
    # Depth, not length, measures the way along a ray: a step is half a voxel at most.
    lengths = torch.linalg.vector_norm(directions, dim=-1)
    step = hull.voxel_size / 2 / lengths
    at = first.clone()
    while len(rays):
        inside = grid.holds(origins[rays] + at[rays, None] * directions[rays])
        hits = rays[inside]
        depths[hits] = at[hits]
        rays = rays[~inside]
        at[rays] += step[rays]
        rays = rays[at[rays] <= last[rays]]
    hits = depths.isfinite().nonzero()[:, 0]
    before = (depths[hits] - step[hits]).clamp(min=first[hits])
    behind = depths[hits]
    for _ in range(HALVINGS):
        middle = (before + behind) / 2
        inside = grid.holds(origins[hits] + middle[:, None] * directions[hits])
        before, behind = torch.where(inside, before, middle), torch.where(inside, middle, behind)
    depths[hits] = behind
    return depths.reshape(len(cameras), cameras.height, cameras.width)


def _directions(cameras: Cameras) -> Float[Tensor, "view height width 3"]:
    """World directions through the pixels' centers, one unit long along the camera's axis."""
    rows, columns = torch.meshgrid(
        torch.arange(cameras.height, dtype=torch.float64) + 0.5,
        torch.arange(cameras.width, dtype=torch.float64) + 0.5,
        indexing="ij",
    )
    pixels = torch.stack([columns, rows, torch.ones_like(rows)], dim=-1)
    turns = cameras.camera_to_world[:, :3, :3].double() @ torch.linalg.inv(cameras.intrinsics.double())
    return torch.einsum("hwj,vij->vhwi", pixels, turns)


class _Grid:
    """A hull's voxels, to be asked by place."""

    def __init__(self, hull: Hull) -> None:
        points = hull.points.double()
        if not len(points):
            raise ValueError("an empty hull has no surface")
        self.size = hull.voxel_size
        self.low = points.amin(0) - self.size / 2
        self.high = points.amax(0) + self.size / 2
        self.shape = ((self.high - self.low) / self.size).round().long()
        self.occupied: Bool[Tensor, "x y z"] = torch.zeros(*self.shape.tolist(), dtype=torch.bool)
        self.occupied[self._cells(points).unbind(-1)] = True

    def holds(self, points: Float[Tensor, "point 3"]) -> Bool[Tensor, " point"]:
        """Tell which points of the grid's box lie in a voxel."""
        return self.occupied[self._cells(points).unbind(-1)]

    def crossing(
        self, origins: Float[Tensor, "ray 3"], directions: Float[Tensor, "ray 3"]
    ) -> tuple[Float[Tensor, " ray"], Float[Tensor, " ray"]]:
        """Where rays enter and leave the box, in lengths of their directions; what is behind an origin is left out."""
        flat = torch.where(directions.abs() < 1e-12, 1e-12, directions)
        ends = torch.stack([(self.low - origins) / flat, (self.high - origins) / flat])
        return ends.amin(0).amax(-1).clamp(min=0), ends.amax(0).amin(-1)

    def _cells(self, points: Float[Tensor, "point 3"]) -> Int[Tensor, "point 3"]:
        cells = ((points - self.low) / self.size).floor().long()
        return torch.minimum(cells.clamp(min=0), self.shape - 1)
