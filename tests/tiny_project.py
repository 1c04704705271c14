"""A project's folder as its user has it: a configuration, a recording, weights, a generator; made without Snakemake."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors.torch import save_file

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.sample_table import SplitName
from mouse_facelift.formats.whole import sha256
from mouse_facelift.gslrm import fresh_gslrm
from mouse_facelift.gslrm.pretrain import small_config
from mouse_facelift.imaging.pictures import write_rgba
from mouse_facelift.imaging.video import read_frames
from mouse_facelift.mvdiffusion.fresh import write_fresh_generator
from mouse_facelift.mvdiffusion.loading import find_weights
from mouse_facelift.settings import FreshGenerator, Settings, parse_settings, read_settings
from mouse_facelift.simulation.laboratory import simulate_capture
from tests.tiny_samples import write_table
from tests.workflow import REPOSITORY, Config, tiny_config

WEIGHTS = "mouse_facelift/gslrm/weights/gslrm_small.safetensors"
MOMENT = 6  # frame of the recording that `frame/` holds


def project_config() -> Config:
    """The tiny configuration, with names of the default one, and a view generator."""
    whole = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    config: Config = json.loads(json.dumps(tiny_config()).replace("simulated/tiny/", "simulated/walk/"))
    for section in ("simulations", "captures"):
        config[section] = {"walk": config[section]["tiny"]}
    config["normalization_modes"]["captures"] = ["walk"]
    config["datasets"]["real"]["captures"] = ["walk"]
    config["checkpoints"] = whole["checkpoints"]
    size = whole["generator_pretraining"]["size"] | {"widths": [32, 32], "codec_factor": 4}
    config["generator_starts"] = {"tiny": size}
    by_prompts = {"start": "tiny", "conditioning": {"kind": "view_index"}}
    config["generators"] = {"view_index": whole["generators"]["plucker"] | by_prompts}
    drawn = {"generator": "view_index", "of": "real", "cameras": "released", "white": 0.05}
    config["generated_datasets"] = {"generated": drawn}
    return config


def make_project(folder: Path) -> None:
    """Write everything that the two pages of `docs/` find in a folder in which the workflow has run."""
    (folder / "config.yaml").write_text(yaml.safe_dump(project_config(), sort_keys=False))
    settings = read_settings(folder / "config.yaml")
    simulate_capture(
        folder / "results/simulated/walk", folder / "results/truth/walk", "walk", frames=12, seed=3, scale=0.125
    )
    write_network(folder / WEIGHTS, settings)
    write_generator(folder, settings)
    splits: tuple[SplitName, ...] = ("train", "val", "test", "test")
    write_table(folder / "results/samples/real.fill", splits, contract=settings.camera_contract)


def write_network(weights: Path, settings: Settings) -> None:
    """Write a tiny network of random weights, its configuration and its card."""
    network = small_config(settings.pretraining, settings.camera_contract)
    weights.parent.mkdir(parents=True)
    save_file(fresh_gslrm(network, seed=0).state_dict(), weights)
    weights.with_suffix(".json").write_text(network.model_dump_json())
    card_of(weights, network.model_dump_json(), "procedural", settings).write(weights.with_suffix(".card.json"))


def write_generator(folder: Path, settings: Settings) -> None:
    """Write what the training of `view_index` leaves behind, without training."""
    size = settings.generator_starts["tiny"]
    assert isinstance(size, FreshGenerator)
    home = folder / "results/generator_starts/tiny"
    write_fresh_generator(home / "pipeckpts", home / "prompts.pt", size, settings.camera_contract.image_size)
    trained = folder / "results/generators/view_index"
    shutil.copytree(home / "pipeckpts/unet", trained / "unet")
    weights = find_weights(trained / "unet")
    card_of(weights, (trained / "unet/config.json").read_text(), "mouse", settings).write(trained / "card.json")


def card_of(weights: Path, network: str, domain: str, settings: Settings) -> WeightsCard:
    return WeightsCard(
        weights_sha256=sha256(weights),
        domain=domain,
        license="MIT",
        origins=(),
        network=network,
        parent="none",
        trained_on="nothing",
        contract=settings.camera_contract.hash,
        violations=(),
        settings="{}",
        steps=0,
        skipped_updates=0,
        status="complete",
        adapters="none",
        code="c0de",
        commit="none",
        metrics={},
    )


def write_pictures(folder: Path, recording: Path, frame: int = MOMENT) -> list[Path]:
    """Write one moment of a recording as RGBA pictures, called after their cameras."""
    folder.mkdir()
    for video in sorted((recording / "videos").glob("*.mp4")):
        ((_, pixels),) = read_frames(video, [frame])
        ((_, mask),) = read_frames(recording / "masks" / video.name, [frame], gray=True)
        write_rgba(folder / f"{video.stem}.png", np.dstack([pixels, mask]))
    return sorted(folder.iterdir())


def settings_of(config: Config) -> Settings:
    return parse_settings(config, "tiny")


@pytest.fixture(scope="session")
def project_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    make_project(folder)
    return folder


@pytest.fixture
def project(project_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that is free to change; the current folder."""
    folder = tmp_path / "project"
    shutil.copytree(project_template, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def pictures(project: Path) -> list[Path]:
    """`frame/`: one moment of the recording as RGBA pictures."""
    write_pictures(project / "frame", project / "results/simulated/walk")
    return sorted(Path("frame").iterdir())


@pytest.fixture
def config(project: Path) -> Config:
    """The project's configuration, to change and write with `write_config`."""
    loaded: Config = yaml.safe_load((project / "config.yaml").read_text())
    return loaded


def write_config(config: Config) -> None:
    Path("config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
