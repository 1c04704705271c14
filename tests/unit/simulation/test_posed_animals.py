"""Procedural animals from everywhere: a table like any other, on the contract, repeatable."""

import numpy as np
import pytest
import torch

from mouse_facelift.formats.sample_table import SampleTable, load_sample
from mouse_facelift.geometry.contract import contract_violations, subject_violations
from mouse_facelift.settings import Fill, Keep, PosedDataset, Relabel
from mouse_facelift.simulation.posed_animals import fitting_animal, random_poses, simulate_posed_animals
from tests.unit.simulation.contract import contract_of

CONTRACT = contract_of(32)


KEEP = Keep(mode="keep", center="frame", unit="contract")
FILL = Fill(mode="fill", radius=0.6, center="frame", rectify=False, residual_limit=1.0)


def simulate(folder, normalization=KEEP, **counts):
    table = folder / "table.json"
    plan = PosedDataset(**({"train": 3, "val": 1, "test": 1, "views": 4, "seed": 7} | counts))
    simulate_posed_animals(table, "posed", plan, "a_way", normalization, CONTRACT, samples=2)
    return table


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("posed"))


def test_the_table_is_one_that_any_room_reads(table):
    samples = SampleTable.read(table)
    assert [row.split for row in samples.samples] == ["train"] * 3 + ["val", "test"]
    assert (table.parent / "train.txt").read_text() == "animal_00000\nanimal_00001\nanimal_00002\n"
    assert samples.contract == CONTRACT.hash
    assert subject_violations(((row.subject_center, row.subject_radius) for row in samples.samples), CONTRACT) == []
    for row in samples.samples:
        sample = load_sample(table, row)
        assert sample.images.shape == (4, 32, 32, 4)
        assert contract_violations(sample.cameras, CONTRACT) == []


def test_every_view_shows_its_whole_animal(table):
    for row in SampleTable.read(table).samples:
        alpha = load_sample(table, row).alpha
        assert (alpha.amax(dim=(1, 2)) == 1).all()
        assert torch.cat([alpha[:, 0], alpha[:, -1], alpha[:, :, 0], alpha[:, :, -1]]).max() == 0


def test_the_same_seed_gives_the_same_bytes_whatever_the_counts(table, tmp_path):
    more = SampleTable.read(simulate(tmp_path / "more", train=5, val=0))
    other = SampleTable.read(simulate(tmp_path / "other", seed=8))
    checksums = [row.checksums for row in SampleTable.read(table).samples]
    assert [row.checksums for row in more.samples[:5]] == checksums
    assert all(row.checksums != first for row, first in zip(other.samples, checksums, strict=True))


@pytest.mark.parametrize("first", range(0, 60, 30))
def test_animals_are_as_large_as_the_contract_allows_and_the_nearest_camera_shows(first):
    for seed in range(first, first + 30):
        animal, reach, (near, far) = fitting_animal(np.random.SeedSequence(seed), KEEP, CONTRACT)
        assert np.linalg.norm(animal.pose.surface_points(), axis=-1).max() <= reach <= CONTRACT.subject_radius
        assert CONTRACT.distance_range[0] <= near < far == CONTRACT.distance_range[1]
        assert reach <= near * np.sin(np.radians(25.001))


def test_animals_fill_the_radius_of_a_normalization_that_says_so(tmp_path):
    table = simulate(tmp_path, FILL)
    samples = SampleTable.read(table)
    assert samples.normalization == "a_way"
    for row in samples.samples:
        assert row.subject_radius == 0.6
        distance = load_sample(table, row).cameras.centers.norm(dim=1)
        torch.testing.assert_close(distance, torch.full((4,), CONTRACT.distance, dtype=distance.dtype))
    with pytest.raises(ValueError, match=r"radius: found 1\.1, but the contract's cameras show"):
        simulate(tmp_path / "large", FILL.model_copy(update={"radius": 1.1}))


def test_what_breaks_the_contract_is_refused(tmp_path):
    with pytest.raises(ValueError, match="breaks the contract"):
        simulate(tmp_path, Relabel(mode="relabel", fill=0.6))


def test_poses_are_drawn_from_all_around_and_from_every_distance():
    poses = random_poses(np.random.default_rng(0), 4000, 1.8, 3.6)
    centers = poses[:, :3, 3]
    distance = np.linalg.norm(centers, axis=1)
    azimuth = np.degrees(np.arctan2(centers[:, 1], centers[:, 0]))
    height = centers[:, 2] / distance
    for values, low, high in (
        (distance, 1.8, 3.6),
        (azimuth, -180, 180),
        (height, np.sin(np.radians(-5)), np.sin(np.radians(75))),
    ):
        shares, _ = np.histogram(values, bins=10, range=(low, high))
        assert shares.sum() == 4000
        assert shares.min() > 300
    np.testing.assert_allclose(np.linalg.det(poses[:, :3, :3]), 1)
