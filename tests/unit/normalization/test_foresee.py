"""What is foreseen is what normalization then does."""

from pathlib import Path
from typing import Any

import pytest

from mouse_facelift.formats.foreseen import Foreseen, ForeseenWay
from mouse_facelift.formats.sample_folder import read_sample
from mouse_facelift.formats.verdict import Found, Refused
from mouse_facelift.formats.views import Views
from mouse_facelift.normalization.foresee import foresee_normalization
from mouse_facelift.normalization.normalize import normalize_views
from mouse_facelift.settings import (
    CameraContract,
    Contract,
    Fill,
    Normalization,
    NormalizationWork,
    Relabel,
    Resize,
)

WORK = NormalizationWork(hull_resolution=40)
CONTRACT = Contract(mode="contract", center="frame", rectify=False, residual_limit=1)
FILL = Fill(mode="fill", radius=0.6, center="frame", rectify=False, residual_limit=3)
NOT_READ = Refused(capture="ellipsoids", calibration="c.toml", refusal="in this test nobody measured")


def foresee(recording: Any, contract: CameraContract, folder: Path, ways: dict[str, Normalization]) -> Foreseen:
    Found(frames=recording.frames, measured=NOT_READ).write(folder / "found.json")
    foresee_normalization(folder / "found.json", ways, contract, WORK, folder / "foreseen.json")
    return Foreseen.read(folder / "foreseen.json")


@pytest.mark.parametrize("way", [CONTRACT, FILL], ids=lambda way: way.mode)
def test_it_agrees_with_the_views_that_are_made(
    way: Normalization, recording: Any, contract: CameraContract, tmp_path: Path
) -> None:
    (foreseen,) = foresee(recording, contract, tmp_path, {"way": way}).ways
    samples, alphas = [], []
    for chunk in range(2):
        path = tmp_path / f"chunk_{chunk}" / "manifest.json"
        normalize_views(recording.manifest, path, chunk, way, "way", contract, WORK)
        samples += Views.read(path).samples
        alphas += [read_sample(path.parent / sample.folder).alpha for sample in Views.read(path).samples]
    assert [view.camera for view in foreseen.views] == list(samples[0].view_names)
    for number, view in enumerate(foreseen.views):
        residuals = sorted(sample.residuals[number].p95 for sample in samples)
        assert view.residual.p95 == pytest.approx(residuals[1])  # the middle one of three frames
        assert view.residual.max == pytest.approx(max(sample.residuals[number].max for sample in samples))
        magnifications = sorted(sample.magnification[number] for sample in samples)
        assert view.magnification == pytest.approx(magnifications[1])
        assert view.distance == pytest.approx((2.7, 2.7))
        assert view.clipped == 0
        covered = sorted(float((alpha[number] > 0.5).double().mean()) for alpha in alphas)
        assert view.filled == pytest.approx(covered[1], rel=0.4)  # told from points of a hull, which is too large


def by_name(found: Foreseen) -> dict[str, ForeseenWay]:
    return {way.normalization: way for way in found.ways}


def test_what_would_be_refused_is_told_and_wrong_ways_are_marked(
    recording: Any, contract: CameraContract, tmp_path: Path
) -> None:
    ways = by_name(
        foresee(
            recording,
            contract,
            tmp_path,
            {
                "strict": FILL.model_copy(update={"residual_limit": 0.05}),
                "resize": Resize(mode="resize", normalize_distance_to=None, center="file"),
                "relabel": Relabel(mode="relabel", fill=0.6),
            },
        )
    )
    assert ways["strict"].honest and "residual_limit is 0.05 px" in str(ways["strict"].refusal)
    assert not ways["resize"].honest and ways["resize"].refusal is None
    assert min(view.distance[0] for view in ways["resize"].views) > 100  # millimeters
    assert not ways["relabel"].honest
    assert max(view.residual.p95 for view in ways["relabel"].views) > 1


def test_what_leaves_the_picture_is_clipped(recording: Any, contract: CameraContract, tmp_path: Path) -> None:
    narrow = contract.model_copy(update={"focal": contract.focal * 6})
    (way,) = foresee(recording, narrow, tmp_path, {"contract": CONTRACT}).ways
    assert max(view.clipped for view in way.views) > 0.2
    assert max(view.filled for view in way.views) <= 1


def test_of_a_refused_capture_nothing_is_foreseen(contract: CameraContract, tmp_path: Path) -> None:
    Found(frames=None, measured=NOT_READ).write(tmp_path / "found.json")
    foresee_normalization(tmp_path / "found.json", {"c": CONTRACT}, contract, WORK, tmp_path / "foreseen.json")
    assert Foreseen.read(tmp_path / "foreseen.json").ways == ()
