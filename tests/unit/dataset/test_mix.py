"""Tables of several datasets as one: nothing is copied, and what differs is refused."""

from pathlib import Path

import pytest
import torch

from mouse_facelift.dataset.mix import mix_datasets
from mouse_facelift.formats.sample_folder import write_sample
from mouse_facelift.formats.sample_table import SampleRow, SampleTable, load_sample
from mouse_facelift.formats.whole import sha256, whole_folder
from tests.unit.dataset.test_assemble import NAMES, tiny_sample


def write_table(home: Path, dataset: str, frames: list[int], **changes: object) -> Path:
    rows = []
    for frame in frames:
        with whole_folder(home / f"frame_{frame}") as partial:
            write_sample(partial, tiny_sample(frame), NAMES)
            files = [file for file in partial.rglob("*") if file.is_file()]
            checksums = {file.relative_to(partial).as_posix(): sha256(file) for file in files}
        rows.append(
            SampleRow(
                name=f"a_{frame:06d}",
                folder=f"frame_{frame}",
                views=(0, 1, 2),
                view_names=NAMES,
                witnesses=1,
                split="train" if frame < 5 else "test",
                capture="a",
                frame=frame,
                millimeters_per_unit=125.0,
                subject_center=(0.0, 0.0, 0.0),
                subject_radius=0.5,
                checksums=checksums,
            )
        )
    table = SampleTable(
        dataset=dataset, normalization="fill", view_count=2, contract="1234", violations=(), samples=tuple(rows)
    ).model_copy(update=changes)
    table.write(home / "table.json")
    return home / "table.json"


def test_samples_stay_where_they_are_under_names_of_their_own(tmp_path: Path) -> None:
    parts = [write_table(tmp_path / name, name, [1, 7]) for name in ("real", "drawn")]
    mixed = tmp_path / "deeper" / "both" / "table.json"
    mixed.parent.mkdir(parents=True)
    mix_datasets(parts, mixed, "both")
    table = SampleTable.read(mixed)
    assert [row.name for row in table.samples] == ["real_a_000001", "real_a_000007", "drawn_a_000001", "drawn_a_000007"]
    assert [row.split for row in table.samples] == ["train", "test", "train", "test"]
    assert all(row.witnesses == 1 for row in table.samples)
    for row, frame in zip(table.samples, [1, 7, 1, 7], strict=True):
        assert torch.equal(load_sample(mixed, row).images, tiny_sample(frame).images)
    lines = (mixed.parent / "train.txt").read_text().splitlines()
    assert [(mixed.parent / line).is_dir() for line in lines] == [True, True]


@pytest.mark.parametrize("changes", [{"contract": "5678"}, {"normalization": "keep"}, {"view_count": 3}])
def test_tables_that_differ_are_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    parts = [write_table(tmp_path / "real", "real", [1]), write_table(tmp_path / "drawn", "drawn", [1], **changes)]
    (field,) = changes
    with pytest.raises(ValueError, match=rf"drawn/table.json: {field}: found .*, but .*real/table.json has"):
        mix_datasets(parts, tmp_path / "table.json", "both")
