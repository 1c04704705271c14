"""Rule `assemble_dataset`: posed views of several captures to one sample table."""

import logging
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from mouse_facelift.dataset.choose_views import choose_views
from mouse_facelift.dataset.split import split_timeline
from mouse_facelift.formats.manifest import Vector
from mouse_facelift.formats.sample_table import SampleRow, SampleTable, SplitName
from mouse_facelift.formats.views import RESIDUAL_COLUMNS, PosedSample, Views
from mouse_facelift.formats.whole import whole_file
from mouse_facelift.geometry.contract import SUBJECT_FIELD, subject_violations
from mouse_facelift.settings import CameraContract, Dataset

log = logging.getLogger(__name__)


def assemble_dataset(
    views: list[Path],
    table: Path,
    residuals: Path,
    dataset_name: str,
    dataset: Dataset,
    normalization_name: str,
    contract: CameraContract,
) -> None:
    """Write a sample table, and beside it FaceLift's list files `train.txt`, `val.txt`, `test.txt`.

    `residuals` is a CSV of RESIDUAL_COLUMNS, in px of the view, a row a view of every sample: how exactly it was
    brought to the contract.

    Folders are told relative to the table, in both. Captures stand in the order of the dataset, frames in that of time.

    Raises:
        FileNotFoundError: a manifest or a sample folder is not there.
        ValueError: names the manifest and what it does not share with the others (contract, normalization, views), a
            capture without views, a frame that two manifests hold, or a role for which no frame is left.
    """
    manifests = {path: Views.read(path) for path in views}
    for path, manifest in manifests.items():
        _require_same(path, "normalization", manifest.normalization, normalization_name)
        _require_same(path, "contract", manifest.contract, contract.hash)
        if manifest.capture not in dataset.captures:
            raise ValueError(f"{path}: capture: found {manifest.capture!r}, expected one of {list(dataset.captures)}")
    rows: list[SampleRow] = []
    measured: list[dict[str, object]] = []
    for capture in dataset.captures:
        timeline = _timeline({path: views for path, views in manifests.items() if views.capture == capture}, capture)
        whole = [(folder, sample) for folder, sample in timeline if len(sample.view_names) >= dataset.views]
        if len(whole) < len(timeline):
            lacking = len(timeline) - len(whole)
            log.info("%s: %d frames left out: fewer than %d views show the animal", capture, lacking, dataset.views)
        usual = _usual_views(whole, dataset.views)
        roles = split_timeline(len(whole), dataset.split)
        for (folder, sample), role in zip(whole, roles, strict=True):
            if role is not None:
                chosen = _views_of(sample, usual, dataset.views)
                rows.append(_describe(capture, folder, sample, chosen, role, table))
                measured += _measured(rows[-1], sample)
        counts = Counter(role or "left out" for role in roles)
        log.info("%s: %s", capture, ", ".join(f"{count} {role}" for role, count in counts.items()))
    if missing := sorted(set(dataset.split.blocks) - {row.split for row in rows}):
        raise ValueError(
            f"{table}: split: no frame is left for {missing}: blocks {list(dataset.split.blocks)} with a gap of"
            f" {dataset.split.gap} frames over {sum(len(manifest.samples) for manifest in manifests.values())} frames"
        )
    with whole_file(residuals) as partial:
        pd.DataFrame(measured, columns=RESIDUAL_COLUMNS).to_csv(partial, index=False)
    SampleTable(
        dataset=dataset_name,
        normalization=normalization_name,
        view_count=dataset.views,
        contract=contract.hash,
        violations=_all_violations(manifests.values(), contract),
        samples=tuple(rows),
    ).write_with_lists(table)


def _require_same(path: Path, field: str, found: object, expected: object) -> None:
    if found != expected:
        raise ValueError(f"{path}: {field}: found {found!r}, expected {expected!r}")


def _timeline(manifests: dict[Path, Views], capture: str) -> list[tuple[Path, PosedSample]]:
    """Folders and samples of one capture, in the order of time."""
    if not manifests:
        raise ValueError(f"captures: no manifest of views is of {capture!r}")
    holders: dict[int, tuple[Path, PosedSample]] = {}
    for path, views in manifests.items():
        for sample in views.samples:
            if sample.frame in holders:
                raise ValueError(f"{path}: frame {sample.frame} of {capture} is also in {holders[sample.frame][0]}")
            folder = path.parent / sample.folder
            if not folder.is_dir():
                raise FileNotFoundError(f"{folder}: no such folder, but {path} names it")
            holders[sample.frame] = folder, sample
    return [holders[frame] for frame in sorted(holders)]


def _usual_views(timeline: Sequence[tuple[Path, PosedSample]], count: int) -> frozenset[str]:
    """Names of the views that a capture's samples have, where all of these show the animal.

    They are chosen in the first of the frames that most views show, so that samples do not change views with each step
    of the animal.
    """
    if not timeline:
        return frozenset()
    sample = max((sample for _, sample in timeline), key=lambda sample: len(sample.view_names))
    return frozenset(sample.view_names[view] for view in choose_views(sample.azimuths, count))


def _views_of(sample: PosedSample, usual: frozenset[str], count: int) -> tuple[int, ...]:
    if usual <= set(sample.view_names):
        return tuple(view for view, name in enumerate(sample.view_names) if name in usual)
    return choose_views(sample.azimuths, count)


def _describe(
    capture: str, folder: Path, sample: PosedSample, views: tuple[int, ...], split: SplitName, table: Path
) -> SampleRow:
    return SampleRow(
        name=f"{capture}_{sample.frame:06d}",
        folder=Path(os.path.relpath(folder, table.parent)).as_posix(),
        views=views,
        view_names=tuple(sample.view_names[view] for view in views),
        split=split,
        capture=capture,
        frame=sample.frame,
        millimeters_per_unit=1 / sample.scale,
        subject_center=sample.subject_center,
        subject_radius=sample.subject_radius,
        checksums=sample.checksums,
    )


def _measured(row: SampleRow, sample: PosedSample) -> list[dict[str, object]]:
    """What is known of how exact the chosen views are."""
    return [
        {
            "sample": row.name,
            "view": sample.view_names[view],
            **sample.residuals[view].model_dump(),
            "measured_over": "hull",
            "magnification": sample.magnification[view],
        }
        for view in row.views
    ]


def _all_violations(manifests: Iterable[Views], contract: CameraContract) -> tuple[str, ...]:
    """What the manifests' cameras break, once each; of all subjects, the one that reaches furthest speaks."""
    listed: dict[str, None] = {}
    subjects: list[tuple[Vector, float]] = []
    for views in manifests:
        listed |= dict.fromkeys(line for line in views.violations if not line.startswith(SUBJECT_FIELD))
        subjects += [(sample.subject_center, sample.subject_radius) for sample in views.samples]
    return *listed, *subject_violations(subjects, contract)
