"""Tables of scores as files: CSV, and Parquet with the meaning of every column."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from mouse_facelift.evaluation.columns import MEANINGS, TASK, TRUE_COLUMNS, metrics_among, scores_columns
from mouse_facelift.formats.whole import whole_file

COUNTS = ("input_views", "turn", "true_views", "gaussians")
PARQUET = ".parquet"


def write_scores(scores: pd.DataFrame, path: Path) -> None:
    """Write a CSV; what is not known is `nan`."""
    with whole_file(path) as partial:
        scores.to_csv(partial, index=False, na_rep="nan")


def write_both(scores: pd.DataFrame, path: Path, meanings: Mapping[str, str]) -> None:
    """Write a CSV, and beside it the same rows as Parquet (the CSV's name, ending in .parquet).

    `meanings` stand in the Parquet file's metadata (`PANDAS_ATTRS`): `pandas.read_parquet(path).attrs` has them.
    """
    described = scores.copy()
    described.attrs.update(meanings)
    with whole_file(path.with_suffix(PARQUET)) as partial:
        described.to_parquet(partial, engine="pyarrow", index=False)
    write_scores(scores, path)


def meanings_of(scores: pd.DataFrame) -> dict[str, str]:
    """What the columns of scores mean, and the rule of the foreground that they were made by.

    Raises:
        ValueError: they were made by several rules.
    """
    rules = scores["foreground"].unique().tolist()
    if len(rules) > 1:
        raise ValueError(f"foreground: scores were made by several rules: {rules}")
    meanings = {column: MEANINGS[column] for column in scores.columns}
    return meanings | {"foreground": "; ".join([MEANINGS["foreground"], *rules])}


def read_scores(path: Path) -> pd.DataFrame:
    """Read what `score_predictions` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: other columns, or a number that is none.
    """
    return _read(path, [scores_columns(lpips=False), scores_columns(lpips=True)])


def read_true_scores(path: Path) -> pd.DataFrame:
    """Read what `score_true_views` or `eval_truth` wrote. Raises as `read_scores`."""
    return _read(path, [TRUE_COLUMNS])


def read_distinct(paths: list[Path], read: Callable[[Path], pd.DataFrame] = read_scores) -> pd.DataFrame:
    """Join tables of scores, as `read` gives them, one below the other.

    Raises:
        FileNotFoundError: a table is absent.
        ValueError: a file is no table of scores, has other columns, or two files hold the same experiment.
    """
    tables: list[pd.DataFrame] = []
    sources: dict[tuple[object, ...], Path] = {}
    for path in paths:
        scores = read(path)
        if tables and list(scores.columns) != list(tables[0].columns):
            raise ValueError(f"{path}: found columns {list(scores.columns)}, but {paths[0]} has others")
        for _, row in scores[["experiment", *TASK]].drop_duplicates().iterrows():
            if (earlier := sources.setdefault(tuple(row), path)) != path:
                raise ValueError(f"{path}: {describe(tuple(row))} was scored in {earlier} already")
        tables.append(scores)
    return pd.concat(tables, ignore_index=True)


def describe(key: tuple[object, ...]) -> str:
    """Name an experiment and its task."""
    experiment, dataset, normalization, inputs = key
    return f"{experiment} (dataset {dataset}, normalization {normalization}, {inputs} input views)"


def _read(path: Path, known: Sequence[list[str]]) -> pd.DataFrame:
    try:
        texts = pd.read_csv(path, dtype=str, keep_default_na=False)  # an experiment may be called `none` or `001`
        if list(texts.columns) not in known:
            raise ValueError(f"found columns {list(texts.columns)}, expected {' or '.join(map(str, known))}")
        numbers = {name: "int64" for name in COUNTS if name in texts.columns}
        return texts.astype(numbers | dict.fromkeys(metrics_among(list(texts.columns)), "float64"))
    except (ValueError, OverflowError) as error:  # pandas' own errors of parsing are ValueErrors
        raise ValueError(f"{path}: not a table of scores: {error}") from error
