"""The ray caster against formulas of a sphere and of an ellipsoid."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mouse_facelift.geometry.contract import contract_intrinsics
from mouse_facelift.simulation.builder import BodyBuilder, Skin, frame_along, random_waves
from mouse_facelift.simulation.ellipsoids import NO_MARK, Animal, Lights, default_lights
from mouse_facelift.simulation.pretraining import look_at_origin
from mouse_facelift.simulation.raycast import cast, trace_lenses
from tests.unit.simulation.contract import contract_of

DARK = Lights(1.0, np.zeros((0, 3)), np.zeros(0))
CAMERA = look_at_origin(np.array([0.7]), np.array([0.3]), 2.7)


def one_pinhole(size):
    return contract_intrinsics(contract_of(size)).numpy()[None]


def one_ellipsoid(center, radii, frame=None, color=(0.2, 0.5, 0.8)):
    body = BodyBuilder()
    body.add(center, radii, Skin.plain(color), frame)
    waves = random_waves(np.random.default_rng(0), (1.0, 1.0, 1.0))
    return Animal(body.pose(), body.coat(body.pose(), waves, (-10.0, -9.0), (NO_MARK, 0.0, 1.0), []))


def pixel_rays(camera_to_world, K, size):
    centers = np.arange(size) + 0.5
    u, v = np.meshgrid(centers, centers)
    local = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones_like(u)], axis=-1)
    return local @ camera_to_world[:3, :3].T


@settings(deadline=None, max_examples=30)
@given(
    center=st.tuples(*[st.floats(-0.4, 0.4)] * 3),
    radii=st.tuples(*[st.floats(0.05, 0.5)] * 3),
    axis=st.tuples(st.floats(0.1, 1), st.floats(-1, 1), st.floats(-1, 1)),
)
def test_every_pixel_center_hits_where_the_quadric_says(center, radii, axis):
    size = 48
    K = one_pinhole(size)
    frame = frame_along(axis)
    rgba, depth = cast(one_ellipsoid(center, radii, frame), DARK, CAMERA, trace_lenses(K, None, size, size, 1))
    rays = pixel_rays(CAMERA[0], K[0], size)
    shape = frame @ np.diag(1 / np.square(radii)) @ frame.T  # (x - c)^T shape (x - c) = 1
    o = CAMERA[0, :3, 3] - np.array(center)
    a = np.einsum("hwi,ij,hwj->hw", rays, shape, rays)
    b = np.einsum("hwi,ij,j->hw", rays, shape, o)
    under = b**2 - a * (o @ shape @ o - 1)
    clear = np.abs(under) > 1e-9 * b**2
    hit = under > 0
    np.testing.assert_array_equal((rgba[0, ..., 3] == 1)[clear], hit[clear])
    hit &= clear
    np.testing.assert_allclose(depth[0][hit], ((-b - np.sqrt(np.maximum(under, 0))) / a)[hit], rtol=1e-9)
    np.testing.assert_allclose(rgba[0][hit], np.broadcast_to([0.2, 0.5, 0.8, 1.0], rgba[0][hit].shape), atol=1e-12)


def test_a_sphere_on_the_axis_covers_the_disk_of_its_tangent_cone():
    size, radius = 64, 0.4
    K = one_pinhole(size)
    sphere = one_ellipsoid((0.0, 0.0, 0.0), (radius,) * 3)
    rgba, depth = cast(sphere, DARK, CAMERA, trace_lenses(K, None, size, size, 4))
    tangent = radius / np.sqrt(2.7**2 - radius**2)
    assert rgba[..., 3].sum() == pytest.approx(np.pi * (K[0, 0, 0] * tangent) ** 2, rel=3e-3)
    assert depth[0, 31:33, 31:33].mean() == pytest.approx(2.7 - radius, abs=1e-3)
    assert (depth[rgba[..., 3] == 0] == 0).all()


def test_the_nearer_part_hides_the_farther_one():
    body = BodyBuilder()
    outward = CAMERA[0, :3, 3] / 2.7
    body.add(0.3 * outward, (0.1,) * 3, Skin.plain((1.0, 0.0, 0.0)))
    body.add(-0.3 * outward, (0.2,) * 3, Skin.plain((0.0, 1.0, 0.0)))
    waves = random_waves(np.random.default_rng(0), (1.0, 1.0, 1.0))
    animal = Animal(body.pose(), body.coat(body.pose(), waves, (-10.0, -9.0), (NO_MARK, 0.0, 1.0), []))
    rgba, _ = cast(animal, DARK, CAMERA, trace_lenses(one_pinhole(65), None, 65, 65, 1))
    np.testing.assert_allclose(rgba[0, 32, 32], [1, 0, 0, 1])
    assert (rgba[0, ..., 1] > 0).any()


def test_bands_change_nothing():
    lenses = trace_lenses(one_pinhole(33), None, 33, 33, 3)
    animal = one_ellipsoid((0.1, 0.0, 0.0), (0.3, 0.2, 0.4))
    one = cast(animal, default_lights(), CAMERA, lenses, bands=1)
    many = cast(animal, default_lights(), CAMERA, lenses, bands=7)
    np.testing.assert_array_equal(one[0], many[0])
    np.testing.assert_array_equal(one[1], many[1])


def test_a_similarity_of_world_and_cameras_keeps_the_picture():
    size = 40
    K = one_pinhole(size)
    lenses = trace_lenses(K, None, size, size, 2)
    animal = one_ellipsoid((0.1, 0.2, -0.1), (0.3, 0.2, 0.4), frame_along((1.0, 1.0, 0.3)))
    turn, shift, scale = frame_along((0.2, 1.0, 0.5)), np.array([3.0, -2.0, 5.0]), 40.0
    moved = Animal(animal.pose.moved(scale, turn, shift), animal.coat)
    camera = CAMERA.copy()
    camera[0, :3, :3] = turn @ CAMERA[0, :3, :3]
    camera[0, :3, 3] = scale * turn @ (CAMERA[0, :3, 3] - shift)
    here, _ = cast(animal, default_lights(), CAMERA, lenses)
    there, _ = cast(moved, default_lights().turned(turn), camera, lenses)
    np.testing.assert_allclose(here, there, atol=1e-9)


def test_a_part_behind_the_camera_is_not_seen():
    animal = one_ellipsoid(2 * CAMERA[0, :3, 3], (0.4,) * 3)
    rgba, _ = cast(animal, DARK, CAMERA, trace_lenses(one_pinhole(16), None, 16, 16, 1))
    assert rgba.max() == 0


def test_a_lens_that_folds_is_refused():
    with pytest.raises(ValueError, match="folds inside the 32 x 32 picture"):
        trace_lenses(one_pinhole(32), np.array([[-9.0, 0, 0, 0, 0]]), 32, 32, 1)


def test_skew_is_refused():
    K = one_pinhole(32)
    K[0, 0, 1] = 2.0
    with pytest.raises(ValueError, match="no skew"):
        trace_lenses(K, None, 32, 32, 1)
