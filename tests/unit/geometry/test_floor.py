"""Up and the floor: found from the simulated mouse, in any world, with bad frames, and never surer than right."""

import math
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from torch import Tensor

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.floor import estimate_up, floor_height, up_of_floor_points
from mouse_facelift.geometry.hull import carve_closely
from mouse_facelift.simulation.ellipsoids import default_lights
from mouse_facelift.simulation.motion import motion
from mouse_facelift.simulation.mouse import mouse_at, mouse_coat
from mouse_facelift.simulation.raycast import cast, trace_lenses
from mouse_facelift.simulation.reference_rig import ARENA_CENTER, reference_rig
from tests.unit.geometry.walking_mouse import UP, angle, mouse_surfaces, rig_poses

seeds = st.integers(0, 10_000)


def rolled(poses: Tensor, degrees: list[float]) -> Tensor:
    """Turn cameras about their optical axes."""
    turned = poses.clone()
    for view, turn in enumerate(degrees):
        turned[view, :3] = torch.from_numpy(Rotation.from_euler("z", turn, degrees=True).as_matrix()) @ poses[view, :3]
    return turned


def with_bad_frames(surfaces: list[Tensor], share: float, seed: int) -> list[Tensor]:
    """Some frames show the animal somewhere else, or a mirror image below the floor."""
    chance = torch.Generator().manual_seed(seed)
    spoiled = list(surfaces)
    for number in torch.randperm(len(surfaces), generator=chance)[: round(share * len(surfaces))].tolist():
        spoiled[number] = surfaces[number] + 60 * torch.randn(3, generator=chance, dtype=torch.float64)
    return spoiled


@settings(max_examples=5)
@given(sequence=st.sampled_from(["walk", "rear"]), seed=seeds)
def test_up_is_found_and_its_uncertainty_covers_the_error(sequence: str, seed: int) -> None:
    found = estimate_up(rig_poses(), mouse_surfaces(sequence, 60, seed))
    assert found.degrees is not None and found.millimeters is not None
    assert angle(found.up, UP) < min(1.0, 2 * found.degrees)
    assert found.degrees < 2.0
    assert abs(found.height) < 2.0
    assert abs(found.height) < 3 * found.millimeters


@settings(max_examples=5)
@given(seed=seeds)
def test_ten_percent_of_bad_frames_do_not_tilt_it(seed: int) -> None:
    found = estimate_up(rig_poses(), with_bad_frames(mouse_surfaces("walk", 60, 3), 0.1, seed))
    assert found.degrees is not None
    assert angle(found.up, UP) < 1.0 and found.degrees < 2.0
    assert abs(found.height) < 2.0


@settings(max_examples=5)
@given(seed=seeds, sequence=st.sampled_from(["walk", "rear"]))
def test_any_world_gives_the_same_floor(seed: int, sequence: str) -> None:
    turn = torch.from_numpy(Rotation.random(rng=seed).as_matrix())
    shift = torch.randn(3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 300
    world = torch.eye(4, dtype=torch.float64)
    world[:3, :3], world[:3, 3] = turn, shift
    surfaces = mouse_surfaces(sequence, 60, 5)
    found = estimate_up(rig_poses() @ torch.linalg.inv(world), [points @ turn.T + shift for points in surfaces])
    assert angle(found.up, turn @ UP) < 1.0
    place = surfaces[0].mean(0)
    beneath = turn @ torch.tensor([place[0], place[1], 0.0], dtype=torch.float64) + shift
    assert abs(float(beneath @ found.up) - found.height) < 2.5


@settings(max_examples=5)
@given(degrees=st.lists(st.floats(-12, 12), min_size=6, max_size=6))
def test_a_walk_corrects_rolled_cameras(degrees: list[float]) -> None:
    found = estimate_up(rolled(rig_poses(), degrees), mouse_surfaces("walk", 60, 7))
    assert found.degrees is not None
    assert angle(found.up, UP) < 1.5
    assert angle(found.up, UP) < 3 * found.degrees


def test_the_better_source_is_named() -> None:
    tilted = rolled(rig_poses(), [30.0, -20.0, 15.0, 25.0, -30.0, 10.0])
    walked = estimate_up(tilted, mouse_surfaces("walk", 60, 1))
    still = estimate_up(tilted, mouse_surfaces("walk", 60, 1)[:1] * 60)
    assert walked.source == "hull_bottoms" and walked.degrees is not None and walked.degrees < 2.0
    assert still.source != "hull_bottoms" and still.degrees is not None and still.degrees > 5.0
    ball = torch.nn.functional.normalize(torch.randn(600, 3, generator=torch.Generator().manual_seed(0)).double()) * 20
    sitting = estimate_up(rig_poses(), [ball + torch.tensor([57.0, 68.0, 20.0]).double()] * 40)
    assert sitting.source != "hull_bottoms"
    assert sitting.degrees is not None and sitting.degrees > 1.0
    assert angle(sitting.up, UP) < 2 * sitting.degrees


def test_cameras_that_all_hang_upside_down_stand_above_all_the_same() -> None:
    found = estimate_up(rolled(rig_poses(), [180.0] * 6), mouse_surfaces("walk", 60, 1))
    assert angle(found.up, UP) < 1.0


def test_one_camera_on_its_side_is_outvoted() -> None:
    found = estimate_up(rolled(rig_poses(), [0.0, 90.0, 0.0, 0.0, 0.0, 0.0]), mouse_surfaces("walk", 20, 1)[:3])
    assert angle(found.up, UP) < 2.0


def test_cameras_that_all_look_down_know_nothing_of_up() -> None:
    down = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64)).repeat(4, 1, 1)
    centers = torch.tensor([[0.0, 0, 900], [150, 0, 900], [0, 150, 900], [150, 150, 900]], dtype=torch.float64)
    down[:, :3, 3] = -(down[:, :3, :3] @ centers[..., None])[..., 0]
    still = estimate_up(down, mouse_surfaces("walk", 60, 1)[:1] * 20)
    assert still.degrees is not None and still.degrees > 20
    assert angle(still.up, UP) < 3 * still.degrees


def test_few_frames_and_missing_ones() -> None:
    surfaces = mouse_surfaces("walk", 60, 2)
    nothing = torch.zeros(0, 3, dtype=torch.float64)
    for some in ([surfaces[0]], [surfaces[0], nothing, surfaces[40]], [nothing, *surfaces[:3]]):
        found = estimate_up(rig_poses(), some)
        assert found.degrees is not None and angle(found.up, UP) < 2 * found.degrees
    with pytest.raises(ValueError, match="no point of the animal in any of 2 frames"):
        estimate_up(rig_poses(), [nothing, nothing])
    with pytest.raises(ValueError, match="no point of the animal in any of 0 frames"):
        floor_height(UP, [])


def test_hulls_that_were_carved_stand_on_the_floor() -> None:
    rig = reference_rig(0.25)
    lenses = trace_lenses(rig.intrinsics, None, rig.width, rig.height, 1)
    cameras = Cameras(torch.tensor(rig.camera_to_world), torch.tensor(rig.intrinsics), rig.width, rig.height)
    surfaces = []
    for step in motion("walk", 5, 1, ARENA_CENTER[:2]):
        rgba, _ = cast(mouse_at(step, mouse_coat(1)), default_lights(), rig.camera_to_world, lenses)
        center = torch.tensor([57.0, 68.0, 16.0], dtype=torch.float64)
        surfaces.append(carve_closely(torch.tensor(rgba[..., 3]), cameras, center, 120.0, 64).surface())
    found = estimate_up(rig_poses(), surfaces)
    assert found.degrees is not None and found.millimeters is not None
    assert angle(found.up, UP) < min(1.5, 2 * found.degrees)
    assert abs(found.height) < 3 * found.millimeters < 5.0


@settings(max_examples=5)
@given(seed=seeds, sequence=st.sampled_from(["walk", "rear"]))
def test_the_floor_is_beneath_the_feet(seed: int, sequence: str) -> None:
    surfaces = with_bad_frames(mouse_surfaces(sequence, 60, 4), 0.1, seed)
    found = floor_height(3 * UP, surfaces)
    assert abs(found.height) < 1.5
    assert found.spread < 2.0
    raised = floor_height(UP, [points + 50 * UP for points in surfaces])
    assert math.isclose(raised.height, found.height + 50, abs_tol=1e-9)


@settings(max_examples=20)
@given(seed=seeds, noise=st.sampled_from([0.0, 0.5, 2.0]), count=st.integers(4, 30))
def test_given_points_make_the_floor(seed: int, noise: float, count: int) -> None:
    chance = torch.Generator().manual_seed(seed)
    turn = torch.from_numpy(Rotation.random(rng=seed).as_matrix())
    corners = torch.tensor([[0.0, 0, 0], [300, 0, 0], [0, 200, 0], [300, 200, 0]], dtype=torch.float64)
    inner = torch.rand(count - 4, 3, generator=chance, dtype=torch.float64) * torch.tensor([300.0, 200.0, 0.0])
    points = torch.cat([corners, inner]) + torch.tensor([0.0, 0.0, 12.0])
    points[:, 2] += noise * torch.randn(count, generator=chance, dtype=torch.float64)
    world = torch.eye(4, dtype=torch.float64)
    world[:3, :3] = turn
    found = up_of_floor_points(points @ turn.T, rig_poses() @ world.T)
    assert found.degrees is not None and found.millimeters is not None
    assert angle(found.up, turn @ UP) < max(1e-6, 1.2 * noise)
    assert abs(found.height - 12) < max(1e-9, 3 * noise)
    assert (found.degrees > 1e-9) == (noise > 0)
    assert found.source == "floor_points"


def test_the_uncertainty_of_given_points_is_that_of_repeated_fits() -> None:
    grid = torch.cartesian_prod(*[torch.linspace(0, 200, 4, dtype=torch.float64)] * 2)
    chance = torch.Generator().manual_seed(1)
    errors, stated = [], []
    for _ in range(200):
        heights = torch.randn(len(grid), generator=chance, dtype=torch.float64)
        found = up_of_floor_points(torch.cat([grid, heights[:, None]], dim=1), rig_poses())
        assert found.degrees is not None
        errors.append(angle(found.up, UP) ** 2)
        stated.append(found.degrees**2)
    assert math.isclose(sum(errors), sum(stated), rel_tol=0.15)


def test_points_that_make_no_floor_are_refused() -> None:
    line = torch.tensor([[0.0, 0, 0], [100, 0, 0.4], [200, 0.5, 0], [300, 0, 0]], dtype=torch.float64)
    with pytest.raises(ValueError, match=r"4 points lie on a line: found 300 along and 0\.\d+ across, expected more"):
        up_of_floor_points(line, rig_poses())
    with pytest.raises(ValueError, match=re.escape("expected three or more points, all finite")):
        up_of_floor_points(line[:2], rig_poses())
    with pytest.raises(ValueError, match="all finite"):
        up_of_floor_points(line * math.nan, rig_poses())
    square = torch.tensor([[0.0, 0, 0], [100, 0, 0], [0, 100, 0]], dtype=torch.float64)
    three = up_of_floor_points(square, rig_poses())
    assert three.degrees is None and three.millimeters is None and angle(three.up, UP) < 1e-6
    both = rig_poses()[:2].clone()
    mirrored = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0], dtype=torch.float64))
    both[1] = both[0] @ mirrored
    with pytest.raises(ValueError, match="cameras stand on both sides of the floor alike"):
        up_of_floor_points(square, both)
