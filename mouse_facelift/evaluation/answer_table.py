"""Answers that need no network, written as prediction tables like any experiment's."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

from mouse_facelift.formats.predictions import PredictionRow, PredictionTable, Renderings
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleRow, SampleTable
from mouse_facelift.formats.whole import whole_folder

logger = logging.getLogger(__name__)


@dataclass
class AnswerTable:
    """A prediction table in the making."""

    name: str
    folder: Path
    """where renderings go for now"""
    place: str
    """of the renderings, once they are whole, relative to the table"""
    rows: list[PredictionRow] = field(default_factory=list)
    without: int = 0
    """turns that have no answer, for their hull is empty"""

    def add(self, row: SampleRow, sample: Sample, turn: int, inputs: Sequence[int], drawn: Renderings | None) -> None:
        """Take the renderings of all views; None, where the hull is empty, becomes white."""
        if drawn is None:
            logger.warning("%s, sample %s: the views %s contradict each other: empty hull", self.name, row.name, inputs)
            self.without += 1
            drawn = white_picture(sample)
        file = f"{row.name}_turn_{turn}.npz"
        drawn.write(self.folder / file)
        place = f"{self.place}/{file}"
        self.rows.append(PredictionRow(sample=row.name, turn=turn, inputs=tuple(inputs), renderings=place, model=None))

    @property
    def status(self) -> str:
        return f"complete; empty hull in {self.without} of {len(self.rows)} turns" if self.without else "complete"


@contextmanager
def answer_table(
    name: str, predictions: Path, table: Path, samples: SampleTable, input_views: int
) -> Iterator[AnswerTable]:
    """Yield a table to add answers to; renderings and then the prediction table appear whole at the end."""
    renderings = predictions.with_name(f"{predictions.stem}.renderings")
    with whole_folder(renderings) as partial:
        answers = AnswerTable(name, partial, renderings.name)
        yield answers
    PredictionTable(
        experiment=name,
        dataset=samples.dataset,
        normalization=samples.normalization,
        samples=os.path.relpath(table, predictions.parent),
        view_count=samples.view_count,
        input_views=input_views,
        status=answers.status,
        weights="none",
        origins=samples.drawn_by,
        rows=tuple(answers.rows),
    ).write(predictions)


def white_picture(sample: Sample) -> Renderings:
    """White with alpha 0 in all views."""
    nothing = torch.zeros_like(sample.alpha)
    return Renderings(torch.ones_like(sample.over_white()), nothing, nothing)
