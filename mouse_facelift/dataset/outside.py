"""Samples from outside: FaceLift's own folders, which no room of ours has made."""

from pathlib import Path

from mouse_facelift.formats.sample_folder import Sample, read_sample
from mouse_facelift.geometry.contract import require_contract
from mouse_facelift.settings import CameraContract


def import_sample(folder: Path, contract: CameraContract) -> Sample:
    """Read a sample folder, with any number of views, whose cameras keep the contract.

    Raises:
        FileNotFoundError: the cameras or a picture that they name is absent.
        ValueError: names the folder and every field that breaks the contract, or what cannot be read.
    """
    sample = read_sample(folder)
    require_contract(sample.cameras, contract, str(folder))
    return sample
