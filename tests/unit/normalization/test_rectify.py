"""Pictures whose pixels were moved to where the told cameras see the animal."""

from typing import Any

import cv2
import numpy as np
import torch
from normalizing import FILL, Run, over_white, psnr, similarity_of

from mouse_facelift.formats.sample_folder import read_sample
from mouse_facelift.formats.views import Views, read_depths
from mouse_facelift.geometry.contract import contract_violations
from mouse_facelift.geometry.lenses import project
from mouse_facelift.geometry.rectification import Rectification
from mouse_facelift.settings import CameraContract


def test_rectified_pictures_are_nearer_to_the_told_camera_s(run: Run, recording: Any, contract: CameraContract) -> None:
    """Found over white, mean (least) of 12 views: 48.9 (44.0) dB, rectified 50.2 (44.7) dB; residuals fall, too."""
    scores, residuals = [], []
    for rectified in (False, True):
        path = run(FILL.model_copy(update={"rectify": rectified}))
        views = Views.read(path)
        assert views.violations == ()
        for sample in views.samples:
            read = read_sample(path.parent / sample.folder)
            assert contract_violations(read.cameras, contract) == []
            true = recording.truth(sample.frame, read.cameras, similarity_of(sample).inverse_points, samples=5)
            found = read.over_white().permute(0, 2, 3, 1).numpy()
            scores.append([psnr(found[view], over_white(true[view])) for view in range(6)])
            residuals.append([residual.p95 for residual in sample.residuals])
            assert sample.rectified == rectified
    before, after = np.array(scores).reshape(2, -1)
    assert after.mean() > before.mean() + 0.8
    before, after = np.array(residuals).reshape(2, -1)
    assert after.mean() < 0.5 * before.mean()


def test_a_rectified_sample_keeps_the_depths_it_was_made_with(run: Run, recording: Any) -> None:
    """With them, anyone can say where its pictures show a point: there its alpha is the raw picture's mask."""
    path = run(FILL.model_copy(update={"rectify": True}))
    for sample in Views.read(path).samples:
        read = read_sample(path.parent / sample.folder)
        assert "depths.npz" in sample.checksums
        depths = read_depths(path.parent / sample.folder)
        assert tuple(depths.shape) == (6, 64, 64)
        assert 1.9 < float(depths.min()) < float(depths.max()) < 3.5
        taken = sample.taken_cameras(64, 64)
        points = Rectification(taken, read.cameras, depths).points()
        session = recording.frames.calibration()
        for view, camera in enumerate(recording.frames.cameras):
            raw = project(
                similarity_of(sample).inverse_points(points[view].reshape(-1, 3)),
                session.intrinsics[view],
                session.distortion[view],
                session.world_to_camera[view],
            )
            column, row = raw.round().long().T
            mask = cv2.imread(camera.masks.format(frame=sample.frame), cv2.IMREAD_GRAYSCALE) > 127
            inside = (column >= 0) & (column < 288) & (row >= 0) & (row < 256)
            shown = torch.zeros(64 * 64, dtype=torch.bool)
            shown[inside] = torch.from_numpy(mask)[row[inside], column[inside]]
            assert float((shown == (read.alpha[view] > 0.5).flatten()).double().mean()) > 0.99
