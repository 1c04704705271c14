import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.rays import nearest_point_rays
from mouse_facelift.geometry.rotations import look_at

FXFYCXCY = torch.tensor([[17.0, 19.0, 5.5, 3.0]], dtype=torch.float64)


def pose_from(center: tuple[float, float, float]) -> torch.Tensor:
    target, up = torch.tensor([[0.1, -0.2, 0.3], [0.0, 0.0, 1.0]], dtype=torch.float64)
    return look_at(torch.tensor([center], dtype=torch.float64), target, up)


coordinates = st.floats(-5, 5)


@settings(deadline=None)
@given(center=st.tuples(coordinates, coordinates, st.floats(1, 5)), t=st.floats(0.1, 10))
def test_points_of_a_ray_project_to_its_pixel_center(center, t):
    pose = pose_from(center)
    rays = nearest_point_rays(pose, FXFYCXCY, height=6, width=10)
    points = (rays.origins + t * rays.directions)[0].flatten(1).T
    fx, fy, cx, cy = FXFYCXCY[0].tolist()
    K = torch.tensor([[[fx, 0, cx], [0, fy, cy], [0, 0, 1]]], dtype=torch.float64)
    pixels = Cameras(pose, K, width=10, height=6).project(points)[0].reshape(6, 10, 2)
    row, column = torch.meshgrid(torch.arange(6) + 0.5, torch.arange(10) + 0.5, indexing="ij")
    torch.testing.assert_close(pixels, torch.stack([column, row], dim=-1).double())


@settings(deadline=None)
@given(center=st.tuples(coordinates, coordinates, st.floats(1, 5)))
def test_the_nearest_point_is_square_to_the_ray(center):
    rays = nearest_point_rays(pose_from(center), FXFYCXCY, height=6, width=10)
    torch.testing.assert_close(rays.directions.norm(dim=1), torch.ones(1, 6, 10, dtype=torch.float64))
    assert (rays.nearest_points * rays.directions).sum(dim=1).abs().max() < 1e-9


def test_leading_axes_are_kept():
    pose, intrinsics = pose_from((2.0, 1.0, 1.0)), FXFYCXCY
    single = nearest_point_rays(pose[0], intrinsics[0], 6, 10)
    batch = nearest_point_rays(pose.expand(2, 3, 4, 4), intrinsics.expand(2, 3, 4), 6, 10)
    assert single.directions.shape == (3, 6, 10)
    assert torch.equal(batch.nearest_points, single.nearest_points.expand(2, 3, 3, 6, 10))


def broken(row: int, column: int, value: float) -> torch.Tensor:
    pose = torch.eye(4)
    pose[row, column] = value
    return pose[None]


@pytest.mark.parametrize(
    ("pose", "message"),
    [
        (broken(0, 0, -1.0), "mirrored"),
        (broken(0, 1, 0.5), "sheared"),
        (torch.diag(torch.tensor([2.0, 2.0, 2.0, 1.0]))[None], "scaled by 2"),
        (broken(1, 3, torch.nan), "not finite"),
        (broken(3, 2, 1.0), "last row"),
        (broken(3, 3, 2.0), "last row"),
    ],
)
def test_impossible_poses_are_refused(pose, message):
    with pytest.raises(ValueError, match=f"view 0: camera_to_world: .*{message}"):
        nearest_point_rays(pose, FXFYCXCY.float(), 6, 10)


@pytest.mark.parametrize("intrinsics", [[0.0, 19.0, 5.5, 3.0], [17.0, -1.0, 5.5, 3.0], [17.0, 19.0, torch.inf, 3.0]])
def test_impossible_intrinsics_are_refused(intrinsics):
    with pytest.raises(ValueError, match="view 0: fxfycxcy"):
        nearest_point_rays(torch.eye(4)[None], torch.tensor([intrinsics]), 6, 10)
