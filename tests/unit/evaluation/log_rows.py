"""Rows of the research log's experiments with made-up numbers: all is well, but for what a test changes."""

from dataclasses import replace

from mouse_facelift.evaluation.log_experiments.rows import Answer, Gradient, LogRow, Look
from mouse_facelift.settings import LogExperiments

TARGET_WHITE = 0.9
WHITE_ANIMAL = 8.0  # dB, of a white picture


def looks(*courses: tuple[float, float]) -> tuple[Look, ...]:
    """One look after another: PSNR of the animal, and how much is covered, times what should be."""
    return tuple(
        Look(
            step=1 + 30 * number,
            batch_psnr=animal + 6,
            psnr=animal + 5,
            animal=animal,
            white=1 - covered * (1 - TARGET_WHITE),
            target_white=TARGET_WHITE,
        )
        for number, (animal, covered) in enumerate(courses)
    )


def log_row(name: str, first: float = 14.0, end: float = 16.0, covered: tuple[float, float] = (1.0, 1.0)) -> LogRow:
    """A row with these PSNRs of the animal, and so much covered, at the first look and at the end."""
    return LogRow(
        name=name,
        normalization="fill",
        method="full",
        learning_rate=1e-4,
        input_views=5,
        looks=looks((first, covered[0]), (end, covered[1])),
        gradient=Gradient(peak=2.0, peak_step=7, median=1.0, jump=1.5, jump_step=11, not_finite=0),
        held_out=Answer(psnr=end + 5, animal=end, iou=0.6),
        inputs=Answer(psnr=end + 6, animal=end + 1, iou=0.7),
        white_picture=Answer(psnr=15.0, animal=WHITE_ANIMAL, iou=0.0),
        visual_hull=Answer(psnr=20.0, animal=15.0, iou=0.8),
        strays=0.0,
        breaks=(),
        status="complete",
    )


def log_rows(**changed: LogRow) -> dict[str, LogRow]:
    """All rows, in the configuration's order."""
    rows = {name: log_row(name) for name in LogExperiments.model_fields}
    untouched = replace(log_row("zero_shot", end=14.0), looks=(), gradient=None, learning_rate=None, method="none")
    return rows | {"zero_shot": untouched} | changed
