"""Rivals that take turns, and what their times tell."""

import statistics
import time
from collections.abc import Callable

Call = Callable[[], object]
Turns = dict[str, list[tuple[float, float]]]  # wall and processor seconds of each turn

LEAST_TURNS = 2


def take_turns(rivals: dict[str, Call], seconds: float) -> Turns:
    """Call all in turn, as often as so many seconds allow, in an order that is reversed from one turn to the next."""
    turns: Turns = {label: [] for label in rivals}
    end, order = time.perf_counter() + seconds, list(rivals.items())
    while time.perf_counter() < end or len(turns[order[0][0]]) < LEAST_TURNS:
        order.reverse()
        for label, call in order:
            start, busy = time.perf_counter(), time.process_time()
            call()
            turns[label].append((time.perf_counter() - start, time.process_time() - busy))
    return turns


def told(turns: Turns) -> str:
    """Cells of a table: number of turns, least wall times in ms, and ratios of the others to the first.

    Ratios are those of the least times, the median over pairs of turns, and those of the least processor times.
    """
    (first, own), *others = turns.items()
    ratios = []
    for label, taken in others:
        least, busy = (min(t[which] for t in taken) / min(t[which] for t in own) for which in (0, 1))
        middle = statistics.median(theirs[0] / ours[0] for theirs, ours in zip(taken, own, strict=True))
        ratios.append(f"{label} / {first} {least:.2f}, {middle:.2f}, {busy:.2f}")
    times = ", ".join(f"{label} {1000 * min(taken)[0]:.1f}" for label, taken in turns.items())
    return f"{len(own)} | {times} | {'; '.join(ratios)}"
