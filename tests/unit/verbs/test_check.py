"""`check` tells what a thing is, and names what is wrong with it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.formats.verdict import Verdict
from mouse_facelift.imaging.pictures import read_rgba, write_rgb, write_rgba
from mouse_facelift.verbs import Report, check, kind_of
from tests.spoil import turn_camera
from tests.tiny_project import WEIGHTS, write_config
from tests.workflow import REPOSITORY

TABLE = Path("results/samples/real.fill/table.json")
SAMPLE = TABLE.parent / "blobs_000"
CALIBRATION = Path("results/simulated/walk/calibration.toml")
GENERATOR, START = Path("results/generators/view_index"), Path("results/generator_starts/tiny/pipeckpts")


def reds(found: Report) -> list[tuple[str, str, str]]:
    return [(line.of, line.name, line.says) for line in found.lines if line.light == "red"]


def test_each_thing_is_told_apart_and_sound(project):
    kinds = {
        CALIBRATION: "calibration",
        SAMPLE: "sample",
        SAMPLE / "opencv_cameras.json": "calibration",
        TABLE: "dataset",
        TABLE.parent: "dataset",
        Path(WEIGHTS): "checkpoint",
        GENERATOR: "generator",
        START: "generator",
    }
    for path, kind in kinds.items():
        found = check(path)
        assert found.kind == kind_of(path) == kind
        assert (found.light, reds(found)) == ("amber" if path == START else "green", []), path
        assert Report.model_validate_json(found.model_dump_json()) == found
    assert kind_of(Path("config.yaml")) == "configuration"


def test_what_is_not_there_or_not_known_is_refused(project):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.toml: no such file"):
        check(Path("nowhere.toml"))
    Path("note.txt").write_text("hello")
    with pytest.raises(ValueError, match=r"note\.txt: nothing that is known.*\n.*anipose: "):
        check(Path("note.txt"))
    with pytest.raises(FileNotFoundError, match=r"other\.yaml: no such configuration.*--config"):
        check(SAMPLE, config=Path("other.yaml"))
    with pytest.raises(ValueError, match="a sample has no captures"):
        check(SAMPLE, capture="walk")


# calibrations


def test_a_calibration_tells_where_its_cameras_stand(project):
    found = check(CALIBRATION)
    assert found.contract is None
    assert [camera.name for camera in found.cameras] == [f"Camera{number}" for number in range(1, 7)]
    for camera in found.cameras:
        assert camera.width and camera.field_of_view and camera.distance and camera.aim is not None
        assert camera.field_of_view[0] == pytest.approx(
            2 * np.degrees(np.arctan(camera.width / 2 / camera.focal[0])), abs=1e-6
        )
        assert 100 < camera.distance < 600  # mm
        assert camera.aim < 30
    azimuths = sorted(camera.azimuth for camera in found.cameras if camera.azimuth is not None)
    assert min(np.diff([*azimuths, azimuths[0] + 360])) > 30


def test_an_unreadable_calibration_is_red(project):
    CALIBRATION.write_text(CALIBRATION.read_text().replace("rotation = [", "rotation = [1e9, ", 1))
    found = check(CALIBRATION)
    assert (found.kind, found.light) == ("calibration", "red")
    assert "calibration.toml" in reds(found)[0][2]


def test_parallel_axes_meet_nowhere(tmp_path):
    frame = {"w": 64, "h": 64, "fx": 70.0, "fy": 70.0, "cx": 32.0, "cy": 32.0}
    frames = []
    for view in range(2):
        pose = np.eye(4)
        pose[0, 3] = view
        frames.append(frame | {"w2c": pose.tolist()})
    path = tmp_path / "opencv_cameras.json"
    path.write_text(json.dumps({"id": "rig", "frames": frames}))
    found = check(path)
    assert found.light == "amber"
    assert any("meet nowhere" in line.says for line in found.lines)
    assert all(camera.distance is None for camera in found.cameras)


# sample folders


def change_cameras(change: Callable[[dict[str, Any]], None]) -> None:
    path = SAMPLE / "opencv_cameras.json"
    content = json.loads(path.read_text())
    change(content["frames"][1])
    path.write_text(json.dumps(content))


def turned(frame: dict[str, Any], matrix: list[list[float]]) -> None:
    frame["w2c"] = (np.array(matrix) @ np.array(frame["w2c"])).tolist()


ROLL = [[0.0, -1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
WRONG_CAMERAS: dict[str, Callable[[dict[str, Any]], None]] = {
    "focal": lambda frame: frame.update(fx=2 * frame["fx"]),
    "principal_point": lambda frame: frame.update(cx=frame["cx"] + 1),
    "image_size": lambda frame: frame.update(w=40),
    "distance": lambda frame: turned(frame, np.array([*np.eye(4)[:2], [0, 0, 1, 5], [0, 0, 0, 1]]).tolist()),
    "aim": lambda frame: turned(frame, np.array([[1, 0, 0, 0.3], *np.eye(4)[1:]]).tolist()),
    "roll": lambda frame: turned(frame, ROLL),
    "camera": lambda frame: turned(frame, np.diag([-1.0, 1.0, 1.0, 1.0]).tolist()),
}


@pytest.mark.parametrize("field", WRONG_CAMERAS)
def test_a_camera_that_breaks_the_contract_is_named_with_its_field(project, field):
    change_cameras(WRONG_CAMERAS[field])
    found = check(SAMPLE)
    assert found.light == "red"
    assert ("front", field) in [(of, name) for of, name, _ in reds(found)]
    assert {of for of, _, _ in reds(found)} == {"front"}
    if field == "camera":
        assert "mirrored: determinant -1" in reds(found)[0][2]


def test_pictures_need_a_silhouette(project):
    picture = SAMPLE / "images/cam_002.png"
    pixels = read_rgba(picture)
    write_rgb(picture, pixels[..., :3])
    assert [(of, name) for of, name, _ in reds(check(SAMPLE))] == [("right", "alpha")]
    for alpha, words in ((255, "opaque everywhere"), (0, "shows nothing")):
        pixels[..., 3] = alpha
        write_rgba(picture, pixels)
        ((of, name, says),) = reds(check(SAMPLE))
        assert (of, name) == ("right", "alpha")
        assert words in says
    picture.unlink()
    assert [(of, name) for of, name, _ in reds(check(SAMPLE))] == [("right", "picture")]


def test_a_subject_that_reaches_too_far_is_red(project, config):
    config["camera_contract"]["subject_radius"] = 0.2
    write_config(config)
    ((_, name, says),) = reds(check(SAMPLE))
    assert name == "subject"
    assert "expected at most 0.2" in says


@pytest.mark.shared
def test_the_published_sample_keeps_its_own_contract(shared, project, config):
    config["camera_contract"] |= {"image_size": 512, "focal": 548.9937744140625}
    write_config(config)
    found = check(shared / "real/facelift_sample/gslrm/sample_000")
    assert {name for _, name, _ in reds(found)} <= {"subject"}


# weights


def test_weights_are_held_against_card_row_and_network(project, config):
    weights = Path(WEIGHTS)
    tensors = load_file(weights)
    name = next(iter(tensors))
    save_file({key: value for key, value in tensors.items() if key != name}, weights)
    said = [says for _, _, says in reds(check(weights))]
    assert any("weights_sha256" in says for says in said)
    assert any(says.startswith(f"missing: {name}") for says in said)
    config["checkpoints"]["small"] |= {"sha256": 64 * "0", "domain": "human-head"}
    for experiment in (*config["experiments"].values(), *filter(None, config["log_experiments"].values())):
        experiment["accepts_domains"] = ["human-head"]
    write_config(config)
    save_file(tensors, weights)
    of_row = [(of, name) for of, name, _ in reds(check(weights))]
    assert of_row == [("checkpoints.small", "checksum"), ("checkpoints.small", "card")]


def test_weights_of_another_contract_or_size(project, config):
    config["camera_contract"]["distance"] = 2.8
    write_config(config)
    found = check(Path(WEIGHTS))
    assert found.light == "amber"
    assert [line.name for line in found.lines if line.light == "amber"] == ["contract"]
    config["camera_contract"]["image_size"] = 64
    write_config(config)
    assert [name for _, name, _ in reds(check(Path(WEIGHTS)))] == ["network"]


def test_weights_without_a_word_need_their_network(project):
    alone = Path("alone.pt")
    torch.save({"model": load_file(WEIGHTS)}, alone)
    with pytest.raises(ValueError, match=r"nothing tells which network.*--network-config"):
        check(alone)
    found = check(alone, network_config=Path(WEIGHTS).with_suffix(".json"))
    assert (found.light, [line.name for line in found.lines if line.light == "amber"]) == ("amber", ["card"])


# generators


def test_a_generator_that_is_not_its_cards_or_lacks_a_part(project):
    (START / "vae/config.json").unlink()
    ((_, name, says),) = reds(check(START))
    assert name == "parts"
    assert "vae/config.json" in says
    tensors = load_file(GENERATOR / "unet/diffusion_pytorch_model.safetensors")
    save_file(
        {key: value + 1 for key, value in tensors.items()}, GENERATOR / "unet/diffusion_pytorch_model.safetensors"
    )
    ((_, name, says),) = reds(check(GENERATOR))
    assert name == "card"
    assert "weights_sha256" in says


def test_a_stored_start_is_held_against_its_row(project, config):
    shutil.copytree(START.parent, "pretrained")
    config["generator_starts"]["bought"] = {
        "kind": "stored", "domain": "human-head", "license": "for research",
        "folder": "pretrained/pipeckpts", "prompts": "pretrained/prompts.pt",
        "ray_film": "pretrained/none.safetensors", "sha256": 64 * "0",
    }  # fmt: skip
    write_config(config)
    found = check(Path("pretrained/pipeckpts"))
    assert [(of, name) for of, name, _ in reds(found)] == [
        ("generator_starts.bought", "checksum"),
        ("generator_starts.bought", "ray_film"),
    ]
    assert any(line.says == "human-head" for line in found.lines)


# datasets


def test_a_changed_file_and_a_leak_are_found(project):
    picture = TABLE.parent / "blobs_001/images/cam_000.png"
    picture.write_bytes(picture.read_bytes() + b" ")
    (TABLE.parent / "blobs_002/images/cam_001.png").unlink()
    table = SampleTable.read(TABLE)
    rows = [row.model_copy(update={"frame": 0}) if row.frame == 3 else row for row in table.samples]
    table.model_copy(update={"samples": tuple(rows)}).write(TABLE)
    found = reds(check(TABLE))
    assert [(of, name) for of, name, _ in found] == [
        ("", "splits"), ("", "samples"), ("blobs_001", "file"), ("blobs_002", "file"),
    ]  # fmt: skip
    assert "frame 0 of blobs is in test and train" in found[0][2]


def test_a_dataset_of_another_contract(project, config):
    config["camera_contract"]["focal"] *= 2
    write_config(config)
    names = {name for _, name, _ in reds(check(TABLE))}
    assert names == {"contract", "samples", "camera"}


# configurations


def test_a_capture_of_a_configuration_is_judged(project):
    found = check(Path("config.yaml"), capture="walk")
    (verdict,) = found.verdicts
    assert isinstance(verdict, Verdict)
    assert found.light == verdict.light
    assert [line.name for line in found.lines[1:]] == [line.name for line in verdict.lines]
    turn_camera(CALIBRATION, 2, 8.0)
    spoiled = check(Path("config.yaml"))
    assert spoiled.light == "red"
    assert any("Camera3" in says for _, _, says in reds(spoiled))


def test_a_wrong_configuration_is_red(project, config):
    config["camera_contract"]["colour"] = "blue"
    write_config(config)
    found = check(Path("config.yaml"))
    assert (found.kind, found.light) == ("configuration", "red")
    assert any("camera_contract.colour: unknown key" in says for _, _, says in reds(found))


def test_a_capture_that_cannot_be_looked_at(project):
    with pytest.raises(ValueError, match="captures: no 'run'; defined: \\['walk'\\]"):
        check(Path("config.yaml"), capture="run")
    shutil.rmtree("results/simulated")
    with pytest.raises(FileNotFoundError, match=r"captures\.walk: .*files are missing(.|\n)*snakemake"):
        check(Path("config.yaml"))


def test_the_projects_own_examples_are_configurations():
    for path in (REPOSITORY / "config.yaml", *sorted((REPOSITORY / "config/examples").glob("*.yaml"))):
        assert kind_of(path) == "configuration", path
