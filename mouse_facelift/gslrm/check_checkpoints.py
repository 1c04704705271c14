"""Rule `check_checkpoints`: what every row of the registry of weights turns out to be."""

import csv
import io
import logging
from pathlib import Path

from tqdm import tqdm

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.whole import sha256, write_text_whole
from mouse_facelift.gslrm.declared import contradictions
from mouse_facelift.gslrm.loading import misfits
from mouse_facelift.settings import Checkpoint, DeclaredWeights
from mouse_facelift.training.trained import read_card

log = logging.getLogger(__name__)

COLUMNS = [
    "checkpoint",
    "weights",
    "config",
    "exists",
    "domain",
    "license",
    "sha256_found",
    "sha256_expected",
    "tensors",
    "parent",
    "contract",
    "trained_on",
    "steps",
    "problems",
]


def check_checkpoints(checkpoints: dict[str, Checkpoint], table: Path) -> None:
    """Look at every checkpoint and write one row of COLUMNS for each, wrong ones too.

    `tensors` is `fit`, or lists every tensor that does not; `parent` to `steps` come from the card and are empty
    without one. What is wrong stands in `problems`, one a line.

    Raises:
        ValueError: names all that is wrong. The table is written before.
    """
    progress = tqdm(checkpoints.items(), desc="checkpoints", unit="file", disable=None)
    rows = [_examine(name, row) for name, row in progress]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text_whole(table, text.getvalue())
    for row in rows:
        log.info(
            "%s: %s (%s, license %s): %s, sha256 %s, %s",
            row["checkpoint"],
            row["weights"],
            row["domain"],
            row["license"],
            _in_words(row),
            row["sha256_found"] or "unknown",
            f"{row['steps']} steps on {row['trained_on']}" if row["steps"] else "no card",
        )
    if wrong := [row for row in rows if row["problems"]]:
        named = [f"checkpoints.{row['checkpoint']}: {line}" for row in wrong for line in row["problems"].splitlines()]
        raise ValueError(f"{len(wrong)} wrong of {len(rows)} checkpoints, see {table}\n  " + "\n  ".join(named))


def _in_words(row: dict[str, str]) -> str:
    if row["problems"]:
        return f"{len(row['problems'].splitlines())} problems"
    return "as declared, all tensors fit"


def _examine(name: str, row: Checkpoint) -> dict[str, str]:
    weights, config = Path(row.weights), Path(row.config)
    files = {"weights": weights, "config": config}
    problems = [f"{field}: no file {path}" for field, path in files.items() if not path.is_file()]
    exists = not problems
    found = sha256(weights) if weights.is_file() else ""
    if found and row.sha256 is not None and found != row.sha256:
        problems.append(f"sha256: found {found}, expected {row.sha256}")
    tensors, card = "", None
    if exists:
        tensors, misfitting = _tensors(weights, config)
        card, contradicting = _card(weights, config, row.declared(name))
        problems += misfitting + contradicting
    return {
        "checkpoint": name,
        "weights": row.weights,
        "config": row.config,
        "exists": "yes" if exists else "no",
        "domain": row.domain,
        "license": row.license,
        "sha256_found": found,
        "sha256_expected": row.sha256 or "",
        "tensors": tensors,
        "parent": card.parent if card else "",
        "contract": card.contract if card else "",
        "trained_on": card.trained_on if card else "",
        "steps": str(card.steps) if card else "",
        "problems": "\n".join(dict.fromkeys(problems)),  # both files' readers may name the same one
    }


def _tensors(weights: Path, config: Path) -> tuple[str, list[str]]:
    """Say whether the tensors fit the configuration, and list what is wrong."""
    try:
        wrong = misfits(weights, config)
    except ValueError as error:
        return "unreadable", [_in_one_line(error)]
    return "; ".join(wrong) or "fit", wrong


def _card(weights: Path, config: Path, declared: DeclaredWeights) -> tuple[WeightsCard | None, list[str]]:
    """Read the card, if there is one that can be read, and list what is wrong."""
    try:
        card = read_card(weights)
        return card, contradictions(card, weights, config, declared) if card else []
    except ValueError as error:
        return None, [_in_one_line(error)]


def _in_one_line(error: ValueError) -> str:
    return " ".join(str(error).split())
