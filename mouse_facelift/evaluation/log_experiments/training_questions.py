"""What the log says of fine-tuning."""

import math
from collections.abc import Sequence
from itertools import pairwise

from mouse_facelift.evaluation.log_experiments.judging import (
    SAME,
    Judgment,
    NotMeasuredError,
    Question,
    Rows,
    animal,
    db,
    first,
    gain,
    known,
    last,
    looks,
    over,
    seen,
    shows_shape,
)
from mouse_facelift.evaluation.log_experiments.rows import LogRow

LOG_PSNR = "14.0, 13.8, 13.5 and 14.0 dB at steps 1, 301, 501 and 901"  # of the log's B
LOG_PEAK, LOG_LIMIT = 2808.0, 200.0  # of the gradient's norm: the log's peak, and its limit
JUMP = 10.0  # times what is usual: an exploding norm; the guard's limit in config.yaml
ROUNDING = 0.1  # dB, which rounding may grow to in a training
HELPS = 1.0  # dB from one input view to all but one

BROKEN_B = ("freeze_all_broken", "freeze_all_relabeled")
RATES = ("full_1e4", "full_2e5", "full_5e6")
INPUTS = ("inputs_1", "inputs_2", "inputs_3", "inputs_4", "inputs_5")


def _frozen_fades(rows: Rows) -> Judgment:
    told = []
    for name in BROKEN_B:
        row = rows[name]
        batches = ", ".join(f"{look.batch_psnr:.1f}" for look in looks(row))
        course = ", ".join(f"{seen(look)} at {look.step}" for look in looks(row))
        told.append(
            f"{name}: training batch {batches} dB; {course}; the animal goes from"
            f" {db(known(first(row).animal, row))} to {db(known(last(row).animal, row))}."
        )
    fades = [shows_shape(first(rows[name])) and not shows_shape(last(rows[name])) for name in BROKEN_B]
    never = [not any(map(shows_shape, looks(rows[name]))) for name in BROKEN_B]
    if any(fades):
        return Judgment("holds", " ".join(told))
    return Judgment("partly" if any(never) else "does not hold", " ".join(told))


def _tells_progress(rows: Rows) -> Judgment:
    told, misled = [], []
    for name in ("real_camera", "freeze_all_broken"):
        row = rows[name]
        pairs = [(known(look.psnr, row), known(look.animal, row)) for look in (first(row), last(row))]
        (whole, animals), (whole_later, animals_later) = pairs
        told.append(
            f"{name}: the whole picture goes from {db(whole)} to {db(whole_later)}, its animal from {db(animals)} to"
            f" {db(animals_later)}; a white picture has {db(known(row.white_picture.psnr, row))}."
        )
        misled.append(whole_later - whole >= SAME and animals - animals_later >= SAME)
    return Judgment("does not hold" if any(misled) else "holds", " ".join(told))


def _fourteen(rows: Rows) -> Judgment:
    row = rows["freeze_all_broken"]
    look, white = first(row), known(row.white_picture.psnr, row)
    psnr = known(look.psnr, row)
    found = (
        f"At step {look.step} the training batch has {db(look.batch_psnr)} and held-out views {db(psnr)}: {seen(look)}."
        f" A white picture has {db(white)}."
    )
    as_good, none = white >= psnr - SAME, not shows_shape(look)
    if as_good and none:
        return Judgment("does not hold", found)
    return Judgment("partly" if as_good or none else "holds", found)


def _ruined(row: LogRow, start: float) -> bool:
    """Whether a training left no shape, or an animal worse than it was."""
    return not shows_shape(last(row)) or animal(row) <= start - SAME


def _freezing(rows: Rows) -> Judgment:
    zero = animal(rows["zero_shot"])
    frozen, free = rows["freeze_all"], rows["full_1e4"]
    broken, broken_free = rows["freeze_all_broken"], rows["real_camera"]
    found = (
        f"Honest data, same rate: {db(animal(frozen))} frozen, {db(animal(free))} all learning, {db(zero)} untouched."
        f" The data of A: {seen(last(broken))} frozen, {seen(last(broken_free))} all learning."
    )
    if _ruined(frozen, zero) and not _ruined(free, zero):
        return Judgment("holds", found)
    return Judgment("partly" if animal(free) - animal(frozen) >= SAME else "does not hold", found)


def _rate(rows: Rows) -> Judgment:
    zero = animal(rows["zero_shot"])
    fast, slow = rows["freeze_all_broken"], rows["freeze_all_broken_slow"]
    honest, honest_slow = rows["freeze_all"], rows["freeze_all_slow"]
    found = (
        f"The data of A: {seen(last(fast))} at {fast.learning_rate:.0e}, {seen(last(slow))} at"
        f" {slow.learning_rate:.0e}. Honest data: {db(animal(honest))} and {db(animal(honest_slow))}, untouched"
        f" {db(zero)}."
    )
    if _ruined(honest, zero) and not _ruined(honest_slow, zero):
        return Judgment("holds", found)
    cured = not shows_shape(last(fast)) and shows_shape(last(slow))
    return Judgment("partly" if cured else "does not hold", found)


def _data(rows: Rows) -> Judgment:
    zero = animal(rows["zero_shot"])
    honest = rows["freeze_all"]
    broken = [rows[name] for name in BROKEN_B]
    worse = [row for row in broken if gain(honest) - gain(row) >= SAME]
    told = "; ".join(
        f"{row.name} ends {over(gain(row))} against a white picture, {seen(last(row))}" for row in (honest, *broken)
    )
    if _ruined(honest, zero):
        return Judgment("does not hold", f"{told}.")
    return Judgment("holds" if len(worse) == len(broken) else "partly" if worse else "does not hold", f"{told}.")


def _explosion(rows: Rows) -> Judgment:
    norms = {
        name: row.gradient
        for name, row in rows.items()
        if row.gradient is not None and math.isfinite(row.gradient.peak)
    }
    if not norms:
        raise NotMeasuredError("No gradient was measured.")
    highest = max(norms, key=lambda name: norms[name].peak)
    steepest = max(norms, key=lambda name: norms[name].jump)
    peak, jump = norms[highest], norms[steepest]
    high = [name for name, norm in norms.items() if norm.peak > LOG_LIMIT]
    jumping = [name for name, norm in norms.items() if norm.jump >= JUMP]
    honest = [name for name in jumping if not rows[name].breaks]
    found = (
        f"Highest norm of {len(norms)} trainings: {peak.peak:.3g} in {highest} at step {peak.peak_step}, with a median"
        f" of {peak.median:.2g}. Steepest: {steepest}, {jump.jump:.1f} times the norms just before, at step"
        f" {jump.jump_step}. Above {LOG_LIMIT:g}: {len(high)}; {JUMP:g} times what is usual: {len(jumping)}, of which"
        f" {len(honest)} on honest data."
    )
    if honest:
        return Judgment("holds", found)
    return Judgment("partly" if jumping or high else "does not hold", found)


def _fragile(rows: Rows) -> Judgment:
    zero = animal(rows["zero_shot"])
    trained = [rows[name] for name in RATES]
    ruined = [row for row in trained if _ruined(row, zero)]
    told = ", ".join(f"{db(animal(row))} at {row.learning_rate:.0e}" for row in trained)
    found = f"Honest data, everything learning: {told}; untouched {db(zero)}. Ruined: {len(ruined)} of {len(trained)}."
    if len(ruined) == len(trained):
        return Judgment("holds", found)
    return Judgment("partly" if ruined else "does not hold", found)


def _stars(rows: Rows) -> Judgment:
    zero, lora, full = (animal(rows[name]) for name in ("zero_shot", "lora", "full_1e4"))
    found = f"Animal in held-out views: zero shot {db(zero)}, lora {db(lora)}, everything learning {db(full)}."
    if zero - lora >= SAME:
        return Judgment("holds", found)
    return Judgment("partly" if lora - zero < SAME else "does not hold", found)


def _order(rows: Rows) -> Judgment:
    drawn, rig = animal(rows["full_1e4"]), animal(rows["rig_order"])
    found = f"Drawn order {drawn:.3f} dB, the rig's {rig:.3f} dB: {abs(drawn - rig):.3f} dB apart."
    return Judgment("holds" if abs(drawn - rig) <= ROUNDING else "does not hold", found)


def _more_views(rows: Rows) -> Judgment:
    scores = [animal(rows[name]) for name in INPUTS]
    told = ", ".join(f"{number} {db(score)}" for number, score in enumerate(scores, start=1))
    found = f"Animal in held-out views, by input views: {told}."
    rising = _rising(scores)
    if scores[-1] - scores[0] < HELPS:
        return Judgment("does not hold", found)
    return Judgment("holds" if rising else "partly", found)


def _rising(scores: Sequence[float]) -> bool:
    return all(later > earlier - ROUNDING for earlier, later in pairwise(scores))


def _masked(rows: Rows) -> Judgment:
    plain, masked = rows["full_1e4"], rows["masked_loss"]
    wholes = known(plain.held_out.psnr, plain), known(masked.held_out.psnr, masked)
    found = (
        f"Animal {db(animal(masked))} masked, {db(animal(plain))} not; whole picture {db(wholes[1])} and"
        f" {db(wholes[0])}; {last(masked).covered:.2g} and {last(plain).covered:.2g} of the area covered."
    )
    if animal(masked) - animal(plain) < SAME:
        return Judgment("does not hold", found)
    return Judgment("partly" if wholes[0] - wholes[1] >= SAME else "holds", found)


QUESTIONS = (
    Question(
        "frozen_fades",
        "B: with the whole transformer frozen there is a shape at first; then it grows faint, white and striped.",
        "Holds if B on any broken data begins with a shape and ends with none; partly if it never shows any.",
        BROKEN_B,
        _frozen_fades,
    ),
    Question(
        "fourteen",
        "A PSNR of about 14 dB at step 1: the shape is there.",
        "Does not hold if there is no shape, and a white picture has as much; partly if one of the two.",
        ("freeze_all_broken",),
        _fourteen,
    ),
    Question(
        "tells_progress",
        f"PSNR over the steps ({LOG_PSNR}) tells how a training goes.",
        f"Does not hold if the whole picture's rises by {SAME} dB anywhere while its animal's falls by as much.",
        ("real_camera", "freeze_all_broken"),
        _tells_progress,
    ),
    Question(
        "freezing",
        "B fails because the transformer is frozen.",
        "Holds if freezing ruins the network on honest data and training everything does not (ruined: no shape, or"
        f" {SAME} dB below zero shot); partly if freezing is only {SAME} dB behind.",
        ("zero_shot", "freeze_all", "full_1e4", "freeze_all_broken", "real_camera"),
        _freezing,
    ),
    Question(
        "rate",
        "B fails because of its learning rate, 1e-4.",
        "Holds if the rate ruins the network on honest data and a slower one does not; partly if a slower one leaves a"
        " shape on the data of A.",
        ("zero_shot", "freeze_all", "freeze_all_slow", "freeze_all_broken", "freeze_all_broken_slow"),
        _rate,
    ),
    Question(
        "data",
        "B fails because of its data.",
        f"Same method and rate. Holds if honest data do not ruin the network and all broken ones end {SAME} dB lower,"
        " against a white picture; partly if some do.",
        ("zero_shot", "freeze_all", *BROKEN_B),
        _data,
    ),
    Question(
        "explosion",
        f"Gradients explode: norm {LOG_PEAK:g} at step 894, limit {LOG_LIMIT:g}.",
        f"Holds if a norm on honest data is {JUMP:g} times the median of those just before; partly if only broken"
        f" data's are, or any is above {LOG_LIMIT:g}.",
        (),
        _explosion,
    ),
    Question(
        "fragile",
        "Fine-tuning is fragile: every attempt turned predictions white or faint.",
        f"Holds if all rates ruin the network on honest data (no shape, or {SAME} dB below zero shot); partly if"
        " some do.",
        ("zero_shot", *RATES),
        _fragile,
    ),
    Question(
        "stars",
        "Zero shot, three stars, is better than LoRA, two.",
        f"Holds if zero shot is {SAME} dB above LoRA; partly if they are closer.",
        ("zero_shot", "lora", "full_1e4"),
        _stars,
    ),
    Question(
        "order",
        "The order of input views matters not.",
        f"Holds if the animal's PSNR is the same within {ROUNDING} dB, to which rounding may grow.",
        ("full_1e4", "rig_order"),
        _order,
    ),
    Question(
        "more_views",
        "More input views help.",
        f"Holds if {HELPS} dB are gained from one to {len(INPUTS)}, at no step of which {ROUNDING} dB are lost; partly"
        " if some step loses. Each number is trained and asked with as many views.",
        INPUTS,
        _more_views,
    ),
    Question(
        "masked",
        "Comparing the animal alone (masked loss) helps, for then white background does not count.",
        f"Holds if the animal gains {SAME} dB and the whole picture does not lose as much; partly if it does.",
        ("full_1e4", "masked_loss"),
        _masked,
    ),
)
