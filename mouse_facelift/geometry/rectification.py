"""Pictures whose pixels were moved to where another camera sees a surface whose depth is known."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.geometry.cameras import Cameras

_STEPS = 30


@dataclass(frozen=True)
class Rectification:
    """Each pixel of a told camera shows what the taken camera saw in the direction of the surface behind that pixel.

    Where the taken camera saw that very point of the surface, the picture is the told camera's own. Where it did not
    (a rim that only the told camera sees, or a part behind another), the pixel shows what stands before it, or nothing;
    what the taken camera alone saw is shown nowhere.
    """

    taken: Cameras
    told: Cameras
    depths: Float[Tensor, "view height width"]
    """along the told camera's axis at each pixel's center, world units; known for pixels beside the surface, too"""

    def points(self) -> Float[Tensor, "view height width 3"]:
        """World points of the surface behind the pixels' centers."""
        height, width = self.depths.shape[1:]
        rows, columns = torch.meshgrid(
            torch.arange(height, dtype=torch.float64) + 0.5,
            torch.arange(width, dtype=torch.float64) + 0.5,
            indexing="ij",
        )
        pixels = torch.stack([columns, rows], dim=-1).reshape(1, -1, 2).expand(len(self.told), -1, 2)
        return self._behind(pixels, self.depths.flatten(1)).reshape(*self.depths.shape, 3)

    def shown(self, points: Float[Tensor, "point 3"]) -> Float[Tensor, "view point 2"]:
        """Find where the pictures show world points: the pixels whose surface lies on the taken camera's ray to them.

        Found by steps of the miss on the taken picture, whose scale is nearly the told one's; where the surface is so
        steep that pixels fold over one another, it is one place of several.
        """
        aims = self.taken.project(points)
        pixels = self.told.project(points)
        for _ in range(_STEPS):
            surface = self._behind(pixels, self._depths_at(pixels))
            misses = torch.stack([self.taken[[v]].project(surface[v])[0] for v in range(len(surface))]) - aims
            pixels = pixels - misses
        return pixels

    def _depths_at(self, pixels: Float[Tensor, "view point 2"]) -> Float[Tensor, "view point"]:
        """Interpolate between pixels' centers; beyond the picture's edge, the edge's."""
        height, width = self.depths.shape[1:]
        grid = 2 * pixels / torch.tensor([width, height]) - 1
        sampled: Tensor = torch.nn.functional.grid_sample(
            self.depths[:, None], grid[:, None], mode="bilinear", padding_mode="border", align_corners=False
        )
        return sampled[:, 0, 0]

    def _behind(
        self, pixels: Float[Tensor, "view point 2"], depths: Float[Tensor, "view point"]
    ) -> Float[Tensor, "view point 3"]:
        local = torch.nn.functional.pad(pixels, (0, 1), value=1.0) @ torch.linalg.inv(self.told.intrinsics).mT
        pose = self.told.camera_to_world
        world: Tensor = (local * depths[..., None]) @ pose[:, :3, :3].mT + pose[:, None, :3, 3]
        return world
