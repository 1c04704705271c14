"""Formats between rooms: whole or absent, checked where they are read."""

import json

import numpy as np
import pytest
import torch

from mouse_facelift.formats.frames import ChunkFiles, Frames, LeftOut, Subject, describe_cameras
from mouse_facelift.formats.predictions import Renderings
from mouse_facelift.formats.sample_folder import Sample, read_sample, write_sample
from mouse_facelift.formats.sample_table import SampleRow, SampleTable, load_sample
from mouse_facelift.formats.whole import sha256, whole_file, whole_folder
from mouse_facelift.geometry.contract import contract_violations
from mouse_facelift.settings import CameraContract
from tests.unit.geometry.test_cameras import calibration, ring


def some_sample(name: str = "sample") -> Sample:
    images = torch.randint(0, 256, (3, 64, 64, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images[images[..., 3] == 0] = 0
    return Sample(name, ring([2.7, 2.7, 2.7]), images)


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    with whole_file(tmp_path / "a.txt") as partial:
        partial.write_text("whole")
        assert not (tmp_path / "a.txt").exists()
    assert (tmp_path / "a.txt").read_text() == "whole"
    with pytest.raises(RuntimeError), whole_file(tmp_path / "a.txt") as partial:
        partial.write_text("half")
        raise RuntimeError
    assert (tmp_path / "a.txt").read_text() == "whole"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    with whole_folder(tmp_path / "folder") as partial:
        (partial / "new").touch()
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "folder") as partial:
        (partial / "half").touch()
        raise RuntimeError
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["new"]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_whole_folder_clears_away_what_a_killed_writer_left_of_it(tmp_path):
    (tmp_path / ".walk.0123abcd.partial").mkdir()
    (tmp_path / ".walk_2.0123abcd.partial").mkdir()
    with whole_folder(tmp_path / "walk"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [".walk_2.0123abcd.partial", "walk"]


def test_a_whole_file_clears_away_what_a_killed_writer_left_of_it(tmp_path):
    others = (".a.b.0123abcd.partial.txt", ".a.0123abcd.partial.csv", ".ab.0123abcd.partial.txt", ".a.partial.txt")
    for name in (".a.0123abcd.partial.txt", *others):
        (tmp_path / name).touch()
    with whole_file(tmp_path / "a.txt") as partial:
        partial.write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", *others}


def test_a_sample_folder_keeps_pixels_and_cameras(tmp_path):
    sample = some_sample(tmp_path.name)
    write_sample(tmp_path, sample, ["a", "b", "c"])
    again = read_sample(tmp_path)
    assert torch.equal(again.images, sample.images)
    torch.testing.assert_close(again.cameras.camera_to_world, sample.cameras.camera_to_world, atol=1e-12, rtol=0)
    assert again.name == sample.name


def test_a_sample_over_white_shows_white_where_it_is_transparent():
    sample = some_sample()
    clear = sample.images[..., 3] == 0
    over = sample.over_white().permute(0, 2, 3, 1)
    assert bool((over[clear] == 1).all())
    assert float(over.min()) >= 0
    assert float(over.max()) <= 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f["frames"][1].pop("fx"), r"frames\[1\]: missing \['fx'\]"),
        (lambda f: f["frames"][2].update(w=32), r"frames\[2\].w, h: found 32 x 64, but images/cam_002.png has 64 x 64"),
        (lambda f: f["frames"][0]["w2c"].__setitem__(0, [2, 0, 0, 0]), "view 0: camera_to_world: the rotation is"),
        (lambda f: f.pop("frames"), "frames: a list of cameras was expected"),
        (lambda f: f["frames"][0].pop("file_path"), "no file_path"),
    ],
)
def test_a_wrong_sample_folder_is_refused_by_field(tmp_path, change, words):
    write_sample(tmp_path, some_sample(), ["a", "b", "c"])
    path = tmp_path / "opencv_cameras.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=words) as refused:
        read_sample(tmp_path)
    assert "opencv_cameras.json" in str(refused.value)


def test_a_picture_that_is_absent_or_broken_is_named(tmp_path):
    write_sample(tmp_path, some_sample(), ["a", "b", "c"])
    (tmp_path / "images/cam_001.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(ValueError, match=r"cam_001.png: not a picture"):
        read_sample(tmp_path)
    (tmp_path / "images/cam_001.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"cam_001.png"):
        read_sample(tmp_path)


def table_of(folder) -> SampleTable:
    row = SampleRow(
        name="s",
        folder="s",
        views=(0, 1, 2),
        view_names=("a", "b", "c"),
        split="train",
        capture="c",
        frame=3,
        millimeters_per_unit=120.0,
        subject_center=(0, 0, 0),
        subject_radius=0.5,
        checksums={
            str(path.relative_to(folder / "s")): sha256(path) for path in (folder / "s").rglob("*") if path.is_file()
        },
    )
    return SampleTable(dataset="d", normalization="keep", view_count=3, contract="x", violations=(), samples=(row,))


def test_a_sample_that_changed_since_its_table_is_refused(tmp_path):
    (tmp_path / "s").mkdir()
    write_sample(tmp_path / "s", some_sample(), ["a", "b", "c"])
    table = table_of(tmp_path)
    table.write(tmp_path / "table.json")
    assert SampleTable.read(tmp_path / "table.json") == table
    load_sample(tmp_path / "table.json", table.samples[0])
    with (tmp_path / "s/images/cam_000.png").open("ab") as picture:
        picture.write(b"x")
    with pytest.raises(ValueError, match=r"cam_000.png: sha256 .* it changed since"):
        load_sample(tmp_path / "table.json", table.samples[0])


def test_a_manifest_of_another_kind_is_refused_by_field(tmp_path):
    (tmp_path / "table.json").write_text('{"dataset": 3, "colour": "red"}')
    with pytest.raises(ValueError, match=r"table.json: not a SampleTable manifest: .*normalization"):
        SampleTable.read(tmp_path / "table.json")


def test_frames_keep_a_calibration_and_refuse_a_mirrored_one(tmp_path):
    lenses = calibration()
    frames = Frames(
        capture="c",
        cameras=describe_cameras(lenses, ["a.mp4", "b.mp4", "c.mp4"], [None] * 3),
        up=(0, 0, 1),
        calibration_notes=(),
        chunks=(ChunkFiles(animal="animal.npz", masks="masks.npz"),),
        subjects=(Subject(frame=0, chunk=0, center=(1, 2, 3), radius=40.0, views=(0, 1, 2)),),
        left_out=(LeftOut(frame=1, faults=("jump",)),),
    )
    frames.write(tmp_path / "frames.json")
    again = Frames.read(tmp_path / "frames.json").calibration()
    assert torch.equal(again.world_to_camera, lenses.world_to_camera)
    text = (tmp_path / "frames.json").read_text()
    content = json.loads(text)
    content["cameras"][0]["world_to_camera"][0] = [-x for x in content["cameras"][0]["world_to_camera"][0]]
    (tmp_path / "frames.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="camera a: world_to_camera: the rotation is mirrored"):
        Frames.read(tmp_path / "frames.json")


def test_renderings_come_back_within_half_precision(tmp_path):
    rgb = torch.from_numpy(np.random.default_rng(0).random((2, 3, 8, 8), dtype=np.float32))
    Renderings(rgb, rgb[:, 0], rgb[:, 0]).write(tmp_path / "r.npz")
    torch.testing.assert_close(Renderings.read(tmp_path / "r.npz").rgb, rgb, atol=3e-4, rtol=0)


@pytest.mark.shared
def test_facelift_s_own_sample_keeps_the_contract(shared):
    sample = read_sample(shared / "real/facelift_sample/gslrm/sample_000")
    contract = CameraContract(
        image_size=512, focal=548.9937744140625, distance=2.7, distance_range=(2.69, 2.71), subject_radius=1.0
    )
    assert len(sample.cameras) == 32
    assert contract_violations(sample.cameras, contract) == []
