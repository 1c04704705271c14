"""Whether weights are what the configuration and their card say: asked before anything starts from them."""

from pathlib import Path

from pydantic import ValidationError

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.gslrm.config import GslrmConfig, read_config
from mouse_facelift.settings import CameraContract, DeclaredWeights
from mouse_facelift.training.trained import find_card, read_card, require_checksum


def require_as_declared(weights: Path, config: Path, declared: DeclaredWeights) -> WeightsCard | None:
    """Read the card of weights, if they have one, once it agrees with file, configuration and declaration.

    Raises:
        FileNotFoundError: the weights or their configuration are absent.
        ValueError: names the files, the declaring row, what was found and what was expected.
    """
    require_checksum(weights, declared)
    card = read_card(weights)
    if card is not None and (problems := contradictions(card, weights, config, declared)):
        raise ValueError("\n  ".join(problems))
    return card


def require_size(network: GslrmConfig, config: Path, contract: CameraContract) -> None:
    """Raise ValueError if a network was trained on pictures of another size than the contract's."""
    found = network.image_tokenizer.image_size
    if found != contract.image_size:
        raise ValueError(
            f"{config}: image_tokenizer.image_size: found {found} px,"
            f" expected {contract.image_size} px as in the config's camera_contract"
        )


def contradictions(card: WeightsCard, weights: Path, config: Path, declared: DeclaredWeights) -> list[str]:
    """List what the card beside `weights` says otherwise than their configuration and their declaring row."""
    path, expected = find_card(weights), read_config(config)
    found = []
    if card.domain != declared.domain:
        found.append(f"{path}: domain: found {card.domain}, expected {declared.domain} ({declared.row}.domain)")
    if declared.license is not None and card.license != declared.license:
        found.append(f"{path}: license: found {card.license}, expected {declared.license} ({declared.row}.license)")
    try:
        told = GslrmConfig.model_validate_json(card.network)
    except ValidationError as error:
        return [*found, f"{path}: network: {error}"]
    for name in GslrmConfig.model_fields:
        if (value := getattr(told, name)) != (wanted := getattr(expected, name)):
            found.append(f"{path}: network.{name}: found {value}, expected {wanted} ({config})")
    return found
