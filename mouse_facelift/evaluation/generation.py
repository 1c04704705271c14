"""Rule `view_generation`: drawn views beside the true ones, and beside two answers that need no network."""

import logging
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from mouse_facelift.evaluation.metrics import psnr
from mouse_facelift.formats.drawn import DrawnPictures, DrawnRow, DrawnTable
from mouse_facelift.formats.licensed import in_words
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleRow, SampleTable, load_sample
from mouse_facelift.formats.whole import whole_file, write_text_whole
from mouse_facelift.settings import Evaluated

logger = logging.getLogger(__name__)

ANSWERS = ("drawn", "copy", "mean")
"""the generator's; the input itself; the mean of the training pictures of the same view"""
COLUMNS = [
    *("generator", "conditioning", "references", "sample", "reference", "view", "role", "first_reference", "azimuth"),
    *("from_prompt", *ANSWERS, *(f"{answer}_animal" for answer in ANSWERS), "weights", "status"),
]
ROLES = ("learned", "left_out")
AZIMUTH_BINS = (0.0, 45.0, 90.0, 135.0, 180.0)


def view_generation(drawn: list[Path], scores: Path, summary: Path, page: Path, evaluation: Evaluated) -> None:
    """Score the drawn views of every generator, and write all scores, their means, and a page of words.

    Scores are PSNR in dB, over white and (`_animal`) of the animal's own pixels. `role` is the view's in training;
    `azimuth` that from the reference, and `from_prompt` how far that is from the azimuth of the prompt. References
    themselves are left out: they are the input. `mean` is of the training samples of the table, for left-out views of
    all views that were learned from.

    Raises:
        FileNotFoundError: a table or a picture is absent.
        ValueError: names the file, what was found in it and what was expected.
    """
    rows = [row for path in drawn for row in _score(path, evaluation.mask_threshold)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    with whole_file(scores) as partial:
        table.to_csv(partial, index=False, na_rep="nan", float_format="%.4f")
    means = summarize(table)
    with whole_file(summary) as partial:
        means.to_csv(partial, index=False, na_rep="nan", float_format="%.3f")
    write_text_whole(page, _page(means, table.drop_duplicates("generator")))
    logger.info("%s\n%s", summary, means.to_string(index=False, float_format="%.2f"))


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Mean scores by generator, by whether the reference was the first view, by role, and by azimuth's size."""
    labels = [f"{low:.0f} to {high:.0f}" for low, high in pairwise(AZIMUTH_BINS)]
    sizes = pd.cut(table.azimuth.abs().round(6), AZIMUTH_BINS, labels=labels, include_lowest=True).astype(str)
    keys = ["generator", "conditioning", "references", "first_reference", "role", "azimuths"]
    numbers = [*ANSWERS, *(f"{answer}_animal" for answer in ANSWERS), "from_prompt"]
    parts = []
    for azimuths in ("all", sizes):
        groups = table.assign(azimuths=azimuths).groupby(keys, sort=False)
        parts.append(groups[numbers].mean().assign(views=groups.size()).reset_index())
    return pd.concat(parts)[[*keys, "views", *numbers]]


def _score(path: Path, mask_threshold: float) -> list[dict[str, object]]:
    table = DrawnTable.read(path)
    samples_path = path.parent / table.samples
    samples = SampleTable.read(samples_path)
    pictures = DrawnPictures.read(path.parent / table.pictures, len(table.rows)).rgb.float() / 255
    rows = {row.name: row for row in samples.samples}
    means = _mean_views(samples, samples_path, table.left_out_views)
    found = []
    loaded: tuple[str, Sample] | None = None  # rows of one sample stand together
    for drawn, row in zip(pictures, tqdm(table.rows, desc=table.generator, disable=None), strict=True):
        if row.sample not in rows:
            raise ValueError(f"{path}: {row.sample} is not in {samples_path}")
        if loaded is None or loaded[0] != row.sample:
            loaded = row.sample, load_sample(samples_path, rows[row.sample])
        sample = loaded[1]
        found += _score_row(table, row, rows[row.sample], sample, drawn, means, mask_threshold)
    return found


def _score_row(
    table: DrawnTable,
    row: DrawnRow,
    named: SampleRow,
    sample: Sample,
    drawn: Float[Tensor, "view 3 height width"],
    means: dict[str, Float[Tensor, "3 height width"]],
    mask_threshold: float,
) -> list[dict[str, object]]:
    true = sample.over_white()
    scored = []
    for view in range(len(drawn)):
        if view == row.reference:
            continue
        animal = sample.alpha[view] > mask_threshold
        answers = {"drawn": drawn[view], "copy": true[row.reference], "mean": means[named.view_names[view]]}
        scored.append(
            {
                "generator": table.generator,
                "conditioning": table.conditioning,
                "references": table.references,
                "sample": row.sample,
                "reference": named.view_names[row.reference],
                "view": named.view_names[view],
                "role": ROLES[named.view_names[view] in table.left_out_views],
                "first_reference": row.reference == 0,
                "azimuth": row.azimuths[view],
                "from_prompt": row.from_prompts[view],
                **{name: psnr(answer, true[view]) for name, answer in answers.items()},
                **{
                    f"{name}_animal": psnr(answer[:, animal], true[view][:, animal]) for name, answer in answers.items()
                },
                "weights": in_words(table.origins),
                "status": table.status,
            }
        )
    return scored


def _mean_views(
    samples: SampleTable, path: Path, left_out: tuple[str, ...]
) -> dict[str, Float[Tensor, "3 height width"]]:
    """The mean training picture of every view by its name; of a left-out view that of all learned ones."""
    sums: dict[str, list[Tensor]] = {}
    for row in samples.of_split("train"):
        pictures = load_sample(path, row).over_white()
        for name, picture in zip(row.view_names, pictures, strict=True):
            if name not in sums:
                sums[name] = [torch.zeros_like(picture), torch.zeros(())]
            total, count = sums[name]
            sums[name] = [total + picture, count + 1]
    learned = [sums[name] for name in sums if name not in left_out]
    everything = (
        torch.stack([total for total, _ in learned]).sum(0) / torch.stack([count for _, count in learned]).sum()
    )
    return {name: everything if name in left_out else total / count for name, (total, count) in sums.items()}


def _page(means: pd.DataFrame, generators: pd.DataFrame) -> str:
    rows = [{str(key): value for key, value in row.items()} for row in means.to_dict("records")]
    lines = [
        "# Views drawn from one picture",
        "",
        "PSNR in dB over white / of the animal alone; references are left out. Copy: the input itself. Mean: the mean"
        " training picture of the same view.",
        "",
        "| generator | told | learned from | asked from | views | drawn | copy | mean | best |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row["azimuths"] == "all":
            _, best = max((row[name], name) for name in ANSWERS)
            told = [row["generator"], row["conditioning"], f"{row['references']} references", *_asked(row)]
            lines.append(_line([*told, *(f"{row[name]:.1f} / {row[f'{name}_animal']:.1f}" for name in ANSWERS), best]))
    lines += [
        "",
        "By azimuth from the reference, in degrees:",
        "",
        "| generator | asked from | views | azimuth | drawn | copy | mean |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row["azimuths"] != "all":
            scores = [f"{row[name]:.1f} / {row[f'{name}_animal']:.1f}" for name in ANSWERS]
            lines.append(_line([row["generator"], *_asked(row), row["azimuths"], *scores]))
    lines += ["", "Weights behind them, with their licenses:", ""]
    lines += [f"- {row['generator']}: {row['weights']}" for row in generators.to_dict("records")]
    return "\n".join(lines) + "\n"


def _asked(row: dict[str, Any]) -> list[str]:
    return [
        "the first view" if row["first_reference"] else "other views",
        f"{row['views']}, {row['role'].replace('_', ' ')}",
    ]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
