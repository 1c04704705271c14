"""Sample tables: every frame once, in order, checked, and readable through FaceLift's lists as well."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from mouse_facelift.dataset.assemble import assemble_dataset
from mouse_facelift.formats.sample_folder import Sample, read_sample, write_sample
from mouse_facelift.formats.sample_table import SampleTable, load_sample
from mouse_facelift.formats.views import PosedSample, ViewResidual, Views, describe_taken
from mouse_facelift.formats.whole import sha256, whole_folder
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.settings import CameraContract, Dataset, Split

CONTRACT = CameraContract(image_size=8, focal=8.578, distance=2.7, distance_range=(1.8, 3.6), subject_radius=1.0)
NAMES = ("left", "right", "top")
SPLIT = Split(blocks=("train", "train", "val", "test"), gap=1)

WriteViews = Callable[..., Path]


def tiny_sample(frame: int) -> Sample:
    centers = torch.tensor([[2.7, 0, 0], [0, 2.7, 0], [0, 1.9, 1.9]], dtype=torch.float64)
    poses = look_at(centers, torch.zeros(3, dtype=torch.float64), torch.tensor([0, 0, 1.0], dtype=torch.float64))
    K = torch.tensor([[8.578, 0, 4], [0, 8.578, 4], [0, 0, 1]], dtype=torch.float64).repeat(3, 1, 1)
    images = np.random.default_rng(frame).integers(0, 256, (3, 8, 8, 4)).astype(np.uint8)
    images[..., 3] |= 1  # PNG keeps colors under alpha 0, but they mean nothing
    return Sample("tiny", Cameras(poses, K, 8, 8), torch.from_numpy(images))


@pytest.fixture
def write_views(tmp_path: Path) -> WriteViews:
    def write(capture: str, frames: list[int], /, chunk: int = 0, **changes: Any) -> Path:
        path = tmp_path / "views" / capture / f"chunk_{chunk}" / "manifest.json"
        samples = []
        for frame in frames:
            folder = path.parent / f"frame_{frame:06d}"
            with whole_folder(folder) as partial:
                write_sample(partial, tiny_sample(frame), NAMES)
                files = [file for file in partial.rglob("*") if file.is_file()]
                checksums = {file.relative_to(partial).as_posix(): sha256(file) for file in files}
            samples.append(
                PosedSample(
                    folder=folder.name,
                    frame=frame,
                    view_names=NAMES,
                    azimuths=(0.0, 90.0, 90.0),
                    scale=0.008,
                    rotation=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
                    center=(0.0, 0.0, 0.0),
                    subject_center=(0.0, 0.0, 0.0),
                    subject_radius=0.01 * frame,
                    residuals=(ViewResidual(p50=0.0, p95=0.0, max=0.0),) * 3,
                    taken=describe_taken(tiny_sample(frame).cameras),
                    rectified=False,
                    magnification=(6.0,) * 3,
                    checksums=checksums,
                )
            )
        views = Views(
            capture=capture,
            normalization="keep",
            mode="keep",
            view_names=NAMES,
            contract=CONTRACT.hash,
            violations=(),
            samples=tuple(samples),
        )
        views.model_copy(update=changes).write(path)
        return path

    return write


def assemble(
    views: list[Path], table: Path, captures: tuple[str, ...] = ("a", "b"), split: Split = SPLIT
) -> SampleTable:
    dataset = Dataset(captures=captures, domain="mouse", views=3, split=split)
    assemble_dataset(views, table, table.with_name("residuals.csv"), "real", dataset, "keep", CONTRACT)
    return SampleTable.read(table)


def test_chunks_of_several_captures_become_one_table(write_views: WriteViews, tmp_path: Path) -> None:
    """Given in any order: captures stand as in the dataset, frames as in time, each split by its own timeline."""
    views = [
        write_views("b", [5, 6, 7, 8]),
        write_views("a", [60, 70], chunk=1),
        write_views("a", [0, 10, 20, 30, 40, 50]),
    ]
    table = assemble(views, tmp_path / "samples" / "real.keep" / "table.json")
    assert [(row.name, row.split) for row in table.samples] == [
        ("a_000000", "train"), ("a_000010", "train"), ("a_000020", "train"), ("a_000030", "train"),
        ("a_000050", "val"), ("a_000070", "test"), ("b_000005", "train"), ("b_000006", "train"),
    ]  # fmt: skip
    assert (table.dataset, table.normalization, table.contract) == ("real", "keep", CONTRACT.hash)
    assert table.view_count == 3
    assert {row.view_names for row in table.samples} == {NAMES}
    assert table.violations == ()
    assert table.samples[0].millimeters_per_unit == pytest.approx(125)
    assert len({row.name for row in table.samples}) == len(table.samples)
    residuals = pd.read_csv(tmp_path / "samples" / "real.keep" / "residuals.csv")
    assert residuals["sample"].tolist() == [row.name for row in table.samples for _ in row.view_names]
    assert residuals["view"].tolist() == [name for row in table.samples for name in row.view_names]
    assert residuals[["p50", "p95", "max", "magnification"]].notna().all().all()


def test_samples_load_through_table_and_lists(write_views: WriteViews, tmp_path: Path) -> None:
    path = tmp_path / "samples" / "table.json"
    table = assemble([write_views("a", list(range(12)))], path, ("a",))
    for split in ("train", "val", "test"):
        rows = table.of_split(split)
        lines = (path.parent / f"{split}.txt").read_text().splitlines()
        assert lines == [row.folder for row in rows]
        assert rows
        for line, row in zip(lines, rows, strict=True):
            assert torch.equal(read_sample(path.parent / line).images, tiny_sample(row.frame).images)
            assert torch.equal(load_sample(path, row).images, tiny_sample(row.frame).images)


def test_a_changed_picture_is_refused(write_views: WriteViews, tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    table = assemble([write_views("a", list(range(12)))], path, ("a",))
    picture = path.parent / table.samples[0].folder / "images/cam_001.png"
    picture.write_bytes(picture.read_bytes() + b" ")
    with pytest.raises(ValueError, match=r"cam_001\.png: sha256 .* it changed since"):
        load_sample(path, table.samples[0])


def test_violations_are_carried(write_views: WriteViews, tmp_path: Path) -> None:
    """Each once; of the subjects, the one that reaches furthest speaks."""
    views = [
        write_views("a", [0, 50, 110], violations=("focal: view 0: found 9", "subject_radius: found 1.1")),
        write_views("a", [120, 130, 140], chunk=1, violations=("focal: view 0: found 9", "aim: view 1: found 2")),
    ]
    table = assemble(views, tmp_path / "table.json", ("a",), Split(blocks=("train",), gap=0))
    assert table.violations[:2] == ("focal: view 0: found 9", "aim: view 1: found 2")
    assert len(table.violations) == 3
    assert "reaches 1.4 units" in table.violations[2]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"contract": "0123"}, "contract: found '0123', expected"),
        ({"normalization": "fill"}, "normalization: found 'fill', expected 'keep'"),
        ({"capture": "c"}, r"capture: found 'c', expected one of \['a', 'b'\]"),
    ],
)
def test_manifests_that_differ_are_refused(
    changes: dict[str, Any], words: str, write_views: WriteViews, tmp_path: Path
) -> None:
    views = [write_views("a", [0, 1]), write_views("b", [0, 1], **changes)]
    with pytest.raises(ValueError, match=words) as raised:
        assemble(views, tmp_path / "table.json")
    assert str(views[1]) in str(raised.value)
    assert not (tmp_path / "table.json").exists()


def test_a_capture_without_views_is_refused(write_views: WriteViews, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no manifest of views is of 'b'"):
        assemble([write_views("a", [0, 1])], tmp_path / "table.json")


def test_a_frame_in_two_manifests_is_refused(write_views: WriteViews, tmp_path: Path) -> None:
    views = [write_views("a", [0, 1]), write_views("a", [1, 2], chunk=1)]
    with pytest.raises(ValueError, match="frame 1 of a is also in"):
        assemble(views, tmp_path / "table.json", ("a",))


def test_a_split_without_a_frame_is_refused(write_views: WriteViews, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no frame is left for \['test', 'val'\].* gap of 5 frames over 8 frames"):
        assemble(
            [write_views("a", list(range(8)))], tmp_path / "table.json", ("a",), SPLIT.model_copy(update={"gap": 5})
        )


def test_a_missing_folder_is_refused(write_views: WriteViews, tmp_path: Path) -> None:
    path = write_views("a", list(range(8)))
    folder = path.parent / "frame_000003"
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(FileNotFoundError, match=r"frame_000003: no such folder, but .*manifest\.json names it"):
        assemble([path], tmp_path / "table.json", ("a",))
