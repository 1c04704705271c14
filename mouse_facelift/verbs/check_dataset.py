"""A dataset's sample table: its contract, its files, its cameras, its splits."""

from collections import Counter, defaultdict
from pathlib import Path

from tqdm import tqdm

from mouse_facelift.formats.sample_folder import CAMERAS_FILE, camera_frames_to_cameras, read_camera_frames
from mouse_facelift.formats.sample_table import SPLITS, SampleRow, SampleTable
from mouse_facelift.formats.whole import sha256
from mouse_facelift.geometry.contract import contract_violations, subject_violations
from mouse_facelift.settings import CameraContract
from mouse_facelift.verbs.report import Report, ReportLine, amber, green, red, reds, report


def check_dataset(table: Path, contract: CameraContract) -> Report:
    """Read a sample table, and look at every file of every sample."""
    try:
        samples = SampleTable.read(table)
    except ValueError as error:
        return report(str(table), "dataset", contract.hash, reds("", "table", error))
    lines = [
        green("", "table", f"{samples.dataset}, normalization {samples.normalization}, {len(samples.samples)} samples"),
        _contract(samples, contract),
        *(red("", "violation", violation) for violation in samples.violations),
        *(
            red("", "subject", says.partition(": ")[2])
            for says in subject_violations(((r.subject_center, r.subject_radius) for r in samples.samples), contract)
        ),
        *_splits(samples),
    ]
    wrong: list[ReportLine] = []
    for row in tqdm(samples.samples, desc=samples.dataset, unit="sample", disable=None):
        wrong += _check_row(row, table, samples, contract)
    whole = len({line.of for line in wrong})
    says = f"{len(samples.samples) - whole} of {len(samples.samples)} are as the table recorded them"
    lines.append((red if wrong else green)("", "samples", says))
    return report(str(table), "dataset", contract.hash, [*lines, *wrong])


def _contract(samples: SampleTable, contract: CameraContract) -> ReportLine:
    if samples.contract == contract.hash:
        return green("", "contract", f"{contract.hash}, that of the configuration")
    return red("", "contract", f"found {samples.contract}, expected {contract.hash}, that of the configuration")


def _splits(samples: SampleTable) -> list[ReportLine]:
    counts = Counter(row.split for row in samples.samples)
    words = ", ".join(f"{counts[split]} {split}" for split in SPLITS)
    lines = [green("", "splits", words) if counts else red("", "splits", "the table holds no samples")]
    if empty := [split for split in SPLITS if counts and not counts[split]]:
        lines.append(amber("", "splits", f"none of {', '.join(empty)}"))
    holders = defaultdict(set)
    for row in samples.samples:
        holders[row.capture, row.frame].add(row.split)
    for (capture, frame), splits in holders.items():
        if len(splits) > 1:
            lines.append(red("", "splits", f"frame {frame} of {capture} is in {' and '.join(sorted(splits))}"))
    return lines


def _check_row(row: SampleRow, table: Path, samples: SampleTable, contract: CameraContract) -> list[ReportLine]:
    folder = table.parent / row.folder
    lines = []
    for name, expected in row.checksums.items():
        file = folder / name
        if not file.is_file():
            lines.append(red(row.name, "file", f"no file {file}"))
        elif (found := sha256(file)) != expected:
            lines.append(
                red(row.name, "file", f"{file}: sha256 {found[:12]}, recorded {expected[:12]}: it changed since")
            )
    if (given := len(row.views) - row.witnesses) != samples.view_count:
        lines.append(red(row.name, "views", f"found {given}, expected {samples.view_count} as of all samples"))
    if lines:
        return lines
    try:
        cameras = camera_frames_to_cameras(read_camera_frames(folder / CAMERAS_FILE), folder / CAMERAS_FILE)
    except (ValueError, FileNotFoundError) as error:
        return reds(row.name, "cameras", error)
    if max(row.views) >= len(cameras):
        return [red(row.name, "views", f"the table names views {list(row.views)}, the folder holds {len(cameras)}")]
    return [red(row.name, "camera", violation) for violation in contract_violations(cameras[list(row.views)], contract)]
