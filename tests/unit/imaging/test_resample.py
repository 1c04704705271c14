"""Resampling: right to a hundredth of a pixel, free of aliasing, free of fringes."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mouse_facelift.imaging.resample import SamplingMap, lens_map, ray_map, resample, resample_mask

NO_DISTORTION = np.zeros(5)
UNTURNED = np.eye(3)


def pinhole(focal: float, cx: float, cy: float, skew: float = 0.0) -> np.ndarray:
    return np.array([[focal, skew, cx], [0.0, focal, cy], [0.0, 0.0, 1.0]])


def zoom(raw_size: int, size: int) -> SamplingMap:
    """The whole of a square raw picture, reduced to a smaller one."""
    K = pinhole(400.0, raw_size / 2 - 0.5, raw_size / 2 - 0.5)
    return lens_map(K, NO_DISTORTION, UNTURNED, pinhole(400.0 * size / raw_size, size / 2, size / 2), size, size)


def test_a_map_to_itself_changes_nothing() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    sampling = lens_map(pinhole(300, 24.5, 19.5), NO_DISTORTION, UNTURNED, pinhole(300, 25.0, 20.0), 50, 40)
    assert sampling.reduction == pytest.approx((1.0, 1.0))
    rgba = resample(picture, np.ones((40, 50), dtype=bool), sampling)
    np.testing.assert_array_equal(rgba[..., :3], picture)
    assert (rgba[..., 3] == 255).all()


@pytest.mark.parametrize(("raw_size", "size"), [(256, 60), (300, 97), (288, 256), (100, 150)])
def test_pixel_centers_lie_half_a_pixel_in(raw_size: int, size: int) -> None:
    """A gradient shows where each pixel was taken; half a raw pixel off would be half a gray level."""
    ramp = np.arange(raw_size, dtype=np.uint8) if raw_size <= 256 else np.arange(raw_size) // 2
    picture = np.stack(np.broadcast_arrays(ramp[None, :], ramp[:, None], 0), -1).astype(np.uint8)
    rgba = resample(picture, np.ones((raw_size, raw_size), dtype=bool), zoom(raw_size, size)).astype(float)
    level = 1.0 if raw_size <= 256 else 0.5
    raw_centers = (np.arange(size) + 0.5) * raw_size / size - 0.5
    inner = slice(size // 8, -(size // 8))
    expected = raw_centers * level - (0 if raw_size <= 256 else 0.25)  # halving rounds down
    assert abs((rgba[..., 0] - expected[None, :])[inner, inner].mean()) < 0.05
    assert abs((rgba[..., 1] - expected[:, None])[inner, inner].mean()) < 0.05


lens = st.tuples(st.floats(-0.36, 0.2), st.floats(-0.05, 0.15), *[st.floats(-0.003, 0.003)] * 2, st.floats(-0.01, 0.01))
turn = st.tuples(*[st.floats(-0.35, 0.35)] * 3)


@given(lens, turn, st.floats(-2, 2), st.floats(0.3, 3))
def test_map_is_the_lens_model(
    distortion: tuple[float, ...], rotation: tuple[float, ...], skew: float, zoomed: float
) -> None:
    """Each pixel's ray, turned and bent by OpenCV's formula in double precision, meets its place in the map."""
    K, D = pinhole(600, 322.7, 241.1, skew), np.array(distortion)
    R = cv2.Rodrigues(np.array(rotation))[0]
    new_K = pinhole(70 * zoomed, 32, 32)
    sampling = lens_map(K, D, R, new_K, 64, 64)
    columns, rows = np.meshgrid(np.arange(64) + 0.5, np.arange(64) + 0.5)
    rays = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(new_K).T @ R
    x, y = (rays[..., axis] / rays[..., 2] for axis in range(2))
    r = x * x + y * y
    k1, k2, p1, p2, k3 = distortion
    radial = 1 + k1 * r + k2 * r**2 + k3 * r**3
    bent_x = x * radial + 2 * p1 * x * y + p2 * (r + 2 * x * x)
    bent_y = y * radial + p1 * (r + 2 * y * y) + 2 * p2 * x * y
    seen = sampling.x > -1e5
    near = seen & (r < 1)
    assert np.abs(sampling.x - (600 * bent_x + skew * bent_y + 322.7))[near].max(initial=0) < 2e-3
    assert np.abs(sampling.y - (600 * bent_y + 241.1))[near].max(initial=0) < 2e-3
    grows = 1 + 3 * k1 * r + 5 * k2 * r**2 + 7 * k3 * r**3
    assert (grows[seen] > 0).all()


@pytest.mark.parametrize("coefficients", [5, 4], ids=["ordinary", "fisheye"])
@given(lens, turn, st.floats(-2, 2))
@settings(max_examples=10)
def test_a_map_of_rays_is_that_of_the_pinhole_that_has_them(
    coefficients: int, distortion: tuple[float, ...], rotation: tuple[float, ...], skew: float
) -> None:
    K, D = pinhole(600, 322.7, 241.1, skew), np.array(distortion[:coefficients])
    R = cv2.Rodrigues(np.array(rotation))[0]
    expected = lens_map(K, D, R, pinhole(70, 32, 24), 64, 48)
    grid = np.stack([*np.meshgrid(np.arange(64) + 0.5, np.arange(48) + 0.5), np.ones((48, 64))], -1)
    depth = np.linspace(0.5, 2, 64)[:, None]
    found = ray_map(K, D, depth * (grid @ np.linalg.inv(pinhole(70, 32, 24)).T @ R))
    shown = expected.x > -1e5
    np.testing.assert_array_equal(found.x > -1e5, shown)
    np.testing.assert_allclose(found.x[shown], expected.x[shown], atol=1e-3)
    np.testing.assert_allclose(found.y[shown], expected.y[shown], atol=1e-3)
    assert found.reduction == pytest.approx(expected.reduction, rel=1e-2)


@given(lens, turn)
def test_reduction_is_the_step_of_the_map(distortion: tuple[float, ...], rotation: tuple[float, ...]) -> None:
    R = cv2.Rodrigues(np.array(rotation))[0]
    sampling = lens_map(pinhole(600, 300, 200, 0.5), np.array(distortion), R, pinhole(70, 32.5, 32.5), 65, 65)
    steps = [np.hypot((m[32, 33] - m[32, 31]) / 2, (m[33, 32] - m[31, 32]) / 2) for m in (sampling.x, sampling.y)]
    assert sampling.reduction == pytest.approx(steps, rel=5e-3)
    assert sampling.magnification == pytest.approx(np.sqrt(np.prod(steps)), rel=5e-3)


@given(turn)
def test_four_coefficients_are_a_fisheye_lens(rotation: tuple[float, ...]) -> None:
    D, K, new_K = np.array([0.05, -0.02, 0.004, -0.001]), pinhole(200, 320, 240), pinhole(50, 32, 32)
    R = cv2.Rodrigues(np.array(rotation))[0]
    sampling = lens_map(K, D, R, new_K, 64, 64)
    columns, rows = np.meshgrid(np.arange(64) + 0.5, np.arange(64) + 0.5)
    rays = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(new_K).T @ R
    before = rays[..., 2] > 0.1
    plane = (rays[before][:, :2] / rays[before][:, 2:])[:, None]
    expected = cv2.fisheye.distortPoints(plane, K, D)[:, 0]
    assert np.abs(sampling.x[before] - expected[:, 0]).max(initial=0) < 1e-3
    assert np.abs(sampling.y[before] - expected[:, 1]).max(initial=0) < 1e-3
    steps = [np.hypot((m[32, 33] - m[32, 31]) / 2, (m[33, 32] - m[31, 32]) / 2) for m in (sampling.x, sampling.y)]
    if before.all():
        assert sampling.reduction == pytest.approx(steps, rel=5e-2)


def test_a_fisheye_lens_sees_beside_and_behind_itself() -> None:
    D, K = np.zeros(4), pinhole(100, 319.5, 319.5)
    turned = cv2.Rodrigues(np.array([0.0, np.deg2rad(100.0), 0.0]))[0]  # 100 degrees off the axis
    sampling = lens_map(K, D, turned, pinhole(60, 32, 32), 64, 64)
    assert abs(abs(sampling.x[31:33, 31:33].mean() - 319.5) - 100 * np.deg2rad(100.0)) < 0.1
    assert (sampling.x > -1e5).all()


def test_a_rational_lens_ends_where_its_radius_turns_back() -> None:
    """Eight coefficients: r / (1 + r^2) grows until r = 1."""
    D = np.array([0, 0, 0, 0, 0, 1.0, 0, 0])
    sampling = lens_map(pinhole(100, 99.5, 99.5), D, np.eye(3), pinhole(20, 32, 32), 64, 64)
    columns, rows = np.meshgrid(np.arange(64) - 31.5, np.arange(64) - 31.5)
    np.testing.assert_array_equal(sampling.x > -1e5, np.hypot(columns, rows) < 20)


def test_rays_beyond_the_lens_show_nothing() -> None:
    """k1 = -0.3 alone bends the picture back from a radius of 1.05; a turned camera must not see it twice."""
    D = np.array([-0.3, 0, 0, 0, 0])
    turned = cv2.Rodrigues(np.array([0.0, 0.9, 0.0]))[0]
    sampling = lens_map(pinhole(100, 99.5, 99.5), D, turned, pinhole(60, 32, 32), 64, 64)
    columns, rows = np.meshgrid(np.arange(64) + 0.5, np.arange(64) + 0.5)
    rays = np.stack([columns, rows, np.ones_like(rows)], -1) @ np.linalg.inv(pinhole(60, 32, 32)).T @ turned
    radius = np.hypot(rays[..., 0], rays[..., 1]) / rays[..., 2]
    lost = (rays[..., 2] <= 0) | (radius > np.sqrt(1 / 0.9))
    assert 0.1 < lost.mean() < 0.9
    rgba = resample(np.full((200, 200, 3), 200, np.uint8), np.ones((200, 200), dtype=bool), sampling)
    assert (rgba[lost] == 0).all()
    assert (rgba[~lost & (radius < 1)][:, 3] == 255).all()
    np.testing.assert_array_equal(sampling.inside(200, 200)[lost], False)


@pytest.mark.parametrize("reduction", [2, 5, 20])
def test_reduction_averages(reduction: int) -> None:
    """Against the mean over each pixel's square; one raw pixel in many would be off by the texture's own spread."""
    size = 48
    raw_size = size * reduction
    noise = np.random.default_rng(1).normal(size=(raw_size, raw_size, 3)).astype(np.float32)
    spread = cv2.GaussianBlur(noise, (0, 0), 1.5) / cv2.GaussianBlur(noise, (0, 0), 1.5).std() * 40 + 128
    picture = np.clip(np.rint(spread), 0, 255).astype(np.uint8)
    rgba = resample(picture, np.ones((raw_size, raw_size), dtype=bool), zoom(raw_size, size)).astype(float)
    mean = picture.reshape(size, reduction, size, reduction, 3).mean((1, 3))
    plain = picture[reduction // 2 :: reduction, reduction // 2 :: reduction].astype(float)
    inner = slice(3, -3)
    error = np.sqrt(((rgba[..., :3] - mean)[inner, inner] ** 2).mean())
    assert error < 0.25 * np.sqrt(((plain - mean)[inner, inner] ** 2).mean())
    assert error < 5


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from([40, 64, 150, 333]), *[st.integers(0, 255)] * 2)
def test_no_background_bleeds_into_the_animal(seed: int, size: int, animal: int, background: int) -> None:
    """An animal of one color comes out in that color wherever it shows at all."""
    random = np.random.default_rng(seed)
    mask = cv2.GaussianBlur(random.normal(size=(200, 200)), (0, 0), 9) > 0.01
    picture = np.where(mask[..., None], [animal, 255 - animal, 90], [background, 255 - background, 255])
    rgba = resample(picture.astype(np.uint8), mask, zoom(200, size)).astype(int)
    shown = rgba[..., 3] > 0
    assert (abs(rgba[shown][:, :3] - [animal, 255 - animal, 90]) <= 1).all()
    assert (rgba[~shown] == 0).all()


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from([30, 64, 100, 260]), turn)
def test_alpha_keeps_the_area(seed: int, size: int, rotation: tuple[float, ...]) -> None:
    """Soft edges lose and gain nothing: the sum of alpha is the mask's area in new pixels."""
    x, y = np.random.default_rng(seed).uniform(70, 130, 2)
    rows, columns = np.mgrid[:200, :200]
    mask = np.hypot(columns - x, 1.4 * (rows - y)) < 25
    turned = cv2.Rodrigues(np.array([0, 0, rotation[2]]))[0]
    K, new_K = pinhole(400, 99.5, 99.5), pinhole(2.0 * size, size / 2, size / 2)
    sampling = lens_map(K, NO_DISTORTION, turned, new_K, size, size)
    alpha = resample(np.full((200, 200, 3), 9, np.uint8), mask, sampling)[..., 3] / 255
    assert alpha.sum() * sampling.magnification**2 == pytest.approx(mask.sum(), rel=0.01)
    soft = resample_mask(mask, sampling)
    np.testing.assert_allclose(soft, alpha, atol=0.5 / 255 + 1e-6)


def test_without_an_animal_the_picture_is_empty() -> None:
    picture, mask = np.full((50, 50, 3), 255, np.uint8), np.zeros((50, 50), dtype=bool)
    assert not resample(picture, mask, zoom(50, 20)).any()
    assert not resample_mask(mask, zoom(50, 20)).any()


def test_what_the_raw_picture_does_not_show_is_transparent() -> None:
    K = pinhole(100, 49.5, 49.5)
    sampling = lens_map(K, NO_DISTORTION, UNTURNED, pinhole(50, 64, 64), 128, 128)
    rgba = resample(np.full((100, 100, 3), 80, np.uint8), np.ones((100, 100), dtype=bool), sampling)
    inside = sampling.inside(100, 100)
    assert inside.sum() == 50 * 50
    assert (rgba[~cv2.dilate(inside.astype(np.uint8), np.ones((5, 5))).astype(bool)] == 0).all()
    assert (rgba[cv2.erode(inside.astype(np.uint8), np.ones((5, 5))).astype(bool)] == [80, 80, 80, 255]).all()
    assert (rgba[..., :3][rgba[..., 3] > 0] == 80).all()


@settings(max_examples=60)
@given(lens, turn, st.integers(0, 10**6), st.sampled_from([20, 61, 128]), st.floats(0.4, 6), st.sampled_from([4, 5, 8]))
def test_a_map_of_the_animal_alone_gives_the_same_picture(
    distortion: tuple[float, ...],
    rotation: tuple[float, ...],
    seed: int,
    size: int,
    zoomed: float,
    coefficients: int,
) -> None:
    random = np.random.default_rng(seed)
    D = np.zeros(coefficients)
    D[:4] = distortion[:4]
    K, new_K = pinhole(150, 99.5, 79.5, 0.4), pinhole(40 * zoomed, size / 2, size / 2)
    R = cv2.Rodrigues(1.5 * np.array(rotation))[0]
    mask = np.zeros((160, 200), dtype=bool)
    top, left = random.integers(0, 150), random.integers(0, 190)
    mask[top : top + random.integers(1, 60), left : left + random.integers(1, 60)] = True
    picture = random.integers(0, 256, (160, 200, 3)).astype(np.uint8)
    whole = lens_map(K, D, R, new_K, size, size)
    part = lens_map(K, D, R, new_K, size, size, mask)
    assert part.x.size <= whole.x.size
    assert part.reduction == whole.reduction
    expected, found = resample(picture, mask, whole).astype(int), resample(picture, mask, part).astype(int)
    # Pixel coordinates may differ in their last bits; what is hardly covered takes its color from few of them.
    assert abs(found[..., 3] - expected[..., 3]).max() <= 1
    covered = expected[..., 3] > 16
    assert abs(found - expected)[covered].max(initial=0) <= 2
    np.testing.assert_allclose(resample_mask(mask, part), resample_mask(mask, whole), atol=2e-3)


def test_a_map_of_the_animal_alone_is_small() -> None:
    mask = np.zeros((1024, 1152), dtype=bool)
    mask[500:600, 400:500] = True
    new_K = pinhole(800, 256, 256)
    D = np.array([-0.3, 0.1, 0, 0, 0])
    sampling = lens_map(pinhole(1600, 575.5, 511.5), D, UNTURNED, new_K, 512, 512, mask)
    assert sampling.x.size < 100 * 100
    assert not lens_map(pinhole(1600, 575.5, 511.5), D, UNTURNED, new_K, 512, 512, np.zeros_like(mask)).x.size
