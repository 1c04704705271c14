"""Generated views on the camera contract, by the geometry that brings captured views there."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mouse_facelift.carving.body import find_body
from mouse_facelift.carving.pinholes import sampling_maps, see_masks
from mouse_facelift.carving.rectify import PIXELS_PER_VOXEL, rectified_maps, rectify
from mouse_facelift.carving.viewpoints import Session, Viewpoints, misses_of_told_cameras, place_views
from mouse_facelift.formats.sample_folder import WHITE, Sample
from mouse_facelift.formats.views import ViewResidual
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.contract import contract_violations, subject_violations
from mouse_facelift.geometry.rig import rig_angles
from mouse_facelift.imaging.resample import lens_map, resample
from mouse_facelift.mvdiffusion.generators.interface import GeneratedViews, Reference
from mouse_facelift.settings import CameraContract, Contract, Fill, Keep, Moved

MeasuredOver = Literal["nothing", "hull", "sphere"]
"""On what residuals are measured: nothing where geometry is exact, the visual hull of masks, or, without masks, the
sphere that the contract allows the subject, which is more than an animal fills: residuals are then too large."""

SPHERE_POINTS = 4000
_ORIGIN = torch.zeros(3, dtype=torch.float64)
_UPRIGHT = torch.eye(3, dtype=torch.float64)


@dataclass(frozen=True)
class ContractViews:
    """Generated views as reconstruction takes them, and how exact they are."""

    sample: Sample
    reference_row: int | None
    residuals: tuple[ViewResidual, ...]
    """per view, px: how far pixels lie from where their camera says; zeros where the geometry is exact"""
    measured_over: MeasuredOver
    magnification: tuple[float, ...]
    """generated px a px of the view, at its center, per view"""


def bring_to_contract(
    views: GeneratedViews,
    normalization: Keep | Contract | Fill,
    contract: CameraContract,
    name: str,
    masks: Bool[Tensor, "_ _ _"] | None,
    hull_resolution: int,
) -> ContractViews:
    """Bring generated views to the contract's pinholes.

    The world is scaled so that cameras stand at the contract's distance on average (`fill`: so that the subject's hull
    has a given radius), and pictures are zoomed about their centers to the contract's focal length: exact. Cameras that
    then stand at another distance are kept there, or moved along their axes as `normalization` says; the residual of
    the move is measured.

    Args:
        views: drawn by a generator, on white or laid on it (`lay_on_white`).
        normalization: an honest way of captured views.
        contract: size and focal length of the pictures.
        name: of the sample.
        masks: of the subject in every picture, as of `masks_against_background`. Without them pictures are opaque as
            far as they reach, and `fill` and `rectify` cannot be done.
        hull_resolution: voxels along an edge of the cube in which the subject is carved.

    Raises:
        ValueError: the background is not white, masks are missing, empty or meet in no hull, a residual is above the
            limit, a camera or the subject breaks the contract.
    """
    if not normalization.honest:
        raise ValueError(f"{normalization.mode}: generated views are brought to the contract by honest ways alone")
    if views.background != WHITE:
        raise ValueError(f"{name}: views on {views.background} must be laid on white, which reconstruction sees")
    if masks is None and (
        isinstance(normalization, Fill) or (isinstance(normalization, Moved) and normalization.rectify)
    ):
        raise ValueError(f"{name}: {normalization.mode} needs masks: without them the subject's hull is not known")
    if masks is not None:
        _require_masks(masks, views, name)
    calibration = _calibration(views.cameras)
    distance = float(torch.linalg.vector_norm(calibration.centers, dim=-1).mean())
    session = Session(calibration, _UPRIGHT, contract.distance / distance, _ORIGIN)
    silhouettes = None if masks is None else list(masks.numpy())
    if silhouettes is None:
        placed = place_views(session, _ORIGIN, contract.subject_radius / session.scale, normalization, contract)
        surface, spacing = _sphere(contract.subject_radius)
        subject: list[tuple[tuple[float, float, float], float]] = []
    else:
        seen = see_masks(silhouettes, calibration, _ORIGIN, _UPRIGHT, PIXELS_PER_VOXEL * hull_resolution)
        try:
            body = find_body(seen, hull_resolution)
        except ValueError as error:
            raise ValueError(f"{name}: generated silhouettes meet in no hull: views and cameras disagree") from error
        reach = float(torch.linalg.vector_norm(body.surface, dim=-1).max()) + body.spacing
        placed = place_views(session, _ORIGIN, reach, normalization, contract)
        if isinstance(normalization, Moved) and normalization.rectify:
            placed = replace(placed, rectification=rectify(session, placed, silhouettes, _ORIGIN, hull_resolution))
        scale = placed.similarity.scale
        surface, spacing = placed.similarity.points(body.surface), body.spacing * scale
        subject = [((0.0, 0.0, 0.0), reach * scale)]
    if broken := contract_violations(placed.told, contract) + subject_violations(subject, contract):
        listed = "\n  ".join(broken)
        raise ValueError(f"{name}: {normalization.mode}: the views break the contract:\n  {listed}")
    residuals = _residuals(placed, surface, spacing, normalization, name)
    images, magnification = _sample(views, session, placed, silhouettes)
    exact = placed.taken is placed.told
    return ContractViews(
        sample=Sample(name, placed.told, images),
        reference_row=views.reference_row,
        residuals=residuals,
        measured_over="nothing" if exact else "sphere" if masks is None else "hull",
        magnification=magnification,
    )


def take_reference(sample: Sample, view: int, field_of_view: float, size: int) -> Reference:
    """See one view of a sample on the contract through a pinhole of a generator's field of view, degrees, and size, px.

    Both stand at one center and look along one axis: exact. If the generator's views are then brought to the contract
    by `keep`, the subject has the size that it has in the sample, if that camera stood at the contract's distance.

    Raises:
        ValueError: part of the subject lies outside of that field of view.
    """
    cameras = sample.cameras[[view]].to(torch.float64)
    rgba = sample.images[view].numpy()
    taken = cameras.intrinsics[0].numpy().copy()
    taken[:2, 2] -= 0.5
    told = np.eye(3)
    told[0, 0] = told[1, 1] = size / (2 * np.tan(np.radians(field_of_view / 2)))
    told[:2, 2] = size / 2
    shown = rgba[..., 3] > 127
    rows, columns = np.nonzero(shown)
    corners = np.stack([columns, rows], axis=-1) - taken[:2, 2]
    beyond = np.abs(corners / taken[[0, 1], [0, 1]]).max(initial=0.0) * told[0, 0] - size / 2
    if beyond > 0:
        raise ValueError(
            f"view {view} of {sample.name}: the subject reaches {beyond:.1f} px beyond a picture of {size} px and"
            f" {field_of_view} degrees"
        )
    sampling = lens_map(taken, np.zeros(5), np.eye(3), told, size, size)
    seen = torch.from_numpy(resample(np.ascontiguousarray(rgba[..., :3]), shown, sampling))
    elevation = rig_angles(cameras.centers, _ORIGIN, _UPRIGHT[2]).elevation
    return Reference(seen.permute(2, 0, 1).contiguous(), float(elevation[0]))


def _require_masks(masks: Bool[Tensor, "_ _ _"], views: GeneratedViews, name: str) -> None:
    if masks.shape != views.pictures[:, 0].shape:
        raise ValueError(f"{name}: masks are {list(masks.shape)}, views are {list(views.pictures[:, 0].shape)}")
    if empty := (~masks.flatten(1).any(dim=1)).nonzero().flatten().tolist():
        raise ValueError(f"{name}: masks of views {empty} are empty")


def _calibration(cameras: Cameras) -> Calibration:
    """Generated views as a laboratory's: lenses without distortion, with OpenCV's pixel origin."""
    cameras = cameras.to(torch.float64)
    intrinsics = cameras.intrinsics.clone()
    intrinsics[:, :2, 2] -= 0.5
    views = len(cameras)
    return Calibration(
        names=[f"generated_{view}" for view in range(views)],
        intrinsics=intrinsics,
        distortion=torch.zeros(views, 5, dtype=torch.float64),
        world_to_camera=cameras.world_to_camera,
        image_sizes=torch.tensor([[cameras.width, cameras.height]] * views),
    )


def _sphere(radius: float) -> tuple[Float[Tensor, "point 3"], float]:
    """Points spread evenly over a sphere about the origin, and their spacing.

    Source: the Fibonacci lattice, R. Swinbank and R. J. Purser, Q. J. R. Meteorol. Soc. 132, 2006.
    """
    steps = torch.arange(SPHERE_POINTS, dtype=torch.float64)
    height = 1 - (2 * steps + 1) / SPHERE_POINTS
    turn = steps * torch.pi * (3 - 5**0.5)
    level = (1 - height**2).sqrt()
    points = radius * torch.stack([level * turn.cos(), level * turn.sin(), height], dim=-1)
    return points, radius * (4 * torch.pi / SPHERE_POINTS) ** 0.5


def _residuals(
    placed: Viewpoints, surface: Float[Tensor, "point 3"], spacing: float, normalization: Keep | Moved, name: str
) -> tuple[ViewResidual, ...]:
    misses = misses_of_told_cameras(placed, surface, spacing).tolist()
    if isinstance(normalization, Moved):
        view, (_, p95, _) = max(enumerate(misses), key=lambda missed: missed[1][1])
        if p95 > normalization.residual_limit:
            raise ValueError(
                f"{name}: view {view}: {normalization.mode}: found a residual of {p95:.2f} px (95th percentile),"
                f" residual_limit is {normalization.residual_limit} px"
            )
    return tuple(ViewResidual(p50=p50, p95=p95, max=most) for p50, p95, most in misses)


def _sample(
    views: GeneratedViews, session: Session, placed: Viewpoints, masks: list[np.ndarray] | None
) -> tuple[Tensor, tuple[float, ...]]:
    """Resample the pictures once; without masks they are opaque as far as they reach."""
    pictures = (views.pictures * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
    if placed.rectification:
        maps = rectified_maps(session, placed, placed.rectification)
    else:
        maps = sampling_maps(session.calibration, placed.similarity, placed.taken, masks)
    shown = list(np.ones(pictures.shape[:3], dtype=bool)) if masks is None else masks
    images = [resample(*view) for view in zip(pictures, shown, maps, strict=True)]
    return torch.from_numpy(np.stack(images)), tuple(sampling.magnification for sampling in maps)
