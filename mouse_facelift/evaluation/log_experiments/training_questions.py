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
    gradient,
    is_faint,
    is_white,
    known,
    last,
    most_faded,
    over,
    share,
)
from mouse_facelift.evaluation.log_experiments.rows import LogRow

LOG_PSNR = 14.0  # dB: the log's B, in which a shape was seen
LOG_PEAK, LOG_LIMIT = 2808.0, 200.0  # of the gradient's norm: the log's peak, and its limit
JUMP = 10.0  # times the median: an exploding norm; the guard's limit in config.yaml
ROUNDING = 0.1  # dB, which rounding may grow to in a training
HELPS = 1.0  # dB from one input view to all but one

BROKEN_B = ("freeze_all_broken", "freeze_all_relabeled")
RATES = ("full_1e4", "full_2e5", "full_5e6")
INPUTS = ("inputs_1", "inputs_2", "inputs_3", "inputs_4", "inputs_5")


def _course(row: LogRow) -> str:
    return ", ".join(f"{share(look.faded)} at {look.step}" for look in row.looks)


def _frozen_fades(rows: Rows) -> Judgment:
    found = " ".join(
        f"{name}: missing {_course(rows[name])}; the animal ends {over(gain(rows[name]))} against white."
        for name in BROKEN_B
    )
    if any(not is_faint(first(rows[name])) and is_white(most_faded(rows[name])) for name in BROKEN_B):
        return Judgment("holds", found)
    return Judgment("partly" if any(is_faint(most_faded(rows[name])) for name in BROKEN_B) else "does not hold", found)


def _ruined(row: LogRow, start: float) -> bool:
    """Whether a training left the animal faint, or worse than it was."""
    return is_faint(last(row)) or animal(row) <= start - SAME


def _freezing(rows: Rows) -> Judgment:
    zero = animal(rows["zero_shot"])
    frozen, free = rows["freeze_all"], rows["full_1e4"]
    broken, broken_free = rows["freeze_all_broken"], rows["real_camera"]
    found = (
        f"Honest data, same rate: {db(animal(frozen))} frozen, {db(animal(free))} all learning, {db(zero)} untouched."
        f" The data of A: {over(gain(broken))} frozen, {over(gain(broken_free))} all learning, against white;"
        f" {share(last(broken).faded)} and {share(last(broken_free).faded)} missing."
    )
    if _ruined(frozen, zero) and not _ruined(free, zero):
        return Judgment("holds", found)
    behind = animal(free) - animal(frozen) >= SAME or gain(broken_free) - gain(broken) >= SAME
    return Judgment("partly" if behind else "does not hold", found)


def _rate(rows: Rows) -> Judgment:
    zero = animal(rows["zero_shot"])
    fast, slow = rows["freeze_all_broken"], rows["freeze_all_broken_slow"]
    honest, honest_slow = rows["freeze_all"], rows["freeze_all_slow"]
    found = (
        f"The data of A: {share(last(fast).faded)} missing at the log's rate, {share(last(slow).faded)} at"
        f" {slow.learning_rate:.0e}. Honest data: {db(animal(honest))} and {db(animal(honest_slow))}, untouched"
        f" {db(zero)}."
    )
    if _ruined(honest, zero) and not _ruined(honest_slow, zero):
        return Judgment("holds", found)
    cured = is_faint(last(fast)) and not is_faint(last(slow))
    return Judgment("partly" if cured else "does not hold", found)


def _data(rows: Rows) -> Judgment:
    zero = animal(rows["zero_shot"])
    honest = rows["freeze_all"]
    broken = [rows[name] for name in BROKEN_B]
    worse = [row.name for row in broken if gain(honest) - gain(row) >= SAME]
    told = "; ".join(
        f"{row.name} {over(gain(row))} against white, {share(last(row).faded)} missing" for row in (honest, *broken)
    )
    if _ruined(honest, zero):
        return Judgment("does not hold", f"{told}.")
    return Judgment("holds" if len(worse) == len(broken) else "partly" if worse else "does not hold", f"{told}.")


def _explosion(rows: Rows) -> Judgment:
    trained = [row for row in rows.values() if row.gradient is not None and math.isfinite(row.gradient.peak)]
    if not trained:
        raise NotMeasuredError("No gradient was measured.")
    peaks = sorted(trained, key=lambda row: gradient(row).peak, reverse=True)
    jumps = [row for row in trained if gradient(row).peak >= JUMP * gradient(row).median]
    honest = [row for row in jumps if not _breaks(row)]
    highest = gradient(peaks[0])
    steepest = max(trained, key=lambda row: gradient(row).peak / gradient(row).median)
    steep = gradient(steepest)
    found = (
        f"Highest norm: {highest.peak:.3g} in {peaks[0].name}, step {highest.peak_step}, where the median is"
        f" {highest.median:.2g}. Steepest: {steepest.name}, {steep.peak / steep.median:.1f} times its median at step"
        f" {steep.peak_step}. Above {LOG_LIMIT:g}: {sum(gradient(row).peak > LOG_LIMIT for row in trained)} of"
        f" {len(trained)} rows; {JUMP:g} times their median: {len(jumps)}, {len(honest)} of them on honest data."
    )
    if honest:
        return Judgment("holds", found)
    return Judgment("partly" if jumps or highest.peak > LOG_LIMIT else "does not hold", found)


def _breaks(row: LogRow) -> bool:
    return "breaks the camera contract" in row.status


def _fourteen(rows: Rows) -> Judgment:
    told, flattered = [], []
    for name in ("freeze_all_broken", "freeze_all_relabeled", "freeze_all"):
        row = rows[name]
        white, seen = known(row.white_picture.psnr, row), known(first(row).psnr, row)
        told.append(f"{row.normalization}: a white picture {db(white)}, the network {db(seen)} at the first look")
        flattered.append(white >= LOG_PSNR - SAME)
    found = f"Whole pictures. {'; '.join(told)}."
    if all(flattered):
        return Judgment("does not hold", found)
    return Judgment("partly" if any(flattered) else "holds", found)


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
    found = (
        f"Animal {db(animal(masked))} masked, {db(animal(plain))} not; whole picture"
        f" {db(known(masked.held_out.psnr, masked))} and {db(known(plain.held_out.psnr, plain))};"
        f" {share(last(masked).faded)} and {share(last(plain).faded)} of what should show missing."
    )
    better = animal(masked) - animal(plain) >= SAME
    spoils = known(plain.held_out.psnr, plain) - known(masked.held_out.psnr, masked) >= SAME
    if better and not spoils:
        return Judgment("holds", found)
    return Judgment("partly" if better else "does not hold", found)


QUESTIONS = (
    Question(
        "frozen_fades",
        "B: with the whole transformer frozen there is a shape at first; then it grows faint, white and striped.",
        "Holds if B on any broken data begins with a shape and turns white; partly if it is faint at any look.",
        BROKEN_B,
        _frozen_fades,
    ),
    Question(
        "freezing",
        "B fails because the transformer is frozen.",
        "Holds if freezing ruins honest data and training everything does not (ruined: faint, or"
        f" {SAME} dB below zero shot); partly if freezing is only {SAME} dB behind.",
        ("zero_shot", "freeze_all", "full_1e4", "freeze_all_broken", "real_camera"),
        _freezing,
    ),
    Question(
        "rate",
        "B fails because of its learning rate, 1e-4.",
        "Holds if the rate ruins honest data and a slower one does not; partly if a slower one keeps broken data from"
        " fading.",
        ("zero_shot", "freeze_all", "freeze_all_slow", "freeze_all_broken", "freeze_all_broken_slow"),
        _rate,
    ),
    Question(
        "data",
        "B fails because of its data.",
        f"Same method and rate. Holds if honest data are not ruined and all broken data end {SAME} dB lower, against"
        " white; partly if some do.",
        ("zero_shot", "freeze_all", *BROKEN_B),
        _data,
    ),
    Question(
        "explosion",
        f"Gradients explode: norm {LOG_PEAK:g} at step 894, limit {LOG_LIMIT:g}.",
        f"Holds if the norm of a row on honest data reaches {JUMP:g} times its median; partly if only broken data's do,"
        f" or any is above {LOG_LIMIT:g}.",
        (),
        _explosion,
    ),
    Question(
        "fourteen",
        f"PSNR about {LOG_PSNR:g} dB: the shape is there.",
        f"Does not hold if a white picture has {LOG_PSNR:g} dB as well, within {SAME}, in all these data.",
        ("freeze_all_broken", "freeze_all_relabeled", "freeze_all"),
        _fourteen,
    ),
    Question(
        "fragile",
        "Fine-tuning is fragile: every attempt turned predictions white or faint.",
        f"Holds if all rates ruin honest data (faint, or {SAME} dB below zero shot); partly if some do.",
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
