"""What is found of the animal in a chunk comes back exactly, masks to the bit."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mouse_facelift.formats.animal import (
    AnimalChunk,
    AnimalShapes,
    ViewState,
    join_animals,
    read_animal,
    read_shapes,
    read_surfaces,
    select_frames,
    write_animal,
)
from mouse_facelift.formats.mask_pack import MaskPack, write_masks

VIEWS, POINTS = 3, 8


def chunk(first: int, frames: int) -> tuple[AnimalChunk, AnimalShapes]:
    random = np.random.default_rng(first)
    bodies = random.normal(size=(frames, 3))
    surfaces = random.normal(size=(frames, POINTS, 3)).astype(np.float32)
    spacings = np.full(frames, 2.0)
    if frames:
        bodies[0], surfaces[0], spacings[0] = np.nan, np.nan, np.nan  # a frame without a hull
    numbers = AnimalChunk(
        frames=np.arange(first, first + frames),
        states=np.full((VIEWS, frames), ViewState.seen, np.uint8),
        areas=random.integers(0, 99, (VIEWS, frames)),
        centers=random.normal(size=(VIEWS, frames, 2)),
        shares=random.random((VIEWS, frames)),
        confidences=random.random((VIEWS, frames)),
        sharpness=random.random((VIEWS, frames)),
        points=random.normal(size=(frames, 3)),
        body_centers=bodies,
        centroids=random.normal(size=(frames, 3)),
        extents=random.random((frames, 3)),
        radii=random.random(frames),
        remarks=(f"frame {first}, east: says ü",),
    )
    outlines = random.random((VIEWS, frames, 5, 2)).astype(np.float32)
    return numbers, AnimalShapes(outlines, surfaces, spacings)


def test_a_chunk_comes_back(tmp_path: Path) -> None:
    numbers, shapes = chunk(4, 3)
    write_animal(tmp_path / "a.npz", numbers, shapes)
    for found, expected in zip((*read_animal(tmp_path / "a.npz"),), numbers, strict=True):
        np.testing.assert_array_equal(found, expected)
    for found, expected in zip(read_shapes(tmp_path / "a.npz"), shapes, strict=True):
        np.testing.assert_array_equal(found, expected)
    surfaces = read_surfaces(tmp_path / "a.npz")
    assert sorted(surfaces) == [5, 6]  # frame 4 has no hull
    np.testing.assert_array_equal(surfaces[6][0], shapes.surfaces[2])
    assert surfaces[6][1] == 2.0


def test_chunks_are_joined_even_where_one_is_empty() -> None:
    joined = join_animals([chunk(first, frames)[0] for first, frames in [(0, 2), (2, 0), (2, 3)]])
    assert joined.frames.tolist() == [0, 1, 2, 3, 4]
    assert joined.states.shape == (VIEWS, 5) and joined.centers.shape == (VIEWS, 5, 2)
    assert len(joined.remarks) == 3


@given(arrays(bool, 6))
def test_selected_frames_and_the_rest_join_to_the_whole(first: np.ndarray) -> None:
    """Whichever frames are taken, and the rest: put in order again, nothing was lost or mixed up."""
    whole = chunk(3, 6)[0]
    parts = [select_frames(whole, first), select_frames(whole, ~first)]
    assert all(part.remarks == whole.remarks for part in parts)
    joined = join_animals(parts)
    order = np.argsort(joined.frames)
    for field in AnimalChunk._fields[:-1]:
        found, expected = getattr(joined, field), getattr(whole, field)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found.take(order, axis=expected.shape.index(6)), expected)


@given(st.lists(arrays(bool, (2, 7, 9)), max_size=4))
def test_masks_come_back_to_the_bit(tmp_path_factory: pytest.TempPathFactory, masks: list[np.ndarray]) -> None:
    path = tmp_path_factory.mktemp("masks") / "masks.npz"
    frames = [3 * number + 1 for number in range(len(masks))]
    write_masks(path, frames, [(9, 7), (9, 7)], [list(views) for views in masks])
    pack = MaskPack(path)
    assert pack.frames == frames
    for frame, views in zip(frames, masks, strict=True):
        np.testing.assert_array_equal(np.stack(pack.masks(frame)), views)


def test_views_may_differ_in_size(tmp_path: Path) -> None:
    masks = [np.eye(4, 6, dtype=bool), np.ones((3, 2), dtype=bool)]
    write_masks(tmp_path / "m.npz", [0], [(6, 4), (2, 3)], [masks])
    for found, expected in zip(MaskPack(tmp_path / "m.npz").masks(0), masks, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"boxes": np.array([[[4, 0, 3, 3]]])}, "boxes: found some outside of the pictures"),
        ({"boxes": np.array([[[0, 0, -1, 3]]])}, "boxes: found some outside"),
        ({"bits": np.zeros(5, np.uint8)}, "bits: found 5 bytes, expected 2"),
    ],
)
def test_boxes_and_bits_that_do_not_fit_are_named(tmp_path: Path, changes: dict, words: str) -> None:
    path = tmp_path / "masks.npz"
    fields = {
        "frames": np.array([0]),
        "sizes": np.array([[6, 4]]),
        "boxes": np.array([[[1, 1, 3, 3]]]),
        "bits": np.zeros(2, np.uint8),
    }
    np.savez_compressed(path, **fields | changes)
    with pytest.raises(ValueError, match=rf"masks\.npz: {words}"):
        MaskPack(path)
