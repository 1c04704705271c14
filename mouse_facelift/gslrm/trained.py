"""What a training leaves behind: weights, and numbers of its steps for their card."""

import math
from collections.abc import Sequence
from pathlib import Path

from safetensors.torch import save

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.whole import sha256, whole_file
from mouse_facelift.gslrm.network import Gslrm
from mouse_facelift.training.state import StepMetrics

LAST_STEPS = 50  # steps whose mean stands in a card


def write_weights(path: Path, model: Gslrm) -> None:
    """Write the network's tensors as safetensors, whole; the same tensors give the same bytes."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with whole_file(path) as partial:
        partial.write_bytes(save(tensors))


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
    if path is None:
        return None
    card = WeightsCard.read(path)
    if card.weights_sha256 != (found := sha256(weights)):
        raise ValueError(f"{path}: weights_sha256: found {card.weights_sha256}, but {weights} has {found}")
    return card


def find_card(weights: Path) -> Path | None:
    """Find the card beside a weights file: `<name>.card.json`, or `card.json` for all of a folder; or none."""
    beside = (weights.with_suffix(".card.json"), weights.with_name("card.json"))
    return next((path for path in beside if path.is_file()), None)
