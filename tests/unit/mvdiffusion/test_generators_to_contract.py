"""A known object, seen by a generator's rig and brought to the camera contract, is where it was."""

import math

import pytest
import torch
from einops import rearrange
from torch import Tensor

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.contract import contract_violations
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.geometry.triangulation import meet_rays
from mouse_facelift.mvdiffusion.generators import (
    ContractViews,
    GeneratedViews,
    bring_to_contract,
    lay_on_white,
    masks_against_background,
    take_reference,
)
from mouse_facelift.mvdiffusion.generators.rigs import OrbitRig, facelift_rig, sv3d_rig, zero123plus_rig
from mouse_facelift.mvdiffusion.generators.sv3d.frames import whole_turn
from mouse_facelift.mvdiffusion.generators.zero123plus.generator import GRAY, cut_tiles
from mouse_facelift.rendering.painted_hull import round_gaussians
from mouse_facelift.rendering.render import WHITE, render
from mouse_facelift.settings import CameraContract, Contract, Fill, Keep

CONTRACT = CameraContract(
    image_size=128, focal=64 / math.tan(math.radians(25)), distance=2.7, distance_range=(1.8, 3.6), subject_radius=1.0
)
KEEP = Keep(mode="keep", center="frame", unit="contract")
MOVE = Contract(mode="contract", center="frame", rectify=False, residual_limit=20.0)
FILL = Fill(mode="fill", radius=0.95, center="frame", rectify=False, residual_limit=20.0)
SIZE = 96
TURN = whole_turn(15.0)
RIGS = {
    "facelift": (facelift_rig(SIZE), WHITE),
    "v1.1": (zero123plus_rig("v1.1", 4.0, SIZE), GRAY),
    "v1.2": (zero123plus_rig("v1.2", 4.0, SIZE), GRAY),
    "sv3d": (sv3d_rig(TURN.azimuths, TURN.elevations, SIZE), WHITE),
}
# Parts of the distance: no two axes, and no left and right, can be exchanged unseen.
BALLS = torch.tensor([[0.09, -0.02, 0.03], [-0.03, 0.1, 0.01], [0.02, 0.04, -0.08]], dtype=torch.float64)
COLORS = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.2, 0.9]], dtype=torch.float64)
# Of an ellipsoid of half axes 1, 0.35, 0.35, throughout.
BODY = torch.nn.functional.normalize(torch.randn(3000, 3, generator=torch.Generator().manual_seed(0)).double(), dim=-1)
BODY = BODY * torch.tensor([1.0, 0.35, 0.35]) * torch.linspace(0.01, 1, 3000).double()[:, None] ** (1 / 3)


def see(gaussians: Gaussians, cameras: Cameras, background: tuple[float, float, float]) -> GeneratedViews:
    pictures = render(gaussians, cameras, "cpu", background).rgb.clamp(0, 1)
    return GeneratedViews(pictures, cameras, background, reference_row=None)


def found_in(sample: Sample) -> Tensor:
    """Where the one ball of a sample is, world units, by the rays through its middle in all views."""
    weights = sample.alpha.double()
    size = sample.cameras.width
    along = torch.arange(size, dtype=torch.float64) + 0.5
    total = weights.sum((1, 2))
    middles = torch.stack([(weights.sum(1) * along).sum(1), (weights.sum(2) * along).sum(1)], dim=-1) / total[:, None]
    local = (
        torch.nn.functional.pad(middles, (0, 1), value=1.0)[:, None] @ torch.linalg.inv(sample.cameras.intrinsics).mT
    )
    directions = (local @ sample.cameras.camera_to_world[:, :3, :3].mT)[:, 0]
    meeting = meet_rays(sample.cameras.centers, directions[None])
    assert float(meeting.misses.max()) < 0.01
    return meeting.points[0]


@pytest.mark.parametrize("name", RIGS)
@pytest.mark.parametrize("way", [KEEP, MOVE], ids=["keep", "contract"])
def test_a_known_object_triangulates_to_itself(name, way):
    rig, background = RIGS[name]
    for ball, color in zip(BALLS * rig.distance, COLORS, strict=True):
        gaussians = round_gaussians(ball[None], color[None], 0.02 * rig.distance, 0.99)
        views = see(gaussians, rig.cameras, background)
        if name.startswith("v"):  # a picture of six tiles, as the network draws it
            picture = rearrange(views.pictures, "(row column) color h w -> color (row h) (column w)", row=3)
            views = GeneratedViews(cut_tiles(picture), rig.cameras, background, reference_row=None)
        masks = masks_against_background(views, 0.1)
        brought = bring_to_contract(lay_on_white(views, masks), way, CONTRACT, name, masks, 32)
        assert contract_violations(brought.sample.cameras, CONTRACT) == []
        expected = ball * CONTRACT.distance / rig.distance
        torch.testing.assert_close(found_in(brought.sample), expected, rtol=0, atol=5e-3)
        assert max(residual.max for residual in brought.residuals) < 1e-9
        assert brought.measured_over == ("nothing" if way is KEEP else "hull")
        zoom = rig.focal / CONTRACT.focal
        assert brought.magnification == pytest.approx([zoom] * len(rig.azimuths), rel=1e-6)


def test_a_small_body_in_a_turn_read_backwards_has_no_hull():
    """Seen from above or below, that is: at elevation 0 such a turn shows a body inside out."""
    rig, background = RIGS["sv3d"]
    gaussians = round_gaussians(BALLS[:1] * rig.distance, COLORS[:1], 0.008 * rig.distance, 0.99)
    drawn = see(gaussians, rig.cameras, background)
    mirrored = sv3d_rig([-azimuth for azimuth in TURN.azimuths], TURN.elevations, SIZE).cameras
    views = GeneratedViews(drawn.pictures, mirrored, background, reference_row=None)
    with pytest.raises(ValueError, match="mirrored: generated silhouettes meet in no hull"):
        bring_to_contract(views, KEEP, CONTRACT, "mirrored", masks_against_background(views, 0.1), 32)


def long_body(rig: OrbitRig, background: tuple[float, float, float]) -> GeneratedViews:
    points = 0.2 * rig.distance * BODY
    return see(round_gaussians(points, points.clamp(0, 0), 0.008 * rig.distance, 0.95), rig.cameras, background)


@pytest.mark.parametrize("name", RIGS)
def test_a_picture_is_that_of_the_contracts_camera(name):
    """Another focal length is a zoom about the middle, exact for every scene: what is left is resampling."""
    rig, background = RIGS[name]
    views = long_body(rig, background)
    masks = masks_against_background(views, 0.1) if background == GRAY else None
    views = views if masks is None else lay_on_white(views, masks)
    brought = bring_to_contract(views, KEEP, CONTRACT, name, masks, 48)
    points = 0.2 * CONTRACT.distance * BODY
    gaussians = round_gaussians(points, points.clamp(0, 0), 0.008 * CONTRACT.distance, 0.95)
    expected = render(gaussians, brought.sample.cameras, "cpu", WHITE).rgb.clamp(0, 1)
    apart = (brought.sample.over_white() - expected).abs()
    assert float(apart.mean()) < 0.003
    shifted = (brought.sample.over_white().roll(1, -1) - expected).abs()
    assert float(apart.mean()) < 0.7 * float(shifted.mean())


def test_filling_moves_cameras_and_says_how_much_that_costs():
    rig, background = RIGS["v1.2"]
    views = long_body(rig, background)
    masks = masks_against_background(views, 0.1)
    views = lay_on_white(views, masks)
    filled = bring_to_contract(views, FILL, CONTRACT, "body", masks, 48)
    assert contract_violations(filled.sample.cameras, CONTRACT) == []
    assert filled.measured_over == "hull"
    assert max(residual.p95 for residual in filled.residuals) > 0.2
    kept = bring_to_contract(views, KEEP, CONTRACT, "body", masks, 48)
    assert filled.sample.alpha.sum() > 1.2 * kept.sample.alpha.sum()
    rectified = bring_to_contract(views, FILL.model_copy(update={"rectify": True}), CONTRACT, "body", masks, 48)
    before, after = (sum(residual.p95 for residual in brought.residuals) for brought in (filled, rectified))
    assert after < 0.7 * before
    with pytest.raises(ValueError, match=r"fill: found a residual of .* residual_limit is 0.001 px"):
        bring_to_contract(views, FILL.model_copy(update={"residual_limit": 0.001}), CONTRACT, "body", masks, 48)


def test_without_masks_a_move_is_measured_over_the_subjects_sphere():
    rig, background = RIGS["facelift"]
    views = long_body(rig, background)
    poses = views.cameras.camera_to_world.clone()
    poses[0, :3, 3] *= 1.2
    views = GeneratedViews(views.pictures, Cameras(poses, views.cameras.intrinsics, SIZE, SIZE), background, 0)
    moved = bring_to_contract(views, MOVE, CONTRACT, "body", None, 48)
    assert moved.measured_over == "sphere"
    assert moved.reference_row == 0
    assert moved.residuals[0].max > 1
    kept = bring_to_contract(views, KEEP, CONTRACT, "body", None, 48)
    assert kept.measured_over == "nothing"
    distances = torch.linalg.vector_norm(kept.sample.cameras.centers, dim=-1)
    assert float(distances.mean()) == pytest.approx(2.7)
    assert float(distances[0] / distances[1]) == pytest.approx(1.2)


def test_white_stays_white_without_masks_and_gray_needs_them():
    rig, background = RIGS["sv3d"]
    brought = bring_to_contract(long_body(rig, background), KEEP, CONTRACT, "body", None, 48)
    over_white = brought.sample.over_white()
    assert float(over_white[:, :, 0].min()) == 1
    assert float(over_white[:, :, 64, 64].max()) < 0.1
    with pytest.raises(ValueError, match="must be laid on white"):
        bring_to_contract(long_body(*RIGS["v1.1"]), KEEP, CONTRACT, "body", None, 48)
    with pytest.raises(ValueError, match="fill needs masks"):
        bring_to_contract(long_body(rig, background), FILL, CONTRACT, "body", None, 48)


def test_masks_must_fit_the_views_and_show_something():
    views = long_body(*RIGS["sv3d"])
    masks = masks_against_background(views, 0.1)
    with pytest.raises(ValueError, match=r"masks are \[20, 96, 96\], views are \[21, 96, 96\]"):
        bring_to_contract(views, KEEP, CONTRACT, "body", masks[:20], 48)
    masks[[3, 5]] = False
    with pytest.raises(ValueError, match=r"masks of views \[3, 5\] are empty"):
        bring_to_contract(views, KEEP, CONTRACT, "body", masks, 48)


def test_a_subject_that_reaches_too_far_is_refused():
    rig, background = RIGS["facelift"]
    points = 0.4 * rig.distance * BODY
    views = see(round_gaussians(points, points.clamp(0, 0), 0.01 * rig.distance, 0.95), rig.cameras, background)
    with pytest.raises(ValueError, match=r"keep: the views break the contract:\n  subject_radius"):
        bring_to_contract(views, KEEP, CONTRACT, "body", masks_against_background(views, 0.1), 48)


@pytest.mark.parametrize(
    "way", [KEEP.model_copy(update={"unit": "millimeters"}), MOVE.model_copy(update={"center": "session"})]
)
def test_wrong_ways_are_refused(way):
    with pytest.raises(ValueError, match="honest ways alone"):
        bring_to_contract(long_body(*RIGS["sv3d"]), way, CONTRACT, "body", None, 48)


def test_the_background_is_what_joins_the_edge():
    rig = zero123plus_rig("v1.2", 4.0, 16)
    pictures = torch.full((6, 3, 16, 16), 0.5)
    pictures[:, 0, 4:12, 4:12] = 0.9
    pictures[:, 0, 7:9, 7:9] = 0.52  # as gray as the background, but inside
    masks = masks_against_background(GeneratedViews(pictures, rig.cameras, GRAY, None), 0.05)
    expected = torch.zeros(16, 16, dtype=torch.bool)
    expected[4:12, 4:12] = True
    assert all(torch.equal(mask, expected) for mask in masks)
    pictures[3] = 0.51
    with pytest.raises(ValueError, match="view 3 shows nothing but its background"):
        masks_against_background(GeneratedViews(pictures, rig.cameras, GRAY, None), 0.05)


def test_a_subject_laid_on_white_has_no_gray_rim():
    """Against the same body drawn on white, mean over all pixels: 0.0002; cut out by the mask alone, 0.0072."""
    rig, background = RIGS["v1.2"]
    gray, white = long_body(rig, background), long_body(rig, WHITE)
    masks = masks_against_background(gray, 0.1)
    laid = lay_on_white(gray, masks)
    assert laid.background == WHITE
    apart = float((laid.pictures - white.pictures).abs().mean())
    cut = gray.pictures.where(masks[:, None], 1.0)
    assert apart < 0.4 * float((cut - white.pictures).abs().mean())
    hollow = torch.zeros_like(masks)
    hollow[:, 40, 30:60] = True  # thinner than two rims: the mask decides
    thin = lay_on_white(gray, hollow).pictures
    torch.testing.assert_close(thin[:, :, 40, 30:60], gray.pictures[:, :, 40, 30:60])
    assert (thin[:, :, 45] == 1).all()


def contract_view(reach: float) -> tuple[Sample, Gaussians]:
    """One view of three balls on the contract, from 20 degrees above."""
    camera = OrbitRig((0.0,), (20.0,), 2.7, CONTRACT.field_of_view, 128).cameras
    gaussians = round_gaussians(reach * BALLS, COLORS, 0.05, 0.99)
    drawn = render(gaussians, camera, "cpu", (0.0, 0.0, 0.0))
    rgba = torch.cat([drawn.rgb / drawn.alpha[:, None].clamp(min=1e-3), drawn.alpha[:, None]], dim=1).clamp(0, 1)
    return Sample("contract", camera, (rgba * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()), gaussians


def test_a_reference_is_seen_with_the_generators_field_of_view():
    sample, gaussians = contract_view(3.0)
    reference = take_reference(sample, 0, 33.8, SIZE)
    assert reference.elevation == pytest.approx(20)
    wanted = OrbitRig((0.0,), (20.0,), 2.7, 33.8, SIZE).cameras
    expected = render(gaussians, wanted, "cpu", WHITE).rgb[0]
    assert float((reference.over(WHITE, SIZE) / 255 - expected).abs().mean()) < 0.01


def test_a_reference_that_would_be_cut_is_refused():
    sample, _ = contract_view(10.0)
    assert take_reference(sample, 0, 50.0, SIZE).rgba.shape == (4, SIZE, SIZE)
    with pytest.raises(ValueError, match=r"reaches \d+\.\d px beyond a picture of 96 px and 33.8 degrees"):
        take_reference(sample, 0, 33.8, SIZE)


def test_views_come_as_a_sample_of_reconstruction():
    brought = bring_to_contract(long_body(*RIGS["sv3d"]), KEEP, CONTRACT, "body", None, 48)
    assert isinstance(brought, ContractViews)
    assert brought.sample.images.shape == (21, 128, 128, 4)
    assert brought.sample.images.dtype == torch.uint8
