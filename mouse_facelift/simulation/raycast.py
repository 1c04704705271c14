"""Pictures of ellipsoid animals, exact up to the number of samples a pixel."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from mouse_facelift.simulation.ellipsoids import Animal, Lights
from mouse_facelift.simulation.kernels import draw_views, trace_lens

UNSETTLED = 200  # steps after which trace_lens gives up


@dataclass(frozen=True)
class Lenses:
    """What every sample of every view sees, in camera axes: made once, used for all frames.

    intrinsics count pixels from the picture's outer corner (pixel centers at +0.5); distortion is OpenCV's
    k1 k2 p1 p2 k3. Views with equal numbers share one set of rays.

    Raises:
        ValueError: a skewed intrinsic matrix, or a lens so strong that it folds inside the picture.
    """

    intrinsics: Float[np.ndarray, "view 3 3"]
    distortion: Float[np.ndarray, "view 5"]
    width: int
    height: int
    samples: int
    rays: Float[np.ndarray, "set sample_row sample_column 2"]
    ray_sets: Int[np.ndarray, "view"]

    @cached_property
    def numbers(self) -> Float[np.ndarray, "view 13"]:
        """fx fy cx cy, k1 k2 p1 p2 k3, and the field of view's x and y range on the plane z = 1, of each view."""
        K = self.intrinsics
        ranges = [[side for axis in (0, 1) for side in (r[..., axis].min(), r[..., axis].max())] for r in self.rays]
        return np.concatenate(
            [
                np.stack([K[:, 0, 0], K[:, 1, 1], K[:, 0, 2], K[:, 1, 2]], axis=1),
                self.distortion,
                np.array(ranges)[self.ray_sets],
            ],
            axis=1,
        )


def trace_lenses(
    intrinsics: Float[np.ndarray, "view 3 3"],
    distortion: Float[np.ndarray, "view 5"] | None,
    width: int,
    height: int,
    samples: int,
) -> Lenses:
    """Trace samples x samples rays a pixel through each lens; no distortion means pinholes.

    Raises:
        ValueError: as `Lenses`.
    """
    intrinsics = np.asarray(intrinsics, dtype=np.float64)
    lens = np.zeros((len(intrinsics), 5)) if distortion is None else np.asarray(distortion, dtype=np.float64)
    if np.abs(intrinsics[:, 0, 1]).max() > 0:
        raise ValueError(f"intrinsics must have no skew; found {intrinsics[:, 0, 1].tolist()}")
    keys = np.concatenate([intrinsics.reshape(len(intrinsics), 9), lens], axis=1)
    unique, ray_sets = np.unique(keys, axis=0, return_inverse=True)
    rays = np.empty((len(unique), height * samples, width * samples, 2))
    for number, key in enumerate(unique):
        steps = trace_lens(rays[number], key[0], key[4], key[2], key[5], key[9:].copy(), samples)
        if steps == UNSETTLED:
            raise ValueError(f"distortion {key[9:].tolist()} folds inside the {width} x {height} picture")
    return Lenses(intrinsics, lens, width, height, samples, rays, ray_sets.reshape(-1))


def cast(
    animal: Animal, lights: Lights, camera_to_world: Float[np.ndarray, "view 4 4"], lenses: Lenses, bands: int = 1
) -> tuple[Float[np.ndarray, "view height width 4"], Float[np.ndarray, "view height width"]]:
    """Draw an animal over nothing.

    Returns premultiplied RGBA in [0, 1] (color as displayed, averaged as it is), and the mean distance along the
    optical axis of the samples that hit, in world units, 0 where none did. `bands` splits each view's rows among
    threads; it changes no value.
    """
    views = len(camera_to_world)
    if views != len(lenses.intrinsics):
        raise ValueError(f"{views} cameras but {len(lenses.intrinsics)} lenses")
    rgba = np.zeros((views, lenses.height, lenses.width, 4))
    depth = np.zeros((views, lenses.height, lenses.width))
    cameras = np.ascontiguousarray(camera_to_world, dtype=np.float64)
    draw_views(
        animal.pose,
        animal.coat,
        lights,
        cameras,
        lenses.numbers,
        lenses.ray_sets,
        lenses.rays,
        lenses.samples,
        bands,
        rgba,
        depth,
    )
    return rgba, depth
