"""Splits never leak: whole blocks of time, and a gap where the role changes."""

from itertools import pairwise
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.dataset.split import split_timeline
from mouse_facelift.settings import Split

Role = Literal["train", "val", "test"]
roles: st.SearchStrategy[Role] = st.sampled_from(["train", "val", "test"])
splits = st.builds(Split, blocks=st.lists(roles, min_size=1, max_size=8).map(tuple), gap=st.integers(0, 12))


@given(st.integers(0, 200), splits)
def test_different_roles_lie_further_apart_than_the_gap(positions: int, split: Split) -> None:
    kept = [(place, role) for place, role in enumerate(split_timeline(positions, split)) if role is not None]
    for place, role in kept:
        for other, other_role in kept:
            assert role == other_role or abs(place - other) > split.gap


@given(st.integers(1, 200), splits)
def test_blocks_are_equal_and_in_order(positions: int, split: Split) -> None:
    """Without a gap, the roles along the timeline are those of the blocks, each as long as the others."""
    found = split_timeline(positions, split.model_copy(update={"gap": 0}))
    assert None not in found
    count = len(split.blocks)
    borders = [-(-block * positions // count) for block in range(count + 1)]
    for block, (start, stop) in enumerate(pairwise(borders)):
        assert set(found[start:stop]) <= {split.blocks[block]}
        assert abs((stop - start) - positions / count) < 1


@given(st.integers(0, 200), splits)
def test_a_gap_only_leaves_out_and_only_after_a_change(positions: int, split: Split) -> None:
    full = split_timeline(positions, split.model_copy(update={"gap": 0}))
    found = split_timeline(positions, split)
    for place, role in enumerate(found):
        before = full[max(place - split.gap, 0) : place]
        assert role == (full[place] if set(before) <= {full[place]} else None)


@given(st.integers(0, 200), splits)
def test_splits_do_not_change_from_run_to_run(positions: int, split: Split) -> None:
    assert split_timeline(positions, split) == split_timeline(positions, split)


def test_the_default_split() -> None:
    split = Split(blocks=("train", "train", "train", "val", "test", "test"), gap=3)
    found = split_timeline(60, split)
    assert found == ["train"] * 30 + [None] * 3 + ["val"] * 7 + [None] * 3 + ["test"] * 17
