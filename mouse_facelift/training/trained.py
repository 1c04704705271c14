"""What a training leaves behind: weights, and numbers of its steps for their card."""

import math
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.licensed import LicensedWeights, once_each
from mouse_facelift.formats.tensors import write_tensors
from mouse_facelift.formats.whole import sha256
from mouse_facelift.settings import CameraContract, DeclaredWeights
from mouse_facelift.training.state import StepMetrics

LAST_STEPS = 50  # steps whose mean stands in a card


def write_weights(path: Path, model: nn.Module) -> None:
    """Write the network's tensors as safetensors, whole; the same tensors give the same bytes."""
    write_tensors(path, model.state_dict())


def last_psnr(metrics: Sequence[StepMetrics]) -> dict[str, float]:
    """Mean training PSNR (dB) of those of the last steps that have one, by its name in a card; or nothing."""
    recent = [row["psnr"] for row in metrics[-LAST_STEPS:] if math.isfinite(row["psnr"])]
    return {"training_psnr_of_last_steps": sum(recent) / len(recent)} if recent else {}


def skipped_updates(metrics: Sequence[StepMetrics]) -> int:
    return sum(1 for row in metrics if not row["updated"])


def read_card(weights: Path) -> WeightsCard | None:
    """Read the card beside a weights file, if there is one.

    Raises:
        ValueError: the card is of other weights.
    """
    path = find_card(weights)
    return None if path is None else read_card_of(weights, path)


def read_card_of(weights: Path, path: Path) -> WeightsCard:
    """Read the card of a weights file from where it stands.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the card is of other weights.
    """
    card = WeightsCard.read(path)
    if card.weights_sha256 != (found := sha256(weights)):
        raise ValueError(f"{path}: weights_sha256: found {card.weights_sha256}, but {weights} has {found}")
    return card


def read_card_on(weights: Path, path: Path, contract: CameraContract) -> WeightsCard:
    """Read the card of weights that were made for this contract.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the card is of other weights, or these were made for another contract.
    """
    card = read_card_of(weights, path)
    if card.contract != contract.hash:
        raise ValueError(f"{path}: contract: found {card.contract}, expected {contract.hash}, that of the config")
    return card


def weights_behind(weights: Path, card: WeightsCard | None, declared: DeclaredWeights) -> tuple[LicensedWeights, ...]:
    """Weights with their license, as their card or else the configuration says, and then what they come of.

    Raises:
        ValueError: neither says a license.
    """
    license = declared.license if card is None else card.license
    if license is None:
        raise ValueError(f"{weights}: license: no card beside them, and {declared.row} says none")
    itself = LicensedWeights(file=str(weights), sha256=sha256(weights), license=license)
    return once_each([itself], [] if card is None else card.origins)


def find_card(weights: Path) -> Path | None:
    """Find the card beside a weights file: `<name>.card.json`, or `card.json` for all of a folder; or none."""
    beside = (weights.with_suffix(".card.json"), weights.with_name("card.json"))
    return next((path for path in beside if path.is_file()), None)


def require_checksum(weights: Path, declared: DeclaredWeights) -> None:
    """Raise ValueError if a checksum is declared and the file has another."""
    if not weights.is_file():
        raise FileNotFoundError(f"{weights}: no such weights")
    if declared.sha256 is not None and (found := sha256(weights)) != declared.sha256:
        raise ValueError(f"{weights}: sha256: found {found}, expected {declared.sha256} ({declared.row}.sha256)")
