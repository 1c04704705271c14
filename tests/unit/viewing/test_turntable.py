"""The camera circles the animal: every picture shows it, and files are what players open."""

import math
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from mouse_facelift.geometry.contract import contract_violations
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.settings import Turntable
from mouse_facelift.viewing.orbit import MARGIN, contract_orbit, orbit_of
from mouse_facelift.viewing.turntable import turn, write_turn
from tests.tiny_samples import CONTRACT, ring

TABLE = Turntable(image_size=64, frames=12, rate=10, elevation=20.0)


def blob(color: tuple[float, float, float], x: float = 0.25) -> Gaussians:
    return Gaussians(
        means=torch.tensor([[x, 0.0, 0.0]]),
        log_scales=torch.full((1, 3), -2.0),
        quats=torch.tensor([[1.0, 0.0, 0.0, 0.0]]),
        opacity_logits=torch.tensor([5.0]),
        sh=(torch.tensor([[list(color)]]) - 0.5) / 0.2820948,
    )


def pictures(scenes: list[Gaussians]) -> list[np.ndarray]:
    names = [str(number) for number in range(len(scenes))]
    return list(turn(scenes, names, contract_orbit(CONTRACT), 0.7, TABLE, "cpu"))


def center_of(picture: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(picture[: 64 - 8].min(-1) < 128)
    return float(columns.mean()), float(rows.mean())


def test_the_blob_goes_around_once() -> None:
    x = np.array([center_of(picture)[0] for picture in pictures([blob((1.0, 0.0, 0.0))])]) + 0.5 - 32
    azimuth = 2 * np.pi * np.arange(TABLE.frames) / TABLE.frames
    assert np.corrcoef(x, -np.sin(azimuth))[0, 1] > 0.99  # the first camera stands at +x and sees +y at its right


def test_scenes_follow_one_another() -> None:
    shown = pictures([blob((1.0, 0.0, 0.0)), blob((0.0, 0.0, 1.0))])
    blue = [picture[: 64 - 8, :, 0].min() < 60 for picture in shown]
    assert blue == [False] * 6 + [True] * 6


def test_a_browser_plays_it_and_each_picture_shows_the_animal(tmp_path: Path) -> None:
    shown = pictures([blob((0.2, 0.1, 0.1))])
    write_turn(tmp_path / "a.mp4", tmp_path / "a.gif", shown, TABLE.rate)
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert float(stream.average_rate or 0) == TABLE.rate
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(decoded) == TABLE.frames
    for frame, original in zip(decoded, shown, strict=True):
        assert math.dist(center_of(frame), center_of(original)) < 1
    with Image.open(tmp_path / "a.gif") as gif:
        assert (gif.n_frames, gif.size) == (TABLE.frames, (64, 64))
        assert (gif.info["duration"], gif.info["loop"]) == (100, 0)


def test_the_contract_s_circle_is_at_its_distance() -> None:
    cameras = contract_orbit(CONTRACT).cameras(5, 20.0, 1.0, 32)
    distances = torch.linalg.vector_norm(cameras.centers, dim=-1)
    torch.testing.assert_close(distances, torch.full((5,), 2.7, dtype=torch.float64))
    assert {line.split(":")[0] for line in contract_violations(cameras, CONTRACT)} == {
        "image_size", "focal", "principal_point",
    }  # fmt: skip
    elevations = torch.rad2deg(torch.asin(cameras.centers[:, 2] / 2.7))
    torch.testing.assert_close(elevations, torch.full((5,), 20.0, dtype=torch.float64))
    edge = cameras.project(torch.tensor([[0.0, MARGIN, 0.0]], dtype=torch.float64))
    assert float(edge[0, 0, 0]) == pytest.approx(32, abs=1e-6)


def test_cameras_without_a_contract_tell_their_circle() -> None:
    orbit = orbit_of(ring(6))
    torch.testing.assert_close(orbit.center, torch.zeros(3, dtype=torch.float64), atol=1e-9, rtol=0)
    assert orbit.distance == pytest.approx(2.7)
    with pytest.raises(ValueError, match="parallel"):
        orbit_of(ring(6)[[0, 0]])
