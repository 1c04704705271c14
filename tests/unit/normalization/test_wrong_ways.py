"""Ways that are wrong for the network say so, and their pictures are still those of the cameras that took them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from normalizing import RELABEL, Run, over_white, psnr, similarity_of

from mouse_facelift.dataset.assemble import assemble_dataset
from mouse_facelift.formats.sample_folder import read_sample
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.formats.views import Views
from mouse_facelift.geometry.contract import contract_violations
from mouse_facelift.settings import CameraContract, Dataset, Keep, Resize, Split
from mouse_facelift.training.honesty import require_honest


def test_resize_is_consistent_with_its_own_cameras(run: Run, recording: Any) -> None:
    """Wrong for the network, but no lie: its K and poses are those of the stretched pictures."""
    path = run(Resize(mode="resize", normalize_distance_to=2.7, center="file"))
    views = Views.read(path)
    fields = {violation.split(":")[0] for violation in views.violations}
    assert {"focal", "principal_point", "aim", "roll"} <= fields
    sample = views.samples[0]
    read = read_sample(path.parent / sample.folder)
    true = recording.truth(sample.frame, read.cameras, similarity_of(sample).inverse_points, samples=5)
    for view, found in enumerate(read.over_white().permute(0, 2, 3, 1).numpy()):
        assert psnr(found, over_white(true[view])) > 38


def test_resize_in_millimeters_records_where_the_animal_is(run: Run, recording: Any) -> None:
    path = run(Resize(mode="resize", normalize_distance_to=None, center="file"))
    views = Views.read(path)
    fields = {violation.split(":")[0] for violation in views.violations}
    assert {"distance", "subject_radius", "focal"} <= fields
    assert sum(violation.startswith("subject_radius") for violation in views.violations) == 1
    for sample in views.samples:
        assert sample.scale == 1
        animal = recording.animals[sample.frame]
        assert np.linalg.norm(np.array(sample.subject_center) - animal.centers[0]) < 20
        assert 55 < sample.subject_radius < 75


def test_relabel_shows_the_animal_equally_large_through_cameras_that_look_perfect(
    run: Run, contract: CameraContract
) -> None:
    path = run(RELABEL)
    for sample in Views.read(path).samples:
        read = read_sample(path.parent / sample.folder)
        assert contract_violations(read.cameras, contract) == []
        distances = torch.linalg.vector_norm(read.cameras.centers, dim=-1)
        torch.testing.assert_close(distances, torch.full_like(distances, contract.distance))
        for alpha in read.alpha.numpy():
            sides = []
            for axis in range(2):
                shown = np.flatnonzero((alpha > 0.25).any(axis))
                assert (shown[0] + shown[-1] + 1) / 2 == pytest.approx(32, abs=1)
                sides.append(len(shown))
            assert max(sides) == pytest.approx(0.7 * 64, abs=1.5)


def test_relabel_says_that_pixels_and_cameras_disagree(run: Run) -> None:
    """Its cameras cannot tell; what was measured against the cameras through which the pictures were taken does."""
    views = Views.read(run(RELABEL))
    assert [line for line in views.violations if line.startswith("pixels: view Camera")]
    assert len(views.violations) == 1
    worst = max(residual.p95 for sample in views.samples for residual in sample.residuals)
    assert worst > 8
    assert f"lies {worst:.1f} px" in views.violations[0]


def test_relabel_is_refused_unless_an_experiment_allows_it(run: Run, contract: CameraContract, tmp_path: Path) -> None:
    """Each of its cameras keeps the contract, so the network's side must go by what the manifest says."""
    dataset = Dataset(domain="mouse", captures=("ellipsoids",), views=6, split=Split(blocks=("train", "test"), gap=0))
    table = tmp_path / "table.json"
    assemble_dataset([run(RELABEL)], table, tmp_path / "residuals.csv", "real", dataset, "relabel", contract)
    samples = SampleTable.read(table)
    with pytest.raises(ValueError, match=r"breaks the camera contract:\n  pixels: view Camera\d: found a picture that"):
        require_honest(samples, table, contract, False, "grade_a")
    require_honest(samples, table, contract, True, "grade_a")


def test_millimeters_are_recorded(run: Run) -> None:
    views = Views.read(run(Keep(mode="keep", center="frame", unit="millimeters")))
    assert {line.split(":")[0] for line in views.violations} == {"distance", "subject_radius"}
