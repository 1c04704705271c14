"""The rule's function on a recording with known truth: what is written, how right it is, and what is refused."""

import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from normalizing import FILL, KEEP, RELABEL, Run, over_white, psnr, similarity_of

from mouse_facelift.formats.animal import read_surfaces
from mouse_facelift.formats.frames import Frames
from mouse_facelift.formats.manifest import tensor
from mouse_facelift.formats.sample_folder import read_sample
from mouse_facelift.formats.views import Views
from mouse_facelift.formats.whole import sha256
from mouse_facelift.geometry.contract import contract_violations
from mouse_facelift.normalization import frame as frame_module
from mouse_facelift.normalization.frame import animal_of
from mouse_facelift.normalization.viewpoints import open_session
from mouse_facelift.settings import CameraContract, Contract, Fill, Keep, Normalization, Resize


def altered(recording: Any, folder: Path, **changes: object) -> Path:
    path = folder / "altered.json"
    recording.frames.model_copy(update=changes).write(path)
    return path


@pytest.mark.parametrize(
    ("normalization", "least"),
    # Found: at least 47.1, 44.7, 40.5 dB over white, of which 5 % is animal.
    [
        (KEEP, 45),
        (Contract(mode="contract", center="frame", rectify=False, residual_limit=1), 40),
        (FILL, 38),
    ],
    ids=lambda value: getattr(value, "mode", ""),
)
def test_pictures_are_those_that_the_told_cameras_would_take(
    normalization: Normalization, least: float, run: Run, recording: Any, contract: CameraContract
) -> None:
    path = run(normalization)
    views = Views.read(path)
    assert views.violations == ()
    for sample in views.samples:
        read = read_sample(path.parent / sample.folder)
        assert contract_violations(read.cameras, contract) == []
        to_capture = similarity_of(sample).inverse_points
        true = recording.truth(sample.frame, read.cameras, to_capture, samples=5)
        found = read.over_white().permute(0, 2, 3, 1).numpy()
        for view in range(6):
            assert psnr(found[view], over_white(true[view])) > least
        # Silhouettes neither shift nor grow.
        exact = normalization.mode == "keep"
        middles = np.arange(64) + 0.5
        for alpha, true_alpha in zip(read.alpha.numpy(), true[..., 3], strict=True):
            for axis in range(2):
                center, true_center = (a.sum(axis) @ middles / a.sum() for a in (alpha, true_alpha))
                assert abs(center - true_center) < (0.1 if exact else 0.5)
            assert alpha.sum() == pytest.approx(true_alpha.sum(), rel=0.02 if exact else 0.06)


@pytest.mark.parametrize(
    "normalization",
    [KEEP, RELABEL, Resize(mode="resize", normalize_distance_to=None, center="file"), FILL],
    ids=lambda value: getattr(value, "mode", ""),
)
def test_the_manifest_tells_where_pictures_show_a_point(
    normalization: Normalization, run: Run, recording: Any, contract: CameraContract
) -> None:
    """The pictures are those that the cameras of the manifest would take, whatever the folder tells of them."""
    path = run(normalization)
    sample = Views.read(path).samples[0]
    read = read_sample(path.parent / sample.folder)
    taken = sample.taken_cameras(64, 64)
    true = recording.truth(sample.frame, taken, similarity_of(sample).inverse_points, samples=5)
    for view, found in enumerate(read.over_white().permute(0, 2, 3, 1).numpy()):
        assert psnr(found, over_white(true[view])) > (30 if normalization.mode == "relabel" else 38)
    if normalization.mode in ("keep", "resize"):
        torch.testing.assert_close(taken.camera_to_world, read.cameras.camera_to_world)
        torch.testing.assert_close(taken.fxfycxcy, read.cameras.fxfycxcy)


def test_an_animal_that_leaves_a_fixed_center_is_recorded(run: Run, contract: CameraContract) -> None:
    near = contract.model_copy(update={"subject_radius": 0.6})
    fixed = Keep(mode="keep", center="session", unit="contract")
    assert Views.read(run(fixed)).violations == ()
    views = Views.read(run(fixed, contract=near))
    assert [line.split(":")[0] for line in views.violations] == ["subject_radius"]
    assert len({sample.center for sample in views.samples}) == 1
    assert max(np.linalg.norm(sample.subject_center) for sample in views.samples) > 0.05


def test_manifest_and_folders_are_complete(run: Run, recording: Any, contract: CameraContract) -> None:
    path = run()
    views = Views.read(path)
    assert (views.capture, views.normalization, views.mode) == ("ellipsoids", "keep", "keep")
    assert views.contract == contract.hash
    assert views.view_names == tuple(camera.name for camera in recording.frames.cameras)
    assert [sample.frame for sample in views.samples] == [3, 8]
    assert {file.name for file in path.parent.iterdir()} == {"manifest.json", "frame_000003", "frame_000008"}
    for sample in views.samples:
        folder = path.parent / sample.folder
        files = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
        assert files == set(sample.checksums) == {"opencv_cameras.json", *(f"images/cam_{v:03d}.png" for v in range(6))}
        assert all(sha256(folder / name) == digest for name, digest in sample.checksums.items())
        names = [frame["view_name"] for frame in json.loads((folder / "opencv_cameras.json").read_text())["frames"]]
        assert names == list(views.view_names)
        assert sample.subject_center == pytest.approx((0, 0, 0), abs=1e-9)
        assert all(residual.max == 0 for residual in sample.residuals)
        assert all(5 < magnification < 7 for magnification in sample.magnification)


def test_chunks_share_one_scale(run: Run) -> None:
    samples = [sample for chunk in (0, 1) for sample in Views.read(run(chunk=chunk)).samples]
    assert [sample.frame for sample in samples] == [3, 8, 20]
    assert len({sample.scale for sample in samples}) == 1
    assert len({sample.center for sample in samples}) == 3


def test_the_animal_is_found(recording: Any, contract: CameraContract) -> None:
    """Center: middle of the box around it, axes upright; radius: what reaches furthest from there."""
    subject = recording.frames.subjects[0]
    animal = animal_of(subject, read_surfaces(Path(recording.frames.chunks[0].animal)))
    points = surface_of(recording.animals[subject.frame])
    turn = open_session(recording.frames, contract).upright.numpy()
    upright = points @ turn.T
    middle = turn.T @ (upright.min(0) + upright.max(0)) / 2
    assert np.linalg.norm(animal.center.numpy() - middle) < 4
    reach = np.linalg.norm(points - animal.center.numpy(), axis=1).max()
    assert reach - 2 < animal.radius < reach + 6
    near = torch.cdist(torch.from_numpy(points), animal.surface).amin(1)
    assert float(torch.quantile(near, 0.5)) < 2 * animal.spacing


def surface_of(animal: Any) -> np.ndarray:
    normals = np.random.default_rng(0).normal(size=(500, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    parts = zip(animal.centers, animal.axes, strict=True)
    return np.concatenate([center + normals @ np.linalg.inv(axes).T for center, axes in parts])


def test_a_residual_above_the_limit_is_refused(run: Run, tmp_path: Path) -> None:
    words = (
        r"capture ellipsoids: frame 3: view Camera\d: fill: found a residual of \d\.\d+ px .* residual_limit is 0.05"
    )
    with pytest.raises(ValueError, match=words):
        run(Fill(mode="fill", radius=0.6, center="frame", rectify=False, residual_limit=0.05))
    assert not list(tmp_path.rglob("manifest.json"))


def test_a_broken_contract_is_refused(run: Run, contract: CameraContract) -> None:
    narrow = contract.model_copy(update={"distance_range": (2.5, 3.0)})
    with pytest.raises(ValueError, match=r"frame 3: keep: the views break the contract:\n  distance: view 0: found"):
        run(contract=narrow)
    small = contract.model_copy(update={"subject_radius": 0.5})
    with pytest.raises(ValueError, match=r"subject_radius: found a subject that reaches 0\.5.* expected at most 0.5"):
        run(contract=small)


def test_a_sample_holds_the_views_that_show_the_animal(run: Run, recording: Any, tmp_path: Path) -> None:
    subjects = list(recording.frames.subjects)
    subjects[1] = subjects[1].model_copy(update={"views": (0, 2, 3, 5)})
    path = run(manifest=altered(recording, tmp_path, subjects=tuple(subjects)))
    whole, less = Views.read(path).samples
    names = [camera.name for camera in recording.frames.cameras]
    assert list(whole.view_names) == names
    assert list(less.view_names) == [names[view] for view in (0, 2, 3, 5)]
    read = read_sample(path.parent / less.folder)
    assert len(read.cameras) == len(less.azimuths) == len(less.residuals) == len(less.magnification) == 4
    true = recording.truth(less.frame, read.cameras, similarity_of(less).inverse_points, samples=5)
    for found, expected in zip(read.over_white().permute(0, 2, 3, 1).numpy(), true, strict=True):
        assert psnr(found, over_white(expected)) > 45


def test_a_chunk_all_of_whose_frames_are_left_out_has_no_samples(run: Run, recording: Any, tmp_path: Path) -> None:
    subjects = tuple(subject for subject in recording.frames.subjects if subject.chunk == 0)
    views = Views.read(run(chunk=1, manifest=altered(recording, tmp_path, subjects=subjects)))
    assert (views.samples, views.violations) == ((), ())


def test_pictures_of_another_size_are_refused(run: Run, recording: Any, tmp_path: Path) -> None:
    cameras = list(recording.frames.cameras)
    cameras[1] = cameras[1].model_copy(update={"width": 290})
    manifest = altered(recording, tmp_path, cameras=tuple(cameras))
    with pytest.raises(ValueError, match=r"Camera2: frame 3: found 288 x 256 px, .* calibrated at 290 x 256"):
        run(manifest=manifest)


@pytest.mark.parametrize("chunk", [2, -1])
def test_a_chunk_without_frames_is_refused(run: Run, chunk: int) -> None:
    with pytest.raises(ValueError, match=f"found 2 chunks of frames, expected one of number {chunk}"):
        run(chunk=chunk)


def test_what_was_killed_is_not_taken_for_whole(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a death in the second frame there is no manifest; the next try leaves what a first one would."""
    views = run()
    before = {path: sha256(path) for path in views.parent.rglob("*") if path.is_file()}
    written = SimpleNamespace(samples=0)

    def die_in_the_second(*arguments: Any) -> None:
        written.samples += 1
        if written.samples == 2:
            raise KeyboardInterrupt
        write(*arguments)

    write = frame_module.write_sample
    with monkeypatch.context() as patched:
        patched.setattr(frame_module, "write_sample", die_in_the_second)
        with pytest.raises(KeyboardInterrupt):
            run()
    assert not views.exists()
    (views.parent / ".frame_000008.deadbeef.partial" / "images").mkdir(parents=True)
    (views.parent / "frame_000008").mkdir()
    assert run() == views
    assert {path: sha256(path) for path in views.parent.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in views.parent.iterdir()) == ["frame_000003", "frame_000008", "manifest.json"]


def test_the_log_tells_residual_and_magnification(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        run(Contract(mode="contract", center="frame", rectify=False, residual_limit=1))
    assert "ellipsoids: chunk 0, 2 frames, contract" in caplog.text
    assert "Camera6: residual p95 0." in caplog.text


def test_skewed_up_is_turned_upright(run: Run, recording: Any) -> None:
    sample = Views.read(run()).samples[0]
    turned = similarity_of(sample).rotation @ tensor(recording.frames.up)
    torch.testing.assert_close(turned, tensor([0.0, 0.0, 1.0]))
    assert isinstance(recording.frames, Frames)
