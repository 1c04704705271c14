"""The rows as one table, a line each."""

from collections.abc import Mapping

import pandas as pd

from mouse_facelift.evaluation.log_experiments.rows import LogRow


def log_table(rows: Mapping[str, LogRow]) -> pd.DataFrame:
    """Lay out all that was measured; empty where there is nothing.

    PSNR in dB: `psnr` of the whole picture, `animal` of the animal alone; `batch_psnr` as the log had it, of the
    training batch. `at_n`: after n steps, on a few samples. At the end, and of the trivial answers, on all turns of
    the evaluated samples; held-out views unless the name says otherwise. `white`: share of near-white pixels;
    `covered`: of the others, times those of the targets. Norms are those of the gradient before clipping; `jump`: most
    that one was times the median of those just before. `breaks`: fields of the camera contract; `strays`: how far from
    the origin the animal's center comes, world units.
    """
    steps = sorted({look.step for row in rows.values() for look in row.looks})
    return pd.DataFrame([_line(row, steps) for row in rows.values()])


def _line(row: LogRow, steps: list[int]) -> dict[str, object]:
    looks = {look.step: look for look in row.looks}
    line: dict[str, object] = {
        "row": row.name,
        "log": row.label,
        "normalization": row.normalization,
        "method": row.method,
        "learning_rate": row.learning_rate,
        "input_views": row.input_views,
        "breaks": " ".join(row.breaks),
        "strays": row.strays,
    }
    for quantity in ("batch_psnr", "psnr", "animal", "white", "covered"):
        for step in steps:
            line[f"{quantity}_at_{step}"] = getattr(looks[step], quantity) if step in looks else None
    line["target_white"] = row.looks[0].target_white if row.looks else None
    for field in ("peak", "peak_step", "median", "jump", "jump_step", "not_finite"):
        line[f"norm_{field}"] = None if row.gradient is None else getattr(row.gradient, field)
    for name, answer in (
        ("held_out", row.held_out),
        ("input", row.inputs),
        ("white_picture", row.white_picture),
        ("visual_hull", row.visual_hull),
    ):
        line |= {f"{name}_psnr": answer.psnr, f"{name}_animal": answer.animal, f"{name}_iou": answer.iou}
    return line | {"status": row.status}
