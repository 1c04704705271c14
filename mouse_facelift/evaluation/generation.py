"""Rule `view_generation`: drawn views beside the true ones, and beside two answers that need no network."""

import logging
from pathlib import Path

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from mouse_facelift.evaluation.metrics import psnr
from mouse_facelift.formats.drawn import DrawnPictures, DrawnRow, DrawnTable
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleRow, SampleTable, load_sample
from mouse_facelift.formats.whole import whole_file, write_text_whole
from mouse_facelift.settings import Evaluation

logger = logging.getLogger(__name__)

ANSWERS = ("drawn", "copy", "mean")
"""the generator's; the input itself; the mean of the training pictures of the same view"""
COLUMNS = [
    *("generator", "conditioning", "references", "sample", "reference", "view", "role", "first_reference", "azimuth"),
    *("from_prompt", *ANSWERS, *(f"{answer}_animal" for answer in ANSWERS), "status"),
]
ROLES = ("learned", "left_out")
AZIMUTH_BINS = (0.0, 45.0, 90.0, 135.0, 180.0)


def view_generation(drawn: list[Path], scores: Path, summary: Path, page: Path, evaluation: Evaluation) -> None:
    """Score the drawn views of every generator, and write all scores, their means, and a page of words.

    Scores are PSNR in dB, over white and (`_animal`) of the animal's own pixels. `role` is that of the view in training;
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
    write_text_whole(page, _page(means))
    logger.info("%s\n%s", summary, means.to_string(index=False, float_format="%.2f"))


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Mean scores by generator, by whether the reference was the sample's first view, by role, and by azimuth's size."""
    sizes = table.azimuth.abs().round(6)
    labels = [f"{low:.0f} to {high:.0f}" for low, high in zip(AZIMUTH_BINS[:-1], AZIMUTH_BINS[1:], strict=True)]
    binned = pd.cut(sizes, AZIMUTH_BINS, labels=labels, include_lowest=True)
    numbers = [*ANSWERS, *(f"{answer}_animal" for answer in ANSWERS), "from_prompt"]
    keys = ["generator", "conditioning", "references", "first_reference", "role"]
    whole = table.groupby(keys, sort=False, observed=True)[numbers].mean().reset_index().assign(azimuths="all")
    parts = table.assign(azimuths=binned.astype(str)).groupby([*keys, "azimuths"], sort=False, observed=True)
    found = pd.concat([whole, parts[numbers].mean().reset_index()])
    counts = pd.concat(
        [
            table.groupby(keys, sort=False, observed=True).size().reset_index(name="views"),
            parts.size().reset_index(name="views"),
        ]
    )
    return found.assign(views=counts.views.to_numpy())[[*keys, "azimuths", "views", *numbers]]


def _score(path: Path, mask_threshold: float) -> list[dict[str, object]]:
    table = DrawnTable.read(path)
    samples_path = path.parent / table.samples
    samples = SampleTable.read(samples_path)
    pictures = DrawnPictures.read(path.parent / table.pictures, len(table.rows)).rgb.float() / 255
    rows = {row.name: row for row in samples.samples}
    means = _mean_views(samples, samples_path, table.left_out_views)
    found = []
    for drawn, row in zip(pictures, tqdm(table.rows, desc=table.generator, disable=None), strict=True):
        if row.sample not in rows:
            raise ValueError(f"{path}: {row.sample} is not in {samples_path}")
        sample = load_sample(samples_path, rows[row.sample])
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
                "from_prompt": _from_prompt(row, view),
                **{name: psnr(answer, true[view]) for name, answer in answers.items()},
                **{
                    f"{name}_animal": psnr(answer[:, animal], true[view][:, animal]) for name, answer in answers.items()
                },
                "status": table.status,
            }
        )
    return scored


def _from_prompt(row: DrawnRow, view: int) -> float:
    released = (0.0, -45.0, -90.0, 180.0, 90.0, 45.0)[row.prompts[view]]
    return abs((row.azimuths[view] - released + 180) % 360 - 180)


def _mean_views(
    samples: SampleTable, path: Path, left_out: tuple[str, ...]
) -> dict[str, Float[Tensor, "3 height width"]]:
    """The mean training picture of every view by its name; of a left-out view that of all learned ones."""
    sums: dict[str, list[Tensor]] = {}
    for row in samples.of_split("train"):
        pictures = load_sample(path, row).over_white()
        for name, picture in zip(row.view_names, pictures, strict=True):
            total, count = sums.get(name, [torch.zeros_like(picture), torch.zeros(())])
            sums[name] = [total + picture, count + 1]
    learned = [sums[name] for name in sums if name not in left_out]
    everything = (
        torch.stack([total for total, _ in learned]).sum(0) / torch.stack([count for _, count in learned]).sum()
    )
    return {name: everything if name in left_out else total / count for name, (total, count) in sums.items()}


def _page(means: pd.DataFrame) -> str:
    whole = means[means.azimuths == "all"]
    lines = [
        "# Views drawn from one picture",
        "",
        "PSNR in dB over white, and of the animal alone; references are left out. `copy`: the input itself."
        " `mean`: the mean training picture of the same view.",
        "",
        "| generator | conditioning | learned with references | asked from | views | drawn | copy | mean | beats both |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in whole.itertuples():
        asked = "the first view" if row.first_reference else "other views"
        cells = " | ".join(f"{getattr(row, answer):.1f} / {getattr(row, f'{answer}_animal'):.1f}" for answer in ANSWERS)
        beats = "yes" if row.drawn > max(row.copy, row.mean) else "no"
        role = {"learned": "learned", "left_out": "left out"}[row.role]
        lines.append(
            f"| {row.generator} | {row.conditioning} | {row.references} | {asked} | {role}, {row.views} | {cells} | {beats} |"
        )
    lines += [
        "",
        "By azimuth from the reference:",
        "",
        "| generator | asked from | views | azimuth | drawn | copy | mean |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in means[means.azimuths != "all"].itertuples():
        asked = "the first view" if row.first_reference else "other views"
        lines.append(
            f"| {row.generator} | {asked} | {row.role.replace('_', ' ')}, {row.views} | {row.azimuths} |"
            f" {row.drawn:.1f} | {row.copy:.1f} | {row.mean:.1f} |"
        )
    return "\n".join(lines) + "\n"
