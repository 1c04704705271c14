"""Turns, the choice of samples and renderings: what every predicting room shares."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.formats.predictions import Renderings, chosen_samples, modeled_samples, turns
from mouse_facelift.formats.sample_table import SampleRow, SampleTable, SplitName


def table_of(splits: list[SplitName]) -> SampleTable:
    rows = tuple(
        SampleRow(
            name=f"s{number:03d}",
            folder=f"samples/s{number:03d}",
            views=(0,),
            view_names=("a",),
            split=split,
            capture="walk",
            frame=number,
            millimeters_per_unit=100.0,
            subject_center=(0.0, 0.0, 0.0),
            subject_radius=0.5,
            checksums={},
        )
        for number, split in enumerate(splits)
    )
    return SampleTable(dataset="real", normalization="keep", view_count=1, contract="0", violations=(), samples=rows)


def test_all_views_in_is_one_turn() -> None:
    assert turns(6, 6) == [(0, 1, 2, 3, 4, 5)]


def test_turn_k_holds_out_the_views_from_k_on() -> None:
    assert turns(4, 3) == [(1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 1, 2)]
    assert turns(4, 2) == [(2, 3), (0, 3), (0, 1), (1, 2)]


@given(st.integers(1, 9).flatmap(lambda views: st.tuples(st.just(views), st.integers(1, views))))
def test_each_view_is_held_out_equally_often(counts: tuple[int, int]) -> None:
    views, inputs = counts
    listed = turns(views, inputs)
    assert all(len(turn) == inputs and list(turn) == sorted(set(turn)) for turn in listed)
    assert {sum(view not in turn for turn in listed) for view in range(views)} == {views - inputs}


@pytest.mark.parametrize("inputs", [0, 7])
def test_impossible_inputs_are_refused(inputs: int) -> None:
    with pytest.raises(ValueError, match=rf"found {inputs}, expected 1 to 6"):
        turns(6, inputs)


@given(st.integers(1, 60), st.integers(1, 60))
def test_chosen_samples_are_distinct_in_order_and_even(count: int, at_most: int) -> None:
    chosen = [row.frame for row in chosen_samples(table_of(["test"] * count), "test", at_most)]
    assert len(chosen) == min(count, at_most)
    assert chosen == sorted(set(chosen))
    steps = {after - before for before, after in pairwise(chosen)}
    assert not steps or max(steps) - min(steps) <= 1
    assert abs((chosen[0] + chosen[-1]) - (count - 1)) <= 1


def test_only_the_split_is_chosen_and_an_empty_one_is_refused() -> None:
    table = table_of(["train", "test", "train", "test"])
    assert [row.frame for row in chosen_samples(table, "test", 5)] == [1, 3]
    with pytest.raises(ValueError, match="no samples of split val; found 4 of"):
        chosen_samples(table, "val", 5)


def test_renderings_come_back(tmp_path: Path) -> None:
    written = Renderings(torch.rand(2, 3, 5, 7), torch.rand(2, 5, 7), 3 * torch.rand(2, 5, 7))
    written.write(tmp_path / "a.npz")
    found = Renderings.read(tmp_path / "a.npz")
    torch.testing.assert_close(found.rgb, written.rgb, rtol=0, atol=5e-4)
    torch.testing.assert_close(found.alpha, written.alpha, rtol=0, atol=5e-4)
    torch.testing.assert_close(found.depth, written.depth, rtol=2**-11, atol=1e-7)


def test_other_files_are_no_renderings(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(b"PK nothing")
    with pytest.raises(ValueError, match=r"a\.npz: not an \.npz file"):
        Renderings.read(path)
    np.savez(path, rgb=np.ones((2, 3, 4, 4)))
    with pytest.raises(ValueError, match=r"a\.npz: fields: found \['rgb'\], expected \['alpha'"):
        Renderings.read(path)
    np.savez(path, rgb=np.ones((2, 3, 4, 4)), alpha=np.ones((2, 4, 4)))
    with pytest.raises(ValueError, match=r"a\.npz: fields: found .*expected .*'depth'"):
        Renderings.read(path)
    pixels = {"rgb": np.ones((2, 3, 4, 4)), "alpha": np.ones((2, 4, 5)), "depth": np.ones((2, 4, 5))}
    np.savez(path, **{field: values.astype(np.float16) for field, values in pixels.items()})
    with pytest.raises(ValueError, match=r"a\.npz: alpha: found float16 \(2, 4, 5\), expected .* width = 4"):
        Renderings.read(path)


def test_gaussians_are_kept_of_samples_spread_over_those_evaluated() -> None:
    table = table_of(["test"] * 12)
    assert [row.frame for row in modeled_samples(table, "test", 6, 2)] == [3, 9]
    assert modeled_samples(table, "test", 6, 0) == []
    assert modeled_samples(table, "test", 6, 9) == chosen_samples(table, "test", 6)


def test_a_block_is_a_run_of_a_capture_s_frames_of_one_split() -> None:
    walk = table_of(["train", "test", "test", "val", "test", "train", "train"])
    assert list(walk.blocks().values()) == [f"walk_{run}" for run in (0, 1, 1, 2, 3, 4, 4)]
    both = walk.model_copy(
        update={
            "samples": (
                *walk.samples,
                *(row.model_copy(update={"capture": "rear", "name": f"r{row.frame}"}) for row in walk.samples),
            )
        }
    )
    assert list(both.blocks().values())[7:] == [f"rear_{run}" for run in (0, 1, 1, 2, 3, 4, 4)]
