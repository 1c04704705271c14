"""Rule `mix_datasets`: the samples of several tables as one table."""

import os
from pathlib import Path

from mouse_facelift.formats.licensed import once_each
from mouse_facelift.formats.sample_table import SampleTable


def mix_datasets(tables: list[Path], table: Path, dataset_name: str) -> None:
    """Write a table of all samples of some tables, in their order; folders stay where they are.

    Names are told apart by the tables' datasets.

    Raises:
        FileNotFoundError: a table is absent.
        ValueError: names the field in which two tables differ: contract, normalization or number of views.
    """
    parts = [SampleTable.read(path) for path in tables]
    for path, part in zip(tables, parts, strict=True):
        for field in ("contract", "normalization", "view_count"):
            found, expected = getattr(part, field), getattr(parts[0], field)
            if found != expected:
                raise ValueError(f"{path}: {field}: found {found!r}, but {tables[0]} has {expected!r}")
    rows = [
        row.model_copy(
            update={
                "name": f"{part.dataset}_{row.name}",
                "folder": Path(os.path.relpath(path.parent / row.folder, table.parent)).as_posix(),
            }
        )
        for path, part in zip(tables, parts, strict=True)
        for row in part.samples
    ]
    SampleTable(
        dataset=dataset_name,
        normalization=parts[0].normalization,
        view_count=parts[0].view_count,
        contract=parts[0].contract,
        violations=tuple(dict.fromkeys(line for part in parts for line in part.violations)),
        drawn_by=once_each(*(part.drawn_by for part in parts)),
        samples=tuple(rows),
    ).write_with_lists(table)
