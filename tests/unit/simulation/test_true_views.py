"""Cameras that no capture has, between those of a sample."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.formats.sample_table import SampleRow, SampleTable
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.contract import contract_violations
from mouse_facelift.geometry.similarity import Similarity
from mouse_facelift.simulation.ellipsoids import Pose
from mouse_facelift.simulation.true_points import even_points
from mouse_facelift.simulation.true_views import MARGIN, between
from tests.tiny_samples import CONTRACT, ring

VIEWS = 4


def table(center: tuple[float, float, float] = (0.0, 0.0, 0.0), violations: tuple[str, ...] = ()) -> SampleTable:
    row = SampleRow(
        name="walk_000",
        folder="walk_000",
        views=tuple(range(VIEWS)),
        view_names=tuple(map(str, range(VIEWS))),
        split="test",
        capture="walk",
        frame=0,
        millimeters_per_unit=100.0,
        subject_center=center,
        subject_radius=0.6,
        checksums={},
    )
    return SampleTable(
        dataset="real",
        normalization="fill",
        view_count=VIEWS,
        contract=CONTRACT.hash,
        violations=violations,
        samples=(row,),
    )


def angles(centers: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    x, y, z = centers.numpy().T
    return np.degrees(np.arctan2(y, x)) % 360, np.arctan2(z, np.hypot(x, y))


@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_they_keep_the_contract_and_stand_between_the_sample_s_cameras(seed: int, count: int) -> None:
    cameras = ring(VIEWS)
    found = between(cameras, table().samples[0], table(), count, CONTRACT, np.random.default_rng(seed))
    assert len(found) == count
    assert contract_violations(found, CONTRACT) == []
    azimuths, heights = angles(found.centers)
    taken, elevations = angles(cameras.centers)
    apart = np.abs((azimuths[:, None] - taken[None] + 180) % 360 - 180)
    assert apart.min() > 0.24 * 90  # in the middle half of gaps of 90 degrees
    assert heights.min() >= max(0, elevations.min() - MARGIN) - 1e-9
    assert heights.max() <= elevations.max() + MARGIN + 1e-9
    again = between(cameras, table().samples[0], table(), count, CONTRACT, np.random.default_rng(seed))
    assert torch.equal(found.camera_to_world, again.camera_to_world)


def test_the_widest_gap_comes_first() -> None:
    cameras = ring(8)[[0, 1, 2, 4]]  # 0, 45, 90, 180 degrees
    found = between(cameras, table().samples[0], table(), 2, CONTRACT, np.random.default_rng(0))
    azimuths, _ = angles(found.centers)
    assert 225 <= azimuths[0] <= 315
    assert 112 <= azimuths[1] <= 158


def test_off_the_contract_they_look_at_the_animal_wherever_it_is() -> None:
    center = (300.0, -40.0, 20.0)  # mm
    away = Similarity(100.0, torch.eye(3, dtype=torch.float64), -torch.tensor(center, dtype=torch.float64) / 100)
    cameras = Cameras(away.poses(ring(VIEWS).camera_to_world), ring(VIEWS).intrinsics, 16, 16)
    broken = table(center, ("distance: view 0",))
    found = between(cameras, broken.samples[0], broken, 3, CONTRACT, np.random.default_rng(0))
    pixels = found.project(torch.tensor([center], dtype=torch.float64))[:, 0]
    torch.testing.assert_close(pixels, torch.full((3, 2), 8.0, dtype=torch.float64))
    distances = torch.linalg.vector_norm(found.centers - torch.tensor(center), dim=-1)
    torch.testing.assert_close(distances, torch.full((3,), 270.0, dtype=torch.float64))


@pytest.mark.parametrize("count", [500, 5000])
def test_any_number_of_points_lies_evenly_on_the_surface(count: int) -> None:
    """Of two balls that do not touch, the larger has four times the points; of two in one another, the inner none."""
    pose = Pose(
        np.array([[0.0, 0, 0], [9, 0, 0], [9, 0, 0]]),
        np.repeat(np.eye(3)[None], 3, 0),
        np.array([[1.0] * 3, [2.0] * 3, [0.5] * 3]),
    )
    points = even_points(pose, count, np.random.default_rng(0))
    assert points.shape == (count, 3)
    assert len(np.unique(points, axis=0)) == count
    left = points[:, 0] < 4
    np.testing.assert_allclose(np.linalg.norm(points[left], axis=1), 1)
    np.testing.assert_allclose(np.linalg.norm(points[~left] - [9, 0, 0], axis=1), 2)
    assert left.mean() == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / count))
