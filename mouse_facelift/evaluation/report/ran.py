"""What ran: configuration, versions, and the files that results came from."""

import html
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.whole import sha256
from mouse_facelift.pages.table import draw_table
from mouse_facelift.provenance import commit

PACKAGES = ("torch", "numpy", "numba", "opencv-python-headless", "av", "diffusers", "transformers", "snakemake")


def tell_ran(configuration: Sequence[Path], cards: Mapping[str, Path], behind: Mapping[str, str]) -> str:
    """Write the section.

    Args:
        configuration: its files.
        cards: of the weights that experiments and view generators ended with, by their name.
        behind: weights behind each experiment, with their licenses, in the words of the score tables.
    """
    versions = [["mouse-facelift", f"{version('mouse-facelift')}, commit {commit()}"]]
    versions.append(["Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"])
    versions += [[name, version(name)] for name in PACKAGES]
    rows = [[html.escape(cell) for cell in row] for row in versions]
    parts = ["<h2>What ran</h2>", draw_table(["package", "version"], rows, "words")]
    for path in configuration:
        text = path.read_text(encoding="utf-8")
        parts.append(
            f"<details><summary>{html.escape(str(path.name))} <code>sha256 {sha256(path)}</code></summary>"
            f'<pre class="wide">{html.escape(text)}</pre></details>'
        )
    return "".join([*parts, _behind(behind), _weights(cards)])


def _behind(behind: Mapping[str, str]) -> str:
    """A row for all experiments that share their weights."""
    serves: dict[str, list[str]] = {}
    for experiment, words in behind.items():
        serves.setdefault(words, []).append(experiment)
    rows = [
        [f"<b>{html.escape(', '.join(names))}</b>", "<br>".join(map(html.escape, words.split("; ")))]
        for words, names in serves.items()
    ]
    said = "Every file that a result comes of, with the license that the configuration declares."
    head = ["experiments", "weights behind them"]
    return f"<h3>From which weights, under which license</h3><p>{said}</p>" + draw_table(head, rows, "words")


def _weights(cards: Mapping[str, Path]) -> str:
    if not cards:
        return ""
    rows = []
    for name, path in cards.items():
        card = WeightsCard.read(path)
        rows.append(
            [
                f"<b>{html.escape(name)}</b>",
                f"<code>{card.weights_sha256[:16]}</code>",
                f"<code>{card.parent[:16]}</code>",
                html.escape(card.domain),
                html.escape(card.license),
                html.escape(card.trained_on),
                html.escape("; ".join(card.violations) or "kept"),
                str(card.steps),
                html.escape(card.status),
                f"<code>{html.escape(card.commit)}</code>",
            ]
        )
    head = [
        "weights of",
        "sha256",
        "parent's",
        "domain",
        "license",
        "learned from",
        "contract",
        "steps",
        "status",
        "commit",
    ]
    said = "Checksums begin so; the cards beside the weights have the whole."
    return f"<h3>Weights</h3><p>{said}</p>" + draw_table(head, rows, "words")
