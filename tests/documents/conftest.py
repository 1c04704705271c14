"""Where readers of the pages sit."""

import shutil
from http.server import ThreadingHTTPServer
from pathlib import Path

import matplotlib
import pytest
import yaml

from tests.documents.reader import Reader, copy_repository, link_repository
from tests.tiny_project import write_pictures
from tests.workflow import REPOSITORY, Workflow, tiny_own_capture


@pytest.fixture(autouse=True)
def without_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is served is left at once; figures are drawn into files."""

    def leave(server: ThreadingHTTPServer) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ThreadingHTTPServer, "serve_forever", leave)
    monkeypatch.setattr("webbrowser.open", lambda address: True)
    monkeypatch.setenv("MPLBACKEND", "agg")
    matplotlib.use("agg")


@pytest.fixture
def fresh(tmp_path: Path) -> Reader:
    """The default configuration, and nothing made yet."""
    link_repository(tmp_path)
    shutil.copy2(REPOSITORY / "config.yaml", tmp_path)
    return Reader(tmp_path)


@pytest.fixture
def done(finished: Workflow, tmp_path: Path) -> Reader:
    """Everything is made, by a tiny configuration; two frames of it were sent by somebody."""
    project = finished.copy(tmp_path / "done").folder
    models = sorted((project / "results/predictions/full/models").iterdir())
    for model, name in zip(models, ("first.ply", "second.ply"), strict=True):
        shutil.copy2(model, project / name)
    recording = project / "results/simulated/tiny"
    shutil.copy2(recording / "calibration.toml", project)
    write_pictures(project / "frame", recording)
    link_repository(project)
    return Reader(project)


@pytest.fixture
def by_hand(project: Path) -> Reader:
    """Weights and a view generator are there, and a recording."""
    link_repository(project, but=("mouse_facelift",))
    return Reader(project)


@pytest.fixture
def recorded(finished: Workflow, tmp_path: Path) -> Reader:
    """A recording of one's own, as the example of a configuration has it, twelve frames long."""
    link_repository(tmp_path, but=("config",))
    (tmp_path / "config/examples").mkdir(parents=True)
    shutil.copytree(finished.folder / "weights", tmp_path / "weights")
    shutil.copy2(REPOSITORY / "config.yaml", tmp_path)
    example = tmp_path / "config/examples/own_capture.yaml"
    example.write_text(yaml.safe_dump(tiny_own_capture(), sort_keys=False))
    simulated, raw = finished.folder / "results/simulated/tiny", tmp_path / "raw/my_session"
    for kind in ("videos", "masks"):
        (raw / kind).mkdir(parents=True)
        for video in (simulated / kind).iterdir():
            shutil.copy2(video, raw / kind / video.name.replace("Camera", "cam"))
    calibration = (simulated / "calibration.toml").read_text()
    (raw / "calibration.toml").write_text(calibration.replace("Camera", "cam"))
    return Reader(tmp_path)


@pytest.fixture
def developing(finished: Workflow, tmp_path: Path) -> Reader:
    """A copy of the repository whose code may be changed; what a tiny configuration makes is made."""
    repository = tmp_path / "repository"
    repository.mkdir()
    copy_repository(repository)
    project = finished.copy(tmp_path / "project").folder
    link_repository(project, repository)
    return Reader(project, repository)
