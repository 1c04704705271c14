"""What the log says of cameras, and what was found out since."""

from mouse_facelift.evaluation.log_experiments.judging import (
    SAME,
    Judgment,
    Question,
    Rows,
    animal,
    db,
    first,
    first_gain,
    gain,
    is_faint,
    is_white,
    last,
    over,
    share,
)
from mouse_facelift.evaluation.log_experiments.rows import LogRow

ALONE = {
    "unit_millimeters": "the unit",
    "center_session": "the origin",
    "real_camera_centered": "the lens and where it looks",
}
"""rows in which one thing alone is wrong"""
HONEST = "center_frame"


def _harm(rows: Rows, name: str) -> float:
    """By how much less a row's animal is above a white picture than with right cameras, at the first look; dB."""
    return first_gain(rows[HONEST]) - first_gain(rows[name])


def _beginning(row: LogRow) -> str:
    look = first(row)
    return f"{share(look.faded)} missing after step {look.step}, animal {over(first_gain(row))} against white"


def _white_at_once(rows: Rows) -> Judgment:
    row = rows["real_camera"]
    begins, ends = first(row), last(row)
    found = (
        f"{_beginning(row)}; with right cameras {_beginning(rows[HONEST])}. After step {ends.step}:"
        f" {share(ends.faded)} missing."
    )
    if is_white(begins):
        return Judgment("holds", found)
    return Judgment("partly" if is_faint(begins) or is_faint(ends) else "does not hold", found)


def _the_lens(rows: Rows) -> Judgment:
    harms = {name: _harm(rows, name) for name in ALONE}
    lens, others = harms["real_camera_centered"], [harms["unit_millimeters"], harms["center_session"]]
    told = "; ".join(
        f"{words} alone wrong costs {db(harms[name])} ({share(first(rows[name]).faded)} missing)"
        for name, words in ALONE.items()
    )
    found = f"Before anything was learned, {told}."
    if lens < SAME and not is_faint(first(rows["real_camera_centered"])):
        return Judgment("does not hold", found)
    return Judgment("holds" if lens > max(others) and max(others) < SAME else "partly", found)


def _the_unit(rows: Rows) -> Judgment:
    row = rows["unit_millimeters"]
    found = f"All right but the unit: {_beginning(row)}; {share(last(row).faded)} missing after step {last(row).step}."
    if is_white(first(row)):
        return Judgment("holds", found)
    return Judgment("partly" if is_faint(first(row)) or _harm(rows, row.name) >= SAME else "does not hold", found)


def _scaled_alone(rows: Rows) -> Judgment:
    scaled, centered = rows["real_camera_scaled"], rows["real_camera_centered"]
    found = (
        f"Translations scaled: {_beginning(scaled)}. Origin moved to the animal as well: {_beginning(centered)}."
        f" Right cameras: {_beginning(rows[HONEST])}. At the end the animal is {over(gain(scaled))},"
        f" {over(gain(centered))} and {over(gain(rows[HONEST]))} against white."
    )
    if _harm(rows, scaled.name) < SAME and not is_faint(first(scaled)):
        return Judgment("does not hold", found)
    cured_by_origin = _harm(rows, centered.name) < SAME and not is_faint(first(centered))
    return Judgment("partly" if cured_by_origin else "holds", found)


def _one_center(rows: Rows) -> Judgment:
    fixed, moving = rows["center_session"], rows[HONEST]
    lost = animal(moving) - animal(fixed)
    found = (
        f"At the end the animal has {db(animal(fixed))} about one place, {db(animal(moving))} about its own;"
        f" {share(last(fixed).faded)} and {share(last(moving).faded)} missing. At the first look"
        f" {db(_harm(rows, fixed.name))} were lost."
    )
    if lost >= SAME or _harm(rows, fixed.name) >= SAME:
        return Judgment("does not hold", found)
    return Judgment("holds", found)


def _fit_the_data(rows: Rows) -> Judgment:
    broken = [rows[name] for name in ("real_camera", "real_camera_scaled", "real_camera_centered")]
    best = max(broken, key=gain)
    honest = rows[HONEST]
    untrained, trained = first_gain(honest), gain(honest)
    found = (
        f"Right cameras: {over(untrained)} against white before training, {over(trained)} after it. The best of"
        f" training on wrong ones, {best.name}: {over(gain(best))}."
    )
    if untrained - gain(best) >= SAME:
        return Judgment("holds", found)
    return Judgment("partly" if trained - gain(best) >= SAME else "does not hold", found)


QUESTIONS = (
    Question(
        "white_at_once",
        "A: with the laboratory's cameras pictures are white from step 1.",
        "Holds if the first look is white; partly if any is faint.",
        ("real_camera", HONEST),
        _white_at_once,
    ),
    Question(
        "the_lens",
        "The cause is the lens: other K, so the same pixel means another ray.",
        f"Each wrong alone. Holds if the lens costs most and the others less than {SAME} dB; partly if the others cost"
        " something too; does not hold if the lens costs nothing.",
        (*ALONE, HONEST),
        _the_lens,
    ),
    Question(
        "the_unit",
        "Found since: millimeters alone are fatal, for the network reaches 1.8 units deep and draws splats up to 0.3.",
        f"Holds if the first look is white; partly if it is faint or {SAME} dB are lost.",
        ("unit_millimeters", HONEST),
        _the_unit,
    ),
    Question(
        "scaled_alone",
        "`normalize_distance_to` cannot cure it, for it leaves the lens as it is.",
        "Holds if scaled cameras still lose, and go on to lose with the origin right too; partly if the origin cures"
        " it: then it was not the lens; does not hold if scaling alone cures it.",
        ("real_camera_scaled", "real_camera_centered", HONEST),
        _scaled_alone,
    ),
    Question(
        "one_center",
        "One fixed center for the whole recording will do.",
        f"Holds if less than {SAME} dB of the animal are lost against a center in every frame.",
        ("center_session", HONEST),
        _one_center,
    ),
    Question(
        "fit_the_data",
        "Fit the data to the model, not the model to the data.",
        f"Holds if right cameras without any training beat all trainings on wrong ones by {SAME} dB; partly if only"
        " with training.",
        ("real_camera", "real_camera_scaled", "real_camera_centered", HONEST),
        _fit_the_data,
    ),
)
