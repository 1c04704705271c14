"""Copies of the input are collapse; the truth is not; and white decides nothing."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import pad

from mouse_facelift.mvdiffusion.collapse import collapse, ink_similarity


@pytest.fixture
def views() -> Tensor:
    """Views of two animals, in [object view 3 height width], mottled, some darker than others, on much white."""
    generator = torch.Generator().manual_seed(0)
    mottled = torch.rand(2, 4, 3, 12, 12, generator=generator) < 0.5
    darkness = 0.3 + 0.7 * torch.rand(2, 4, 1, 1, 1, generator=generator)
    return pad(1 - darkness * mottled, (10, 10, 10, 10), value=1.0)


def test_copies_of_the_input_score_one_and_the_truth_zero(views):
    inputs, true = views[:, 0], views[:, 1:]
    copies = inputs[:, None].expand_as(true)
    perfect, collapsed = collapse(true, true, inputs), collapse(copies, true, inputs)
    assert torch.equal(perfect.excess, torch.zeros(2, 3))
    assert (perfect.mean, perfect.share) == (0, 0)
    assert collapsed.share == pytest.approx(1, abs=1e-5)
    assert (collapsed.excess > 0.05).all()
    torch.testing.assert_close(collapsed.excess, 1 - collapsed.true)


@given(st.floats(0, 1))
def test_the_nearer_to_a_copy_the_higher(amount):
    generator = torch.Generator().manual_seed(1)
    inputs, true = torch.rand(1, 3, 8, 8, generator=generator), torch.rand(1, 3, 3, 8, 8, generator=generator)
    mixed, more = (
        collapse(true + share * (inputs[:, None] - true), true, inputs).share for share in (amount, (1 + amount) / 2)
    )
    assert -1e-6 <= mixed <= more + 1e-6 <= 1 + 2e-6


def test_more_white_around_the_animal_changes_nothing(views):
    wider = pad(views, (50, 50, 50, 50), value=1.0)
    torch.testing.assert_close(
        ink_similarity(wider[:, 1:], wider[:, :1]), ink_similarity(views[:, 1:], views[:, :1]), rtol=0, atol=1e-6
    )


def test_views_gone_white_are_no_copies(views):
    inputs, true = views[:, 0], views[:, 1:]
    white = collapse(torch.ones_like(true), true, inputs)
    assert torch.equal(white.drawn, torch.zeros(2, 3))
    assert white.share < 0


@given(st.integers(0, 1000))
def test_similarity_is_bounded_and_has_no_order(seed):
    generator = torch.Generator().manual_seed(seed)
    one, other = torch.rand(2, 3, 3, 6, 5, generator=generator).square()
    similarity = ink_similarity(one, other)
    assert torch.equal(similarity, ink_similarity(other, one))
    assert similarity.min() >= 0
    assert similarity.max() <= 1
    torch.testing.assert_close(ink_similarity(one, one), torch.ones(3))
