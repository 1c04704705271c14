"""Tables of scores made by hand."""

from collections.abc import Iterable

import pandas as pd

from mouse_facelift.evaluation.columns import COLUMNS

DEPTHS = (2.0, 5.0, 0.125)
RULE = "target alpha > 0.5"


def table_of(rows: Iterable[tuple[object, ...]], status: str = "complete", block: str = "walk_0") -> pd.DataFrame:
    """Scores of these rows, which go from the experiment to IoU: all of one block, with depths of no interest."""
    return pd.DataFrame([(*row, *DEPTHS, block, RULE, "none", status) for row in rows], columns=COLUMNS)
