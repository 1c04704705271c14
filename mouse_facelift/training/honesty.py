"""Whether data keep the camera contract, and are what their table says: asked before anything is computed."""

from pathlib import Path

from mouse_facelift.formats.sample_folder import (
    CAMERAS_FILE,
    Sample,
    camera_frames_to_cameras,
    read_camera_frames,
)
from mouse_facelift.formats.sample_table import SampleRow, SampleTable, load_sample
from mouse_facelift.geometry.contract import contract_violations, subject_violations
from mouse_facelift.settings import CameraContract

LISTED = 6


def require_honest(
    samples: SampleTable, table: Path, contract: CameraContract, allow_broken_contract: bool, experiment: str
) -> None:
    """Raise ValueError if a table's cameras break the contract and the experiment does not say that they may.

    Both what the table tells of itself and its cameras are looked at.
    """
    who = f"experiment {experiment}"
    _require_same_contract(samples, table, contract, who)
    if not allow_broken_contract and (broken := _broken(samples, table, contract, who)):
        raise ValueError(f"{broken}\nset experiments.{experiment}.allow_broken_contract: true to see what that does")


def require_contract_kept(samples: SampleTable, table: Path, contract: CameraContract, row: str) -> None:
    """Raise ValueError if a table's cameras break the contract, for a row of the configuration that never may."""
    _require_same_contract(samples, table, contract, row)
    if broken := _broken(samples, table, contract, row):
        raise ValueError(broken)


def _require_same_contract(samples: SampleTable, table: Path, contract: CameraContract, who: str) -> None:
    if samples.contract != contract.hash:
        raise ValueError(
            f"{who}: {table}: contract: found {samples.contract},"
            f" expected {contract.hash}, that of the config's camera_contract"
        )


def _broken(samples: SampleTable, table: Path, contract: CameraContract, who: str) -> str | None:
    """How cameras break the contract, in words; None if they keep it."""
    violations = samples.violations or _violations(samples, table, contract)
    if not violations:
        return None
    more = [f"... and {len(violations) - LISTED} more"] if len(violations) > LISTED else []
    listed = "\n  ".join([*violations[:LISTED], *more])
    return f"{who}: {table} (normalization {samples.normalization}) breaks the camera contract:\n  {listed}"


def _violations(samples: SampleTable, table: Path, contract: CameraContract) -> list[str]:
    found = subject_violations(((row.subject_center, row.subject_radius) for row in samples.samples), contract)
    for row in samples.samples:
        path = table.parent / row.folder / CAMERAS_FILE
        cameras = camera_frames_to_cameras(read_camera_frames(path), path)
        found += [f"{path}: {violation}" for violation in contract_violations(cameras, contract)]
    return found


def require_views(samples: SampleTable, table: Path, setting: str, wanted: int) -> None:
    """Raise ValueError if a setting asks for more views than the samples of a table have."""
    if wanted > samples.view_count:
        raise ValueError(f"{setting}: found {wanted}, but samples of {table} have {samples.view_count} views")


def load_honest_sample(samples: SampleTable, table: Path, row: SampleRow) -> Sample:
    """Read one sample whose files are as the table recorded them, and its witnesses last.

    Raises ValueError if it has other views.
    """
    sample = load_sample(table, row)
    if (found := len(sample.cameras) - row.witnesses) != samples.view_count:
        raise ValueError(f"{table}: {row.name}: found {found} views, expected {samples.view_count} as of all samples")
    return sample


def load_teaching_sample(samples: SampleTable, table: Path, row: SampleRow) -> Sample:
    """Read one sample without its witnesses, from which nothing may learn. Raises as `load_honest_sample`."""
    sample = load_honest_sample(samples, table, row)
    views = list(range(samples.view_count))
    return Sample(sample.name, sample.cameras[views], sample.images[views])
