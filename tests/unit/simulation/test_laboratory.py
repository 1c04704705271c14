"""The simulated capture: what the laboratory gets, and that it agrees with the truth kept apart."""

import tomllib

import av
import cv2
import numpy as np
import pytest
import torch
from scipy.io import loadmat

from mouse_facelift.geometry.similarity import Similarity
from mouse_facelift.imaging.video import read_frames
from mouse_facelift.simulation.builder import BodyBuilder, Skin, frame_along, random_waves
from mouse_facelift.simulation.ellipsoids import NO_MARK, Animal, default_lights
from mouse_facelift.simulation.laboratory import simulate_capture
from mouse_facelift.simulation.preview import preview_capture
from mouse_facelift.simulation.raycast import cast, trace_lenses
from mouse_facelift.simulation.reference_rig import ARENA_CENTER, reference_rig
from mouse_facelift.simulation.truth import read_truth, render_truth

CAMERAS = [f"Camera{number}" for number in range(1, 7)]
SCALE, FRAMES = 0.125, 3
UP = np.array([0.0, 0.0, 1.0])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("laboratory")
    simulate_capture(folder / "capture", folder / "truth", "walk", FRAMES, seed=5, scale=SCALE, extra_every=2)
    return folder


def read_frame(path, number):
    return next(read_frames(path, [number]))[1]


def opencv_projection(rig, view, points):
    """Where cv2 puts points in mm, in pixels from the picture's outer corner."""
    world_to_camera = np.linalg.inv(rig.camera_to_world[view])
    K = rig.intrinsics[view].copy()
    K[:2, 2] -= 0.5
    rotation, _ = cv2.Rodrigues(world_to_camera[:3, :3])
    pixels, _ = cv2.projectPoints(points, rotation, world_to_camera[:3, 3], K, rig.distortion[view])
    return pixels[:, 0] + 0.5


def test_the_laboratory_gets_videos_masks_and_calibration_alone(recorded):
    found = {str(p.relative_to(recorded / "capture")) for p in (recorded / "capture").rglob("*") if p.is_file()}
    videos = {f"{kind}/{name}.mp4" for kind in ("videos", "masks") for name in CAMERAS}
    assert found == videos | {"calibration.toml"}
    assert sorted(p.name for p in recorded.iterdir()) == ["capture", "truth"]


def test_videos_have_the_stated_frames_size_and_codec(recorded):
    for path in (recorded / "capture").rglob("*.mp4"):
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            assert (stream.codec_context.name, stream.average_rate) == ("h264", 50)
            assert (stream.width, stream.height) == (144, 128)
            assert sum(1 for _ in container.decode(stream)) == FRAMES


def test_the_calibration_file_says_what_the_simulator_used(recorded):
    with (recorded / "capture/calibration.toml").open("rb") as file:
        written = tomllib.load(file)
    rig = reference_rig(SCALE)
    assert sorted(written) == [*(f"cam_{view}" for view in range(6)), "metadata"]
    for view in range(6):
        camera = written[f"cam_{view}"]
        assert (camera["name"], camera["size"]) == (CAMERAS[view], [144, 128])
        K = np.array(camera["matrix"])
        K[:2, 2] += 0.5
        np.testing.assert_allclose(K, rig.intrinsics[view], rtol=1e-14)
        np.testing.assert_array_equal(camera["distortions"], rig.distortion[view])
        rotation, _ = cv2.Rodrigues(np.array(camera["rotation"]))
        np.testing.assert_allclose(rotation.T, rig.camera_to_world[view, :3, :3], atol=1e-12)
        center = -rotation.T @ np.array(camera["translation"])
        np.testing.assert_allclose(center, rig.camera_to_world[view, :3, 3], atol=1e-9)


def test_a_quarter_picture_sees_the_same_rays_as_the_full_one():
    full, quarter = reference_rig(1.0), reference_rig(0.25)
    points = ARENA_CENTER + np.random.default_rng(0).uniform(-50, 50, size=(20, 3))
    for view in range(6):
        np.testing.assert_allclose(
            opencv_projection(quarter, view, points), opencv_projection(full, view, points) / 4, atol=1e-9
        )


def test_a_scale_of_odd_pixels_is_refused():
    with pytest.raises(ValueError, match="even numbers"):
        reference_rig(1 / 128)


@pytest.mark.parametrize("view", range(6))
def test_small_balls_appear_where_opencv_projects_them(view):
    rig = reference_rig(0.25)
    lenses = trace_lenses(rig.intrinsics[[view]], rig.distortion[[view]], rig.width, rig.height, 4)
    towards_edge = rig.camera_to_world[view, :3, :3] @ np.array([85.0, -60.0, 0.0])
    for point in (ARENA_CENTER + 15 * UP, ARENA_CENTER + 60 * UP + towards_edge):
        body = BodyBuilder()
        body.add(point, (2.0, 2.0, 2.0), Skin.plain((1.0, 1.0, 1.0)))
        waves = random_waves(np.random.default_rng(0), (1.0, 1.0, 1.0))
        ball = Animal(body.pose(), body.coat(body.pose(), waves, (-10.0, -9.0), (NO_MARK, 0.0, 1.0), []))
        alpha = cast(ball, default_lights(), rig.camera_to_world[[view]], lenses)[0][0, ..., 3]
        assert alpha.sum() > 5
        v, u = np.nonzero(alpha)
        seen = np.array([(alpha[v, u] * (u + 0.5)).sum(), (alpha[v, u] * (v + 0.5)).sum()]) / alpha.sum()
        np.testing.assert_allclose(seen, opencv_projection(rig, view, point[None])[0], atol=0.05)


def test_key_points_land_on_the_animal_and_in_its_mask(recorded):
    truth = read_truth(recorded / "truth")
    rig = truth.rig
    for frame in range(FRAMES):
        rgba, _ = render_truth(
            truth, frame, rig.camera_to_world, rig.intrinsics, rig.width, rig.height, rig.distortion, samples=3
        )
        for view, name in enumerate(rig.names):
            pixels = np.floor(opencv_projection(rig, view, truth.key_points[frame])).astype(int)
            assert (rgba[view, pixels[:, 1], pixels[:, 0], 3] > 0).all()
            mask = read_frame(recorded / "capture/masks" / f"{name}.mp4", frame)[..., 0] > 127
            drawn = rgba[view, ..., 3] >= 0.5
            assert (mask & drawn).sum() / (mask | drawn).sum() > 0.9
            center = opencv_projection(rig, view, truth.centroids[[frame]])[0].astype(int)
            assert mask[center[1], center[0]]


def test_masks_are_lossy(recorded):
    values = np.unique(read_frame(recorded / "capture/masks/Camera1.mp4", 0))
    assert len(values) > 2


def test_the_video_shows_the_animal_of_the_truth(recorded):
    truth = read_truth(recorded / "truth")
    rig = truth.rig
    rgba, _ = render_truth(truth, 1, rig.camera_to_world, rig.intrinsics, rig.width, rig.height, rig.distortion)
    for view, name in enumerate(rig.names):
        inside = cv2.erode((rgba[view, ..., 3] == 1).astype(np.uint8), np.ones((5, 5))) == 1
        seen = read_frame(recorded / "capture/videos" / f"{name}.mp4", 1)[inside] / 255
        assert np.abs(seen - rgba[view][inside, :3]).mean() < 0.06


def test_truth_draws_alike_in_any_similar_world(recorded):
    truth = read_truth(recorded / "truth")
    extra = truth.extra
    turn, center = torch.from_numpy(frame_along((0.3, 0.8, 0.1))), torch.from_numpy(truth.centroids[0])
    world = Similarity(0.0087, turn, center)
    moved = world.poses(torch.from_numpy(extra.camera_to_world)).numpy()
    rgba, depth = render_truth(truth, 0, extra.camera_to_world, extra.intrinsics, 64, 64, samples=2)
    again, nearer = render_truth(truth, 0, moved, extra.intrinsics, 64, 64, similarity=world, samples=2)
    np.testing.assert_allclose(rgba, again, atol=1e-6)
    np.testing.assert_allclose(depth * world.scale, nearer, atol=1e-6)


def test_extra_pictures_show_the_truth(recorded):
    truth = read_truth(recorded / "truth")
    extra = truth.extra
    assert truth.extra_frames == (0, 2)
    assert sorted(p.name for p in (recorded / "truth/extra").iterdir()) == list(extra.names)
    rgba, _ = render_truth(truth, 2, extra.camera_to_world, extra.intrinsics, extra.width, extra.height)
    for view, name in enumerate(extra.names):
        picture = cv2.imread(str(recorded / "truth/extra" / name / "frame_00002.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_allclose(picture[..., 3], rgba[view, ..., 3] * 255, atol=0.51)
        assert picture[picture[..., 3] == 0].max() == 0
        assert (rgba[view, ..., 3] > 0).sum() > 500


def test_the_same_seed_gives_the_same_bytes(recorded, tmp_path):
    simulate_capture(tmp_path / "capture", tmp_path / "truth", "walk", FRAMES, seed=5, scale=SCALE, extra_every=2)
    files = [p for p in recorded.rglob("*") if p.is_file()]
    assert len(files) == 13 + 2 + 6
    for path in files:
        assert path.read_bytes() == (tmp_path / path.relative_to(recorded)).read_bytes(), path


def test_other_seeds_differ(recorded, tmp_path):
    simulate_capture(tmp_path / "capture", tmp_path / "truth", "walk", 2, seed=6, scale=SCALE)
    assert np.abs(read_truth(tmp_path / "truth").centroids[0] - read_truth(recorded / "truth").centroids[0]).max() > 1


def test_a_preview_shows_every_camera(recorded, tmp_path):
    preview_capture(recorded / "capture", tmp_path / "sheet.png", columns=2)
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (6 * 128, 4 * 144, 3)


@pytest.mark.shared
def test_the_table_holds_the_published_numbers(shared):
    published = loadmat(shared / "calibration_examples/dannce_label3d/label3d_dannce.mat")["params"].ravel()
    rig = reference_rig(1.0)
    for view, entry in enumerate(published):
        camera = entry[0, 0]
        K = camera["K"].T
        np.testing.assert_allclose(rig.intrinsics[view, [0, 1], [0, 1]], K[[0, 1], [0, 1]], rtol=1e-15)
        np.testing.assert_allclose(rig.intrinsics[view, :2, 2], K[:2, 2] - 0.5, rtol=1e-15)
        world_to_camera = np.linalg.inv(rig.camera_to_world[view])
        np.testing.assert_allclose(world_to_camera[:3, :3], camera["r"].T, atol=1e-12)
        np.testing.assert_allclose(world_to_camera[:3, 3], camera["t"].ravel(), rtol=1e-12)
        k1, k2, k3 = camera["RDistort"].ravel()
        np.testing.assert_array_equal(rig.distortion[view], [k1, k2, *camera["TDistort"].ravel(), k3])
