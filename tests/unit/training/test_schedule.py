"""Learning rates by step."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.training.schedule import cosine_rate

plans = st.integers(2, 5000).flatmap(lambda total: st.tuples(st.integers(0, total - 1), st.just(total)))


@given(plans)
def test_it_starts_low_peaks_after_the_warm_up_and_ends_at_zero(plan: tuple[int, int]) -> None:
    warmup, total = plan
    rates = [cosine_rate(step, 2.0, warmup, total) for step in range(total + 1)]
    assert rates[0] == (0 if warmup else 2.0)
    if warmup:
        assert rates[1] == pytest.approx(2.0 / warmup)
    assert rates[warmup] == 2.0 == max(rates)
    assert rates[-1] == pytest.approx(0, abs=1e-12)
    assert rates[: warmup + 1] == sorted(rates[: warmup + 1])
    assert rates[warmup:] == sorted(rates[warmup:], reverse=True)


@given(plans)
def test_it_never_jumps(plan: tuple[int, int]) -> None:
    warmup, total = plan
    rates = [cosine_rate(step, 1.0, warmup, total) for step in range(total + 1)]
    # The steepest rise is the warm-up's; the steepest fall of half a cosine is pi / 2 over its length.
    allowed = max(1 / max(1, warmup), 1.5708 / (total - warmup)) + 1e-9
    assert max(abs(after - before) for before, after in pairwise(rates)) <= allowed


def test_halfway_down_it_is_half_the_peak() -> None:
    assert cosine_rate(60, 3.0, 20, 100) == pytest.approx(1.5)


def test_after_the_end_it_stays_at_zero() -> None:
    assert cosine_rate(150, 3.0, 20, 100) == pytest.approx(0, abs=1e-12)
