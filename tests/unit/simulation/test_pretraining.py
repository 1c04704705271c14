"""Procedural animals: on the contract, repeatable, complete."""

import cv2
import numpy as np
import pytest

from mouse_facelift.formats.packs import read_pack
from mouse_facelift.formats.sample_folder import read_sample
from mouse_facelift.simulation.animals import random_animal
from mouse_facelift.simulation.pretraining import simulate_animal_samples, simulate_animals
from mouse_facelift.simulation.preview import preview_animals
from tests.unit.simulation.contract import contract_of


@pytest.fixture(scope="module")
def packs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretraining") / "animals"
    simulate_animals(folder, count=5, views=3, contract=contract_of(32), seed=7, pack_size=2)
    return folder


def test_packs_hold_every_animal(packs):
    assert sorted(p.name for p in packs.iterdir()) == ["animals_000.npz", "animals_001.npz", "animals_002.npz"]
    sizes = [read_pack(p).images.shape for p in sorted(packs.iterdir())]
    assert sizes == [(2, 3, 32, 32, 4), (2, 3, 32, 32, 4), (1, 3, 32, 32, 4)]


def test_cameras_meet_the_contract(packs):
    pack = read_pack(packs / "animals_000.npz")
    poses = pack.camera_to_world.astype(np.float64)
    np.testing.assert_allclose(pack.fxfycxcy, np.broadcast_to([548.99377 / 16, 548.99377 / 16, 16, 16], (2, 3, 4)))
    np.testing.assert_allclose(np.linalg.norm(poses[..., :3, 3], axis=-1), 2.7, rtol=1e-6)
    np.testing.assert_allclose(poses[..., :3, 3], -2.7 * poses[..., :3, 2], atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(poses[..., :3, :3]), 1, rtol=1e-6)
    np.testing.assert_allclose(poses[..., 2, 0], 0, atol=1e-7)  # no roll
    assert (poses[..., 2, 1] < 0).all()  # y down, z up
    height = poses[..., 2, 3] / 2.7
    assert (height > np.sin(np.radians(-5.1))).all() and (height < np.sin(np.radians(60.1))).all()


def test_every_view_sees_an_animal_away_from_the_border(packs):
    for path in packs.iterdir():
        images = read_pack(path).images
        assert (images[..., 3].max(axis=(2, 3)) == 255).all()
        for border in (images[:, :, 0], images[:, :, -1], images[:, :, :, 0], images[:, :, :, -1]):
            assert border.max() == 0
        assert images[images[..., 3] == 0].max() == 0


def test_the_same_seed_gives_the_same_bytes(packs, tmp_path):
    simulate_animals(tmp_path / "again", count=5, views=3, contract=contract_of(32), seed=7, pack_size=2)
    simulate_animals(tmp_path / "other", count=2, views=3, contract=contract_of(32), seed=8, pack_size=2)
    for path in packs.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
    assert (packs / "animals_000.npz").read_bytes() != (tmp_path / "other" / "animals_000.npz").read_bytes()


def test_sample_folders_show_what_the_packs_hold(packs, tmp_path):
    simulate_animal_samples(tmp_path, count=1, views=3, contract=contract_of(32), seed=7)
    sample = read_sample(tmp_path / "animal_00000")
    pack = read_pack(packs / "animals_000.npz")
    np.testing.assert_array_equal(sample.images, pack.images[0])
    np.testing.assert_allclose(sample.cameras.camera_to_world, pack.camera_to_world[0], atol=1e-6)
    np.testing.assert_allclose(sample.cameras.fxfycxcy, pack.fxfycxcy[0], rtol=1e-6)


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_animals_lie_within_what_the_contract_s_cameras_see(first):
    widest = 2.7 * np.sin(np.radians(25))  # radius of the sphere that touches the sides of their pyramid
    for seed in range(first, first + 20):
        reach = np.linalg.norm(random_animal(seed).pose.surface_points(), axis=-1).max()
        assert 0.2 < reach < widest


def test_a_preview_shows_whole_rows_of_animals(packs, tmp_path):
    preview_animals(packs / "animals_000.npz", tmp_path / "sheet.png", rows=2, columns=1)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape == (64, 96, 3)
    assert sheet[0, 0].tolist() == [255, 255, 255]


def test_nothing_to_draw_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must be positive"):
        simulate_animals(tmp_path / "none", count=0, views=3, contract=contract_of(32), seed=0)
