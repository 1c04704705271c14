"""From where the views of a frame are taken, and from where its sample says that they are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.carving.pinholes import turned_cameras
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.cameras import Cameras, invert_poses
from mouse_facelift.geometry.contract import contract_intrinsics
from mouse_facelift.geometry.hull import visible
from mouse_facelift.geometry.rectification import Rectification
from mouse_facelift.geometry.similarity import Similarity
from mouse_facelift.settings import CameraContract, Contract, Fill, Keep, Moved, Resize


@dataclass(frozen=True)
class Session:
    """What all frames of a recording share."""

    calibration: Calibration
    upright: Float[Tensor, "3 3"]
    """turns the floor's normal to +z"""
    scale: float
    """world units a millimeter"""
    middle: Float[Tensor, "3"]
    """the animal's mean place over the recording, mm in the file's world"""

    def centered(self, center: Float[Tensor, "3"]) -> Similarity:
        """The world with its origin at a point of the file's world, in mm."""
        return Similarity(self.scale, self.upright, center)

    def of_views(self, views: Sequence[int]) -> "Session":
        """The same session with some of its cameras."""
        if list(views) == list(range(len(self.calibration))):
            return self
        names = [self.calibration.names[view] for view in views]
        return replace(self, calibration=self.calibration.select(names))


@dataclass(frozen=True)
class Viewpoints:
    """How one frame's pictures are sampled and told of. Both sets of cameras stand in the sample's world."""

    similarity: Similarity
    """from the file's world, in mm, to the sample's"""
    taken: Cameras
    """pinholes at the lenses' true centers, through which the pictures are sampled: exact for every scene"""
    told: Cameras
    """what the sample says"""
    rectification: Rectification | None = None
    """how pixels were moved from where the taken cameras see the animal to where the told ones do, if they were"""


def place_views(
    session: Session,
    center: Float[Tensor, "3"],
    radius: float,
    normalization: Keep | Contract | Fill | Resize,
    contract: CameraContract,
) -> Viewpoints:
    """Choose the world and the cameras of one frame.

    Args:
        session: of the recording.
        center: the animal's, mm in the file's world.
        radius: how far the animal reaches from there, mm.
        normalization: which way.
        contract: size and focal length of the pictures.
    """
    match normalization:
        case Keep():
            scale = 1.0 if normalization.unit == "millimeters" else session.scale
            similarity = Similarity(scale, session.upright, _origin(session, center, normalization))
            kept = turned_cameras(session.calibration, similarity, contract_intrinsics(contract), contract.image_size)
            return Viewpoints(similarity, taken=kept, told=kept)
        case Contract():
            similarity = session.centered(_origin(session, center, normalization))
            return _at_contract_distance(session, similarity, contract)
        case Fill():
            origin = _origin(session, center, normalization)
            filling = Similarity(normalization.radius / radius, session.upright, origin)
            return _at_contract_distance(session, filling, contract)
        case Resize():
            origin = center if normalization.center == "frame" else torch.zeros(3, dtype=torch.float64)
            return _stretched(session.calibration, origin, normalization.normalize_distance_to, contract.image_size)


def _origin(session: Session, center: Float[Tensor, "3"], normalization: Keep | Moved) -> Float[Tensor, "3"]:
    return center if normalization.center == "frame" else session.middle


def misses_of_told_cameras(
    views: Viewpoints, surface: Float[Tensor, "surface 3"], spacing: float
) -> Float[Tensor, "view 3"]:
    """Measure how far each view's pixels lie from where its told camera has them, over the surface that it sees.

    Args:
        views: of the frame.
        surface: points of the animal's hull, in the sample's world.
        spacing: of these points.

    Returns:
        median, 95th percentile and maximum, px of the view; zeros where the told camera is the one through which the
        picture was taken. Of rectified views, what is left over this surface: what smoothing and rims cost. That the
        hull is not the animal is not in it.
    """
    if views.taken is views.told:
        return torch.zeros(len(views.told), 3, dtype=torch.float64)
    shown = (views.rectification.shown if views.rectification else views.taken.project)(surface)
    apart = torch.linalg.vector_norm(shown - views.told.project(surface), dim=-1)
    parts = torch.tensor([0.5, 0.95, 1.0], dtype=torch.float64)
    seen = visible(surface, views.taken, spacing)
    return torch.stack([torch.quantile(pixels[sees], parts) for pixels, sees in zip(apart, seen, strict=True)])


def _at_contract_distance(session: Session, similarity: Similarity, contract: CameraContract) -> Viewpoints:
    """Tell of cameras moved along their axes to the contract's distance, and zoom the pictures about their centers.

    At the subject's distance the two agree; what lies nearer or further differs by perspective.
    """
    kept = turned_cameras(session.calibration, similarity, contract_intrinsics(contract), contract.image_size)
    distances = torch.linalg.vector_norm(kept.centers, dim=-1)
    moved = kept.camera_to_world.clone()
    moved[:, :3, 3] *= (contract.distance / distances)[:, None]
    zoomed = kept.intrinsics.clone()
    zoomed[:, :2, :2] *= (distances / contract.distance)[:, None, None]
    size = contract.image_size
    return Viewpoints(
        similarity,
        taken=Cameras(kept.camera_to_world, zoomed, size, size),
        told=Cameras(moved, kept.intrinsics, size, size),
    )


def _stretched(
    calibration: Calibration, origin: Float[Tensor, "3"], mean_distance: float | None, image_size: int
) -> Viewpoints:
    """Keep the file's cameras and axes; stretch the undistorted pictures to a square, and K with them.

    Args:
        calibration: the lenses.
        origin: of the sample's world, mm in the file's.
        mean_distance: translations alone are scaled so that cameras stand so far from the origin on average; None:
            millimeters stay.
        image_size: of the square, px.

    A lens's skew is not kept, as sample folders cannot hold it: the pictures are sampled without it.
    """
    assert calibration.image_sizes is not None
    poses = invert_poses(calibration.world_to_camera)
    scale = 1.0
    if mean_distance is not None:
        scale = mean_distance / float(torch.linalg.vector_norm(poses[:, :3, 3] - origin, dim=-1).mean())
    unturned = Similarity(scale, torch.eye(3, dtype=torch.float64), origin)
    stretch = image_size / calibration.image_sizes.double()
    intrinsics = calibration.intrinsics.clone()
    intrinsics[:, 0, 1] = 0
    intrinsics[:, :2, 2] += 0.5  # a stretch about the picture's outer corner, not about its first pixel's center
    intrinsics[:, :2] *= stretch[:, :, None]
    cameras = Cameras(unturned.poses(poses), intrinsics, image_size, image_size)
    return Viewpoints(unturned, taken=cameras, told=cameras)
