"""Weights of a reconstructing network: every tensor, their card, what they have learned from, and the contract."""

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.whole import sha256
from mouse_facelift.gslrm.config import GslrmConfig, read_config
from mouse_facelift.gslrm.declared import contradictions, require_size
from mouse_facelift.gslrm.loading import misfits
from mouse_facelift.settings import CameraContract, Checkpoint, DeclaredWeights, Settings
from mouse_facelift.training.trained import find_card, read_card
from mouse_facelift.verbs.report import Report, ReportLine, amber, green, red, reds, report

LineOf = Callable[[str, str, str], ReportLine]


def check_weights(weights: Path, network_config: Path | None, settings: Settings) -> Report:
    """Look at a weights file as `snakemake check_checkpoints` does, and hold its card against the contract.

    Args:
        weights: a .safetensors or .pt file.
        network_config: JSON of the network; None: that of the row of `checkpoints:` that names these weights, else
            the one that their card holds.
        settings: the configuration.

    Raises:
        FileNotFoundError: the network's configuration is absent.
        ValueError: nothing tells which network the weights are of.
    """
    contract = settings.camera_contract
    rows = {name: row for name, row in settings.checkpoints.items() if _same(row.weights, weights)}
    lines = [green("", "checksum", f"sha256 {sha256(weights)}")]
    card = None
    try:
        card = read_card(weights)
    except ValueError as error:
        lines += reds("", "card", error)
    network, source = _network(weights, network_config, list(rows.values()), card)
    try:
        lines += _check_network(weights, read_config(network), source, contract)
    except ValueError as error:
        lines += reds("", "network", error)
    for name, row in rows.items():
        lines += _check_row(weights, row, row.declared(name), card)
    lines += [_no_card(weights, rows)] if card is None else card_lines(card, contract)
    return report(str(weights), "checkpoint", contract.hash, lines)


def card_lines(card: WeightsCard, contract: CameraContract, elsewhere: LineOf = amber) -> list[ReportLine]:
    """What a card says of its weights; `elsewhere` makes the line of those that learned on another contract."""
    lines = [
        green("", "domain", card.domain),
        green("", "license", card.license),
        green("", "trained on", f"{card.trained_on}; {card.steps} steps"),
    ]
    if card.contract == contract.hash:
        lines.append(green("", "contract", f"{contract.hash}, that of the configuration"))
    else:
        says = f"trained on {card.contract}; the configuration's camera_contract is {contract.hash}"
        lines.append(elsewhere("", "contract", says))
    lines += [amber("", "violation", f"of the pictures it learned from: {violation}") for violation in card.violations]
    lines.append((green if card.status == "complete" else amber)("", "training", card.status))
    return lines


def _same(named: str, path: Path) -> bool:
    return Path(named).resolve() == path.resolve()


def _network(
    weights: Path, given: Path | None, rows: list[Checkpoint], card: WeightsCard | None
) -> tuple[Path | GslrmConfig, str]:
    """The network's configuration, and where it was found."""
    if given is not None:
        return given, f"{given}"
    if rows:
        return Path(rows[0].config), f"{rows[0].config}, from the configuration"
    if card is not None:
        path = find_card(weights)
        try:
            return GslrmConfig.model_validate_json(card.network), f"its card {path}"
        except ValidationError as error:
            raise ValueError(f"{path}: network: {error}") from error
    raise ValueError(
        f"{weights}: nothing tells which network these weights are of: no card beside them, and no row of checkpoints:"
        " names them; give its JSON by --network-config"
    )


def _check_network(weights: Path, network: GslrmConfig, source: str, contract: CameraContract) -> list[ReportLine]:
    lines = []
    try:
        require_size(network, Path(source), contract)
        lines.append(green("", "network", f"as in {source}; pictures of {contract.image_size} px"))
    except ValueError as error:
        lines += reds("", "network", error)
    try:
        wrong = misfits(weights, network)
    except ValueError as error:
        return [*lines, *reds("", "tensors", error)]
    return [*lines, *(red("", "tensors", says) for says in wrong)] if wrong else [*lines, green("", "tensors", "fit")]


def _check_row(weights: Path, row: Checkpoint, declared: DeclaredWeights, card: WeightsCard | None) -> list[ReportLine]:
    """Hold weights against the row of the configuration that names them."""
    lines = []
    if declared.sha256 is not None and (found := sha256(weights)) != declared.sha256:
        lines.append(red(declared.row, "checksum", f"found {found}, expected {declared.sha256}"))
    if card is not None:
        lines += [red(declared.row, "card", says) for says in contradictions(card, weights, Path(row.config), declared)]
    return lines or [green(declared.row, "declared", f"domain {declared.domain}, license {declared.license}")]


def _no_card(weights: Path, rows: dict[str, Checkpoint]) -> ReportLine:
    if rows:
        return green("", "card", "none; the configuration's row alone says what they have learned from")
    return amber("", "card", f"none beside {weights.name}: nothing tells what they have learned from")
