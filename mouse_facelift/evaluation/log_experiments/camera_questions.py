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
    known,
    last,
    looks,
    over,
    seen,
    shows_shape,
    state,
)
from mouse_facelift.evaluation.log_experiments.rows import LogRow

ALONE = {
    "unit_millimeters": "the unit",
    "center_session": "the origin",
    "real_camera_centered": "the lens, and where it looks,",
}
"""rows in which one thing alone is wrong"""
HONEST = "center_frame"
WRONG = ("real_camera", "real_camera_scaled", "real_camera_centered")


def _harm(rows: Rows, name: str) -> float:
    """By how much less a row's animal is above a white picture than with right cameras, at the first look; dB."""
    return first_gain(rows[HONEST]) - first_gain(rows[name])


def _beginning(row: LogRow) -> str:
    return f"{seen(first(row))}, the animal {over(first_gain(row))} against a white picture"


def _white_at_once(rows: Rows) -> Judgment:
    row = rows["real_camera"]
    course = "; ".join(f"step {look.step}: {seen(look)}" for look in looks(row))
    white, begins = known(row.white_picture.psnr, row), known(first(row).psnr, row)
    found = (
        f"{course}. The whole picture has {db(begins)} at first and {db(known(last(row).psnr, row))} at last; a white"
        f" one has {db(white)}. With right cameras: {_beginning(rows[HONEST])}."
    )
    if state(first(row)) == "white":
        return Judgment("holds", found)
    return Judgment("partly" if any(state(look) == "white" for look in looks(row)) else "does not hold", found)


def _the_lens(rows: Rows) -> Judgment:
    harms = {name: _harm(rows, name) for name in ALONE}
    lens, others = harms["real_camera_centered"], [harms["unit_millimeters"], harms["center_session"]]
    told = "; ".join(
        f"{words} alone wrong costs {db(harms[name])}: {seen(first(rows[name]))}" for name, words in ALONE.items()
    )
    found = f"At the first look, {told}; all three, as in A, {db(_harm(rows, 'real_camera'))}."
    if lens < SAME:
        return Judgment("does not hold", found)
    return Judgment("holds" if max(others) < SAME else "partly", found)


def _the_unit(rows: Rows) -> Judgment:
    row = rows["unit_millimeters"]
    found = (
        f"All right but the unit: {_beginning(row)}. After step {last(row).step}: {seen(last(row))}; the animal ends"
        f" {over(gain(row))} against a white picture, with right cameras {over(gain(rows[HONEST]))}."
    )
    if not shows_shape(first(row)) and not shows_shape(last(row)):
        return Judgment("holds", found)
    return Judgment("partly" if _harm(rows, row.name) >= SAME else "does not hold", found)


def _scaled_alone(rows: Rows) -> Judgment:
    scaled, centered = rows["real_camera_scaled"], rows["real_camera_centered"]
    found = (
        f"Translations scaled alone: {_beginning(scaled)}. The origin moved to the animal as well:"
        f" {_beginning(centered)}. Right cameras: {_beginning(rows[HONEST])}. After training:"
        f" {over(gain(scaled))}, {over(gain(centered))} and {over(gain(rows[HONEST]))}."
    )
    if _harm(rows, scaled.name) < SAME:
        return Judgment("does not hold", found)
    by_origin = _harm(rows, scaled.name) - _harm(rows, centered.name)
    return Judgment("holds" if by_origin < SAME else "partly", found)


def _one_center(rows: Rows) -> Judgment:
    fixed, moving = rows["center_session"], rows[HONEST]
    scaled, centered = rows["real_camera_scaled"], rows["real_camera_centered"]
    found = (
        f"Here the animal strays {fixed.strays:.2f} units from its mean place at most. At the end it has"
        f" {db(animal(fixed))} about that place and {db(animal(moving))} about its own; at the first look"
        f" {over(-_harm(rows, fixed.name))}. About the file's origin, {scaled.strays:.2f} units away (A' against A''):"
        f" {over(first_gain(scaled) - first_gain(centered))} at the first look, {over(gain(scaled) - gain(centered))}"
        " at the end."
    )
    if animal(moving) - animal(fixed) >= SAME:
        return Judgment("does not hold", found)
    return Judgment("partly" if _harm(rows, fixed.name) >= SAME else "holds", found)


def _fit_the_data(rows: Rows) -> Judgment:
    best = max((rows[name] for name in WRONG), key=gain)
    untrained, trained = first_gain(rows[HONEST]), gain(rows[HONEST])
    found = (
        f"Against a white picture, right cameras have {over(untrained)} at the first look and {over(trained)} after"
        f" training; the best after training on wrong ones, {best.name}, {over(gain(best))}."
    )
    if untrained - gain(best) >= SAME:
        return Judgment("holds", found)
    return Judgment("partly" if trained - gain(best) >= SAME else "does not hold", found)


QUESTIONS = (
    Question(
        "white_at_once",
        "A: with the laboratory's cameras pictures are white from step 1.",
        "Holds if the first look is white; partly if a later one is.",
        ("real_camera", HONEST),
        _white_at_once,
    ),
    Question(
        "the_lens",
        "The cause is the lens: other K, so the same pixel means another ray.",
        f"Holds if the lens alone costs {SAME} dB of the animal, and neither unit nor origin does; partly if they do,"
        " too.",
        ("real_camera", *ALONE, HONEST),
        _the_lens,
    ),
    Question(
        "the_unit",
        "Found since: millimeters alone are fatal, for the network reaches 1.8 units deep and draws splats up to 0.3.",
        f"Holds if neither the first look nor the last shows a shape; partly if {SAME} dB are lost.",
        ("unit_millimeters", HONEST),
        _the_unit,
    ),
    Question(
        "scaled_alone",
        "`normalize_distance_to` cannot cure it, for it leaves the lens as it is.",
        f"Holds if scaled cameras lose {SAME} dB, and as much with the origin right; partly if the origin gives {SAME}"
        " dB back: then it was not the lens alone.",
        ("real_camera_scaled", "real_camera_centered", HONEST),
        _scaled_alone,
    ),
    Question(
        "one_center",
        "One fixed center for the whole recording will do.",
        f"Does not hold if the mean place loses {SAME} dB of the animal at the end; partly if only at the first look.",
        ("center_session", "real_camera_scaled", "real_camera_centered", HONEST),
        _one_center,
    ),
    Question(
        "fit_the_data",
        "Fit the data to the model, not the model to the data.",
        f"Holds if right cameras at the first look beat all trainings on wrong ones by {SAME} dB; partly if only after"
        " training.",
        (*WRONG, HONEST),
        _fit_the_data,
    ),
)
