"""A laboratory's cameras as calibrated: lenses with distortion, one picture size each."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mouse_facelift.geometry.cameras import check_intrinsics, check_pose, invert_poses
from mouse_facelift.geometry.lenses import FISHEYE, ORDINARY

PRINCIPAL_POINT_MARGIN = 0.5  # of the picture's width or height; a crop may leave the axis outside, but not far
SAME_POSE = 1e-6  # relative to the rig's size; two cameras cannot stand in one place and look one way


@dataclass(frozen=True)
class Calibration:
    """Calibrated cameras in OpenCV's conventions, float64.

    The pixel origin is OpenCV's: the center of the top-left pixel is (0, 0). Readers bring other origins to it.

    Raises:
        ValueError: names the camera and what is wrong with it (mirrored or scaled rotation, NaN, a principal point far
            outside the picture, a name or a camera that stands there twice).
    """

    names: list[str]
    intrinsics: Float[Tensor, "view 3 3"]
    """px, OpenCV pixel origin"""
    distortion: Float[Tensor, "view coefficient"]
    """as OpenCV orders them: k1 k2 p1 p2 k3 and further ones, or the four of fisheye lenses; see `geometry.lenses`"""
    world_to_camera: Float[Tensor, "view 4 4"]
    """OpenCV axes; lengths in the file's unit"""
    image_sizes: Int[Tensor, "view 2"] | None
    """width, height in px; None where the format does not store it"""
    notes: list[str] = field(default_factory=list)
    """which conventions of the file were undone"""
    named: bool = True
    """whether the file names its cameras; False where they are called after their place in it"""

    def __post_init__(self) -> None:
        counts = {len(self.names), len(self.intrinsics), len(self.distortion), len(self.world_to_camera)}
        if self.image_sizes is not None:
            counts.add(len(self.image_sizes))
        if len(counts) > 1:
            raise ValueError(f"unequal numbers of names, intrinsics, distortions, poses, sizes: {sorted(counts)}")
        if self.distortion.shape[1] not in (FISHEYE, *ORDINARY):
            raise ValueError(
                f"{self.distortion.shape[1]} coefficients of distortion a camera, expected {FISHEYE} (OpenCV's fisheye"
                f" lens) or one of {list(ORDINARY)} (its ordinary lens)"
            )
        if twice := sorted({name for name in self.names if self.names.count(name) > 1}):
            raise ValueError(f"camera names stand there twice: {twice}")
        for view, name in enumerate(self.names):
            check_intrinsics(self.intrinsics[view], f"camera {name}: intrinsics")
            check_pose(self.world_to_camera[view], f"camera {name}: world_to_camera")
            if not bool(torch.isfinite(self.distortion[view]).all()):
                raise ValueError(f"camera {name}: distortion is not finite: {self.distortion[view].tolist()}")
        self._refuse_identical_cameras()
        self._refuse_distant_principal_points()

    def _refuse_identical_cameras(self) -> None:
        centers = self.centers
        size = float(torch.cdist(centers, centers).max()) if len(self.names) > 1 else 0.0
        for first in range(len(self.names)):
            for second in range(first + 1, len(self.names)):
                apart = float(torch.linalg.vector_norm(centers[first] - centers[second]))
                turned = float((self.world_to_camera[first] - self.world_to_camera[second])[:3, :3].abs().max())
                if apart <= SAME_POSE * max(size, 1e-12) and turned <= SAME_POSE:
                    raise ValueError(
                        f"cameras {self.names[first]!r} and {self.names[second]!r} are identical:"
                        f" same position {[round(x, 3) for x in centers[first].tolist()]} and same rotation"
                    )

    def _refuse_distant_principal_points(self) -> None:
        if self.image_sizes is None:
            return
        for name, K, (width, height) in zip(self.names, self.intrinsics, self.image_sizes.tolist(), strict=True):
            if width <= 0 or height <= 0:
                raise ValueError(f"camera {name}: image size: found {width} x {height} px")
            middle = torch.tensor([width / 2, height / 2], dtype=torch.float64)
            beyond = (K[:2, 2] - middle).abs() / middle
            if bool((beyond > 1 + 2 * PRINCIPAL_POINT_MARGIN).any()):
                cx, cy = K[:2, 2].tolist()
                raise ValueError(
                    f"camera {name}: principal point: found ({cx:.1f}, {cy:.1f}) px,"
                    f" expected it in or near the picture of {width} x {height} px"
                )

    def __len__(self) -> int:
        return len(self.names)

    @property
    def centers(self) -> Float[Tensor, "view 3"]:
        return invert_poses(self.world_to_camera)[:, :3, 3]

    def select(self, names: list[str]) -> "Calibration":
        """Take some cameras, in the order asked for.

        Raises:
            ValueError: a name is not there.
        """
        if missing := [name for name in names if name not in self.names]:
            raise ValueError(f"no camera {missing} in the calibration; it holds {self.names}")
        rows = [self.names.index(name) for name in names]
        sizes = None if self.image_sizes is None else self.image_sizes[rows]
        return Calibration(
            list(names),
            self.intrinsics[rows],
            self.distortion[rows],
            self.world_to_camera[rows],
            sizes,
            self.notes,
            self.named,
        )
