"""What the CPU rasterizer is measured against: the same pictures from vectorized torch, gradients by autograd.

Tiles of like list length are drawn together, a few list places at a time, so that padding wastes little and finished
tiles stop early. The conventions are those of `mouse_facelift.rendering.rasterize`.
"""

import torch
from einops import rearrange
from torch import Tensor

TILE = 8  # px
TILES_AT_ONCE = 256
PLACES_AT_ONCE = 64
LEAST_ALPHA, MAX_ALPHA, LEAST_TRANSMITTANCE = 1 / 255, 0.999, 1e-4
FIELD_OF_VIEW_MARGIN = 0.15


def rasterize_with_torch(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    viewmats: Tensor,
    Ks: Tensor,
    width: int,
    height: int,
    backgrounds: Tensor,
    near_plane: float = 0.01,
    far_plane: float = 1e10,
    eps2d: float = 0.3,
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw rgb, alpha and expected depth, as `mouse_facelift.rendering.rasterize` does."""
    pictures = []
    for viewmat, K, background in zip(viewmats, Ks, backgrounds, strict=True):
        near = _nearest_first(means, viewmat, opacities, near_plane, far_plane)
        center, inverse, z, box = _project(
            means[near], quats[near], scales[near], opacities[near], viewmat, K, width, height, eps2d
        )
        starts, members = _lists(box, -(-height // TILE), -(-width // TILE))
        features = torch.cat([colors[near], z[:, None]], dim=1)
        drawn, through = _composite(center, inverse, opacities[near], features, starts, members, width, height)
        alpha = 1 - through
        rgb = drawn[..., :3] + through * background
        pictures.append((rgb, alpha, drawn[..., 3:] / alpha.clamp(min=1e-10)))
    rgbs, alphas, depths = zip(*pictures, strict=True)
    return torch.stack(rgbs), torch.stack(alphas), torch.stack(depths)


@torch.no_grad()
def _nearest_first(means: Tensor, viewmat: Tensor, opacities: Tensor, near_plane: float, far_plane: float) -> Tensor:
    z = means @ viewmat[2, :3] + viewmat[2, 3]
    order = torch.argsort(z, stable=True)
    kept = (z >= near_plane) & (z <= far_plane) & (opacities >= LEAST_ALPHA)
    return order[kept[order]]


def _project(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    viewmat: Tensor,
    K: Tensor,
    width: int,
    height: int,
    eps2d: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Centers, inverse covariances (xx, xy, yy), depths, and boxes of tiles: columns [x0, x1), rows [y0, y1)."""
    w, x, y, z = torch.nn.functional.normalize(quats, dim=1).unbind(1)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    half_axes = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1) * scales[:, None]
    axes_x, axes_y, axes_z = (viewmat[:3, :3] @ half_axes).unbind(1)
    px, py, pz = (means @ viewmat[:3, :3].T + viewmat[:3, 3]).unbind(1)
    fx, fy, cx, cy = K[0, 0], K[1, 1], K[0, 2], K[1, 2]
    slope_x, slope_y = px / pz, py / pz
    beyond_x, beyond_y = FIELD_OF_VIEW_MARGIN * width / fx, FIELD_OF_VIEW_MARGIN * height / fy
    clamped_x = slope_x.clamp(-(cx / fx + beyond_x), (width - cx) / fx + beyond_x)
    clamped_y = slope_y.clamp(-(cy / fy + beyond_y), (height - cy) / fy + beyond_y)
    on_x = (fx / pz)[:, None] * (axes_x - clamped_x[:, None] * axes_z)
    on_y = (fy / pz)[:, None] * (axes_y - clamped_y[:, None] * axes_z)
    xx, xy, yy = (on_x * on_x).sum(1) + eps2d, (on_x * on_y).sum(1), (on_y * on_y).sum(1) + eps2d
    inverse = torch.stack([yy, -xy, xx], dim=1) / (xx * yy - xy * xy)[:, None]
    center = torch.stack([fx * slope_x + cx, fy * slope_y + cy], dim=1)
    with torch.no_grad():
        reach = torch.sqrt(2 * torch.log(opacities / LEAST_ALPHA))[:, None] * torch.stack([xx, yy], dim=1).sqrt() + 1
        tiles = torch.tensor([-(-width // TILE), -(-height // TILE)])
        low = ((center - reach) / TILE).floor().clamp(min=0).minimum(tiles).long()
        high = ((center + reach) / TILE).ceil().clamp(min=0).minimum(tiles).long()
    return center, inverse, pz, torch.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], dim=1)


@torch.no_grad()
def _lists(box: Tensor, tiles_high: int, tiles_wide: int) -> tuple[Tensor, Tensor]:
    """Of each tile the Gaussians that may reach it, nearest first: where its list starts, and the lists."""
    x0, x1, y0, y1 = box.unbind(1)
    wide, counts = x1 - x0, (x1 - x0) * (y1 - y0)
    members = torch.repeat_interleave(torch.arange(len(box)), counts)
    within = torch.arange(len(members)) - torch.repeat_interleave(counts.cumsum(0) - counts, counts)
    tiles = (y0[members] + within // wide[members]) * tiles_wide + x0[members] + within % wide[members]
    tiles, order = torch.sort(tiles, stable=True)
    lengths = torch.bincount(tiles, minlength=tiles_high * tiles_wide)
    return torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)]), members[order]


def _composite(
    center: Tensor,
    inverse: Tensor,
    opacities: Tensor,
    features: Tensor,
    starts: Tensor,
    members: Tensor,
    width: int,
    height: int,
) -> tuple[Tensor, Tensor]:
    """Weighted features and transmittance of every pixel."""
    tiles_high, tiles_wide = -(-height // TILE), -(-width // TILE)
    by_length = torch.argsort(starts.diff(), descending=True)
    parts = [
        _composite_tiles(center, inverse, opacities, features, starts, members, tiles, tiles_wide)
        for tiles in by_length.split(TILES_AT_ONCE)
    ]
    back = torch.argsort(by_length)
    drawn, through = (torch.cat(part)[back] for part in zip(*parts, strict=True))

    def picture(tiled: Tensor) -> Tensor:
        whole = rearrange(
            tiled, "(row column) (y x) feature -> (row y) (column x) feature", row=tiles_high, y=TILE, x=TILE
        )
        return whole[:height, :width]

    return picture(drawn), picture(through[..., None])


def _composite_tiles(
    center: Tensor,
    inverse: Tensor,
    opacities: Tensor,
    features: Tensor,
    starts: Tensor,
    members: Tensor,
    tiles: Tensor,
    tiles_wide: int,
) -> tuple[Tensor, Tensor]:
    lengths = starts[tiles + 1] - starts[tiles]
    offsets = torch.arange(TILE * TILE)
    pixel_x = (tiles % tiles_wide * TILE)[:, None] + offsets % TILE + 0.5
    pixel_y = (tiles // tiles_wide * TILE)[:, None] + offsets // TILE + 0.5
    through = center.new_ones(len(tiles), TILE * TILE)
    drawn = center.new_zeros(len(tiles), TILE * TILE, features.shape[1])
    open_pixels = torch.ones_like(through, dtype=torch.bool)
    for first in range(0, int(lengths.max()), PLACES_AT_ONCE):
        busy = torch.nonzero((lengths > first) & open_pixels.any(1)).flatten()
        if len(busy) == 0:
            break
        places = torch.arange(first, min(first + PLACES_AT_ONCE, int(lengths[busy].max())))
        listed = places < lengths[busy, None]
        ids = members[(starts[tiles[busy], None] + places).clamp(max=len(members) - 1)]
        dx = center[ids, 0, None] - pixel_x[busy, None]
        dy = center[ids, 1, None] - pixel_y[busy, None]
        xx, xy, yy = inverse[ids][..., None].unbind(2)
        sigma = 0.5 * (xx * dx * dx + yy * dy * dy) + xy * dx * dy
        alpha = (opacities[ids][..., None] * torch.exp(-sigma)).clamp(max=MAX_ALPHA)
        reached = (sigma >= 0) & (alpha >= LEAST_ALPHA) & listed[..., None] & open_pixels[busy, None]
        alpha = torch.where(reached, alpha, 0)
        entering = through[busy]
        with torch.no_grad():
            passes = entering[:, None] * torch.cumprod(1 - alpha, dim=1) > LEAST_TRANSMITTANCE
        alpha = torch.where(passes, alpha, 0)
        after = entering[:, None] * torch.cumprod(1 - alpha, dim=1)
        before = torch.cat([entering[:, None], after[:, :-1]], dim=1)
        added = torch.einsum("tkp, tkf -> tpf", alpha * before, features[ids])
        drawn = drawn.index_add(0, busy, added)
        through = through.index_copy(0, busy, after[:, -1])
        open_pixels[busy] &= passes.all(1)
    return drawn, through
