"""Where views are taken from and where samples say so: one geometry, to a thousandth of a pixel."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mouse_facelift.carving.pinholes import sampling_maps
from mouse_facelift.carving.viewpoints import Session, Viewpoints, place_views
from mouse_facelift.formats.frames import Frames, Subject, describe_cameras
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.cameras import invert_poses
from mouse_facelift.geometry.contract import contract_violations
from mouse_facelift.geometry.lenses import project
from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.normalization.viewpoints import measure_residuals, open_session
from mouse_facelift.settings import CameraContract, Contract, Fill, Keep, Normalization, Resize

CONTRACT = CameraContract(
    image_size=64, focal=68.62422180175781, distance=2.7, distance_range=(0.5, 9.0), subject_radius=1.0
)
MODES: list[Normalization] = [
    Keep(mode="keep", center="frame", unit="contract"),
    Contract(mode="contract", center="frame", rectify=False, residual_limit=1.0),
    Fill(mode="fill", radius=0.6, center="frame", rectify=False, residual_limit=3.0),
    Resize(mode="resize", normalize_distance_to=None, center="file"),
    Resize(mode="resize", normalize_distance_to=2.7, center="file"),
    Resize(mode="resize", normalize_distance_to=2.7, center="frame"),
]
WITHIN = 1e-3  # px of the view; a twentieth of what is asked for


@dataclass(frozen=True)
class Scene:
    """Any proper rig, and an animal somewhere before it; mm."""

    session: Session
    center: Tensor
    radius: float


seeds = st.integers(0, 2**32 - 1)


def any_scene(seed: int) -> Scene:
    random = np.random.default_rng(seed)
    views = int(random.integers(3, 7))
    origin = torch.from_numpy(random.uniform(-500, 500, 3))
    center = origin + torch.from_numpy(random.uniform(-60, 60, 3))
    directions = torch.from_numpy(random.normal(size=(views, 3)))
    directions = directions / torch.linalg.vector_norm(directions, dim=-1, keepdim=True)
    positions = origin + directions * torch.from_numpy(random.uniform(220, 500, (views, 1)))
    poses = torch.cat(
        [
            look_at(position[None], origin + torch.from_numpy(random.uniform(-30, 30, 3)), torch.from_numpy(tilt))
            for position, tilt in zip(positions, random.normal(size=(views, 3)), strict=True)
        ]
    )
    intrinsics = torch.zeros(views, 3, 3, dtype=torch.float64)
    intrinsics[:, 2, 2] = 1
    intrinsics[:, :2, :2] = torch.diag_embed(torch.from_numpy(random.uniform(700, 1000, (views, 2))))
    intrinsics[:, 0, 1] = torch.from_numpy(random.uniform(-1, 1, views))
    intrinsics[:, :2, 2] = torch.from_numpy(np.array([600, 500]) + random.uniform(-30, 30, (views, 2)))
    k1, k2 = random.uniform(-0.36, 0.1, views), random.uniform(0, 0.15, views)
    tail = random.uniform(-0.002, 0.002, (3, views))
    distortion = torch.from_numpy(np.stack([k1, k2, *tail], -1))
    sizes = torch.tensor([[1200, 1000]]).repeat(views, 1)
    names = [f"view{view}" for view in range(views)]
    calibration = Calibration(names, intrinsics, distortion, invert_poses(poses), sizes)
    up = random.normal(size=3)
    frames = Frames(
        capture="any",
        cameras=describe_cameras(calibration, ["{frame}.png"] * views, [None] * views),
        up=tuple((up / np.linalg.norm(up)).tolist()),
        calibration_notes=(),
        chunks=(),
        subjects=(Subject(frame=0, chunk=0, center=tuple(center.tolist()), radius=50.0, views=tuple(range(views))),),
        left_out=(),
    )
    return Scene(open_session(frames, CONTRACT), center, float(random.uniform(40, 90)))


def place(scene: Scene, mode: Normalization) -> Viewpoints:
    return place_views(scene.session, scene.center, scene.radius, mode, CONTRACT)


def raw_pixels(scene: Scene, view: int, points: Tensor) -> Tensor:
    lenses = scene.session.calibration
    return project(points, lenses.intrinsics[view], lenses.distortion[view], lenses.world_to_camera[view])


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: f"{mode.mode}{getattr(mode, 'normalize_distance_to', '')}")
@given(seeds)
@settings(max_examples=6)
def test_every_point_lies_where_its_camera_sees_it(mode: Normalization, seed: int) -> None:
    """A point behind any pixel, brought back to the capture's world and through the raw lens, meets the map."""
    scene = any_scene(seed)
    placed = place(scene, mode)
    maps = sampling_maps(scene.session.calibration, placed.similarity, placed.taken)
    grid = torch.arange(64, dtype=torch.float64) + 0.5
    pixels = torch.stack([*torch.meshgrid(grid, grid, indexing="xy"), torch.ones(64, 64)], -1).double()
    depth = torch.from_numpy(np.random.default_rng(seed).uniform(0.5, 2.0, (64, 64, 1)))
    for view, sampling in enumerate(maps):
        pose = placed.taken.camera_to_world[view]
        depth_unit = torch.linalg.vector_norm(pose[:3, 3] - placed.similarity.points(scene.center))
        local = pixels @ placed.taken.intrinsics[view].inverse().T * depth * depth_unit
        points = placed.similarity.inverse_points(local @ pose[:3, :3].T + pose[:3, 3])
        raw = raw_pixels(scene, view, points.reshape(-1, 3)).reshape(64, 64, 2).numpy()
        off = np.hypot(raw[..., 0] - sampling.x, raw[..., 1] - sampling.y)
        shown = sampling.inside(1200, 1000)
        assert shown.any()
        assert off[shown].max() / sampling.magnification < WITHIN


@given(seeds)
@settings(max_examples=6)
def test_keep_is_exact(seed: int) -> None:
    scene = any_scene(seed)
    placed = place(scene, MODES[0])
    points = torch.randn(50, 3, dtype=torch.float64)
    assert torch.equal(placed.taken.project(points), placed.told.project(points))
    assert all(residual.max == 0 for residual in measure_residuals(placed, points, 0.1))
    assert contract_violations(placed.told, CONTRACT) == []
    distances = torch.linalg.vector_norm(placed.told.centers, dim=-1)
    assert float(distances.mean()) == pytest.approx(CONTRACT.distance)
    true = torch.linalg.vector_norm(scene.session.calibration.centers - scene.center, dim=-1)
    torch.testing.assert_close(distances, true * scene.session.scale)


@pytest.mark.parametrize("mode", MODES[1:3], ids=lambda mode: mode.mode)
@given(seeds)
@settings(max_examples=6)
def test_moved_cameras_are_off_by_what_is_reported(mode: Normalization, seed: int) -> None:
    scene = any_scene(seed)
    placed = place(scene, mode)
    assert contract_violations(placed.told, CONTRACT) == []
    distances = torch.linalg.vector_norm(placed.told.centers, dim=-1)
    torch.testing.assert_close(distances, torch.full_like(distances, CONTRACT.distance))
    origin = torch.zeros(1, 3, dtype=torch.float64)
    torch.testing.assert_close(placed.taken.project(origin), placed.told.project(origin))
    normals = torch.from_numpy(np.random.default_rng(seed).normal(size=(3000, 3)))
    normals = normals / torch.linalg.vector_norm(normals, dim=-1, keepdim=True)
    ball = 0.9 * scene.radius * placed.similarity.scale * normals
    residuals = measure_residuals(placed, ball, 0.05)
    apart = torch.linalg.vector_norm(placed.taken.project(ball) - placed.told.project(ball), dim=-1)
    toward = torch.nn.functional.normalize(placed.taken.centers[:, None] - ball, dim=-1)
    for view, residual in enumerate(residuals):
        facing = (toward[view] * normals).sum(-1) > 0.5
        assert 0 <= residual.p50 <= residual.p95 <= residual.max
        assert float(apart[view][facing].max()) <= residual.max + 1e-9


@given(seeds)
@settings(max_examples=6)
def test_fill_gives_the_animal_its_radius(seed: int) -> None:
    scene = any_scene(seed)
    placed = place(scene, MODES[2])
    assert placed.similarity.scale * scene.radius == pytest.approx(0.6)
    torch.testing.assert_close(placed.similarity.points(scene.center), torch.zeros(3, dtype=torch.float64))


@pytest.mark.parametrize(("distance", "center"), [(None, "file"), (2.7, "file"), (2.7, "frame"), (None, "frame")])
@given(seed=seeds)
@settings(max_examples=6)
def test_resize_keeps_the_files_axes(seed: int, distance: float | None, center: Literal["file", "frame"]) -> None:
    """K is the lens's own, stretched about the picture's outer corner; translations alone are shifted and scaled."""
    scene = any_scene(seed)
    placed = place(scene, Resize(mode="resize", normalize_distance_to=distance, center=center))
    assert placed.taken is placed.told
    lenses = scene.session.calibration
    fx, fy, cx, cy = placed.told.fxfycxcy.T
    torch.testing.assert_close(fx, lenses.intrinsics[:, 0, 0] * 64 / 1200)
    torch.testing.assert_close(fy, lenses.intrinsics[:, 1, 1] * 64 / 1000)
    torch.testing.assert_close(cx, (lenses.intrinsics[:, 0, 2] + 0.5) * 64 / 1200)
    torch.testing.assert_close(cy, (lenses.intrinsics[:, 1, 2] + 0.5) * 64 / 1000)
    poses = invert_poses(lenses.world_to_camera)
    torch.testing.assert_close(placed.told.camera_to_world[:, :3, :3], poses[:, :3, :3])
    from_origin = lenses.centers - (scene.center if center == "frame" else 0)
    if distance is None:
        torch.testing.assert_close(placed.told.centers, from_origin)
    else:
        scale = placed.told.centers / from_origin
        torch.testing.assert_close(scale, scale[:1, :1].expand_as(scale))
        assert float(torch.linalg.vector_norm(placed.told.centers, dim=-1).mean()) == pytest.approx(distance)
    assert contract_violations(placed.told, CONTRACT)


@pytest.mark.parametrize(
    "mode",
    [
        Keep(mode="keep", center="session", unit="contract"),
        Contract(mode="contract", center="session", rectify=False, residual_limit=1.0),
        Fill(mode="fill", radius=0.6, center="session", rectify=False, residual_limit=3.0),
    ],
    ids=lambda mode: mode.mode,
)
@given(seeds)
@settings(max_examples=6)
def test_a_session_may_have_one_center(mode: Keep | Contract | Fill, seed: int) -> None:
    """It differs from a center of the frame by where the origin is, and by nothing else."""
    scene = any_scene(seed)
    session = replace(scene.session, middle=scene.center + torch.tensor([20.0, 0, -10.0], dtype=torch.float64))
    fixed = place_views(session, scene.center, scene.radius, mode, CONTRACT)
    there = place_views(
        scene.session, session.middle, scene.radius, mode.model_copy(update={"center": "frame"}), CONTRACT
    )
    assert torch.equal(fixed.similarity.center, session.middle)
    assert torch.equal(fixed.told.camera_to_world, there.told.camera_to_world)
    assert torch.equal(fixed.taken.intrinsics, there.taken.intrinsics)
    assert fixed.similarity.scale == there.similarity.scale


@given(seeds)
@settings(max_examples=6)
def test_millimeters_are_wrong_in_unit_alone(seed: int) -> None:
    scene = any_scene(seed)
    kept, large = (place(scene, mode) for mode in (MODES[0], Keep(mode="keep", center="frame", unit="millimeters")))
    torch.testing.assert_close(large.told.centers * scene.session.scale, kept.told.centers)
    torch.testing.assert_close(large.told.camera_to_world[:, :3, :3], kept.told.camera_to_world[:, :3, :3])
    assert torch.equal(large.told.intrinsics, kept.told.intrinsics)
    assert {line.split(":")[0] for line in contract_violations(large.told, CONTRACT)} == {"distance"}


def test_a_session_has_one_scale() -> None:
    """It follows from all frames together: their mean camera distance becomes the contract's."""
    poses = look_at(
        torch.tensor([[300.0, 0, 0], [0, 300, 0], [0, 0, 300]], dtype=torch.float64),
        torch.zeros(3, dtype=torch.float64),
        torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64),
    )
    K = torch.tensor([[700.0, 0, 600], [0, 700, 500], [0, 0, 1]], dtype=torch.float64).repeat(3, 1, 1)
    lenses = Calibration(
        ["a", "b", "c"],
        K,
        torch.zeros(3, 5, dtype=torch.float64),
        invert_poses(poses),
        torch.tensor([[1200, 1000]] * 3),
    )
    frames = Frames(
        capture="any",
        cameras=describe_cameras(lenses, ["{frame}.png"] * 3, [None] * 3),
        up=(0.0, 0.0, 1.0),
        calibration_notes=(),
        chunks=(),
        subjects=tuple(
            Subject(frame=frame, chunk=0, center=center, radius=50.0, views=(0, 1, 2))
            for frame, center in enumerate([(0.0, 0.0, 0.0), (100.0, 0.0, 0.0)])
        ),
        left_out=(),
    )
    mean = (3 * 300 + 200 + 2 * (300**2 + 100**2) ** 0.5) / 6
    session = open_session(frames, CONTRACT)
    assert session.scale == pytest.approx(2.7 / mean)
    assert session.middle.tolist() == [50.0, 0.0, 0.0]
