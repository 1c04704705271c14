"""Procedural animals: on the contract, repeatable, complete."""

import json

import cv2
import numpy as np
import pytest

from mouse_facelift.simulation.animals import random_animal
from mouse_facelift.simulation.pretraining import simulate_animal_samples, simulate_animals
from mouse_facelift.simulation.preview import preview_animals


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretraining") / "animals"
    simulate_animals(folder, count=5, views=3, size=32, seed=7, shard_size=2)
    return folder


def load(path):
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


def test_shards_hold_every_animal(shards):
    assert sorted(p.name for p in shards.iterdir()) == ["animals_000.npz", "animals_001.npz", "animals_002.npz"]
    sizes = [load(p)["images"].shape for p in sorted(shards.iterdir())]
    assert sizes == [(2, 3, 32, 32, 4), (2, 3, 32, 32, 4), (1, 3, 32, 32, 4)]


def test_cameras_meet_the_contract(shards):
    arrays = load(shards / "animals_000.npz")
    poses = arrays["camera_to_world"].astype(np.float64)
    np.testing.assert_allclose(arrays["fxfycxcy"], np.broadcast_to([548.99377 / 16, 548.99377 / 16, 16, 16], (2, 3, 4)))
    np.testing.assert_allclose(np.linalg.norm(poses[..., :3, 3], axis=-1), 2.7, rtol=1e-6)
    np.testing.assert_allclose(poses[..., :3, 3], -2.7 * poses[..., :3, 2], atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(poses[..., :3, :3]), 1, rtol=1e-6)
    np.testing.assert_allclose(poses[..., 2, 0], 0, atol=1e-7)  # no roll
    assert (poses[..., 2, 1] < 0).all()  # y down, z up
    height = poses[..., 2, 3] / 2.7
    assert (height > np.sin(np.radians(-5.1))).all() and (height < np.sin(np.radians(60.1))).all()


def test_every_view_sees_an_animal_away_from_the_border(shards):
    for path in shards.iterdir():
        images = load(path)["images"]
        assert (images[..., 3].max(axis=(2, 3)) == 255).all()
        for border in (images[:, :, 0], images[:, :, -1], images[:, :, :, 0], images[:, :, :, -1]):
            assert border.max() == 0
        assert images[images[..., 3] == 0].max() == 0


def test_the_same_seed_gives_the_same_bytes(shards, tmp_path):
    simulate_animals(tmp_path / "again", count=5, views=3, size=32, seed=7, shard_size=2)
    simulate_animals(tmp_path / "other", count=2, views=3, size=32, seed=8, shard_size=2)
    for path in shards.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
    assert (shards / "animals_000.npz").read_bytes() != (tmp_path / "other" / "animals_000.npz").read_bytes()


def test_sample_folders_show_what_the_shards_hold(shards, tmp_path):
    simulate_animal_samples(tmp_path, count=1, views=3, size=32, seed=7)
    sample = tmp_path / "animal_00000"
    cameras = json.loads((sample / "opencv_cameras.json").read_text())
    arrays = load(shards / "animals_000.npz")
    assert cameras["id"] == "animal_00000"
    for view, frame in enumerate(cameras["frames"]):
        image = cv2.imread(str(sample / frame["file_path"]), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA), arrays["images"][0, view])
        np.testing.assert_allclose(np.linalg.inv(frame["w2c"]), arrays["camera_to_world"][0, view], atol=1e-6)
        assert [frame[k] for k in ("fx", "fy", "cx", "cy")] == pytest.approx(list(arrays["fxfycxcy"][0, view]))
        assert (frame["w"], frame["h"]) == (32, 32)


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_animals_lie_about_the_origin(first):
    for seed in range(first, first + 20):
        reach = np.linalg.norm(random_animal(seed).pose.surface_points(), axis=-1).max()
        assert 0.2 < reach < 1.0


def test_a_preview_shows_whole_rows_of_animals(shards, tmp_path):
    preview_animals(shards / "animals_000.npz", tmp_path / "sheet.png", rows=2, columns=1)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape == (64, 96, 3)
    assert sheet[0, 0].tolist() == [255, 255, 255]


def test_nothing_to_draw_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must be positive"):
        simulate_animals(tmp_path / "none", count=0, views=3, size=32, seed=0)
