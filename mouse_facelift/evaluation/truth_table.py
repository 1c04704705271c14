"""Rule `eval_truth`: all scores against the truth in one table."""

from pathlib import Path

from mouse_facelift.evaluation.score_tables import meanings_of, read_distinct, read_true_scores, write_both


def eval_truth(scores: list[Path], table: Path) -> None:
    """Join scores against the truth, one below the other, as a CSV and, beside it, as Parquet.

    Raises:
        FileNotFoundError: a table of scores is absent.
        ValueError: a file is no such table, two files hold the same experiment, or foregrounds have several rules.
    """
    joined = read_distinct(scores, read_true_scores)
    write_both(joined, table, meanings_of(joined))
