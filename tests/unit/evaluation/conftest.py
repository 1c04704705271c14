"""What tests of the evaluation share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from ball_scene import CENTERS, SIZE, VIEWS, ball, darker_held_out_views, ring, write_predictions, write_table

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.settings import Compute, Evaluated


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Pictures this small gain nothing from more threads, and lose much where other processes compute too."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def balls() -> list[Sample]:
    cameras = ring(VIEWS, SIZE)
    return [ball(name, cameras, center=center) for name, center in CENTERS.items()]


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory, balls: list[Sample]) -> Path:
    """Folder of `samples.json` and `zero_shot/predictions.json`; tests take copies."""
    folder = tmp_path_factory.mktemp("written")
    write_table(folder, balls)
    write_predictions(folder / "zero_shot" / "predictions.json", balls, 5, darker_held_out_views)
    return folder


@pytest.fixture
def predictions(tmp_path: Path, written: Path) -> Path:
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    return tmp_path / "zero_shot" / "predictions.json"


@pytest.fixture
def table(predictions: Path) -> Path:
    return predictions.parent.parent / "samples.json"


@pytest.fixture(scope="session")
def evaluation() -> Evaluated:
    return Evaluated(
        split="test", samples=12, mask_threshold=0.5, sheet_samples=2, models=0, model_opacity=0.02, hull_resolution=64
    )


@pytest.fixture(scope="session")
def compute() -> Compute:
    return Compute(threads=1, renderer="cpu")
