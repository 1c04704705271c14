"""Which samples and views a training step draws."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.gslrm.draws import Draws
from tests.tiny_samples import blobs


class Ring:
    """One sample; its views stand in a ring."""

    def __init__(self, views: int) -> None:
        sample = blobs(0)
        chosen = [view % len(sample.cameras) for view in range(views)]
        self.one = Sample("ring", sample.cameras[chosen], sample.images[chosen])

    def __len__(self) -> int:
        return 1

    def view_count(self, index: int) -> int:
        return len(self.one.cameras)

    def sample(self, index: int) -> Sample:
        return self.one


@given(views=st.integers(5, 12), inputs=st.integers(1, 5), seed=st.integers(0, 2**40))
def test_one_view_of_each_equal_share_of_the_ring_goes_in(views: int, inputs: int, seed: int) -> None:
    batch = Draws(Ring(views), 2, (inputs, inputs), around=True)(torch.Generator().manual_seed(seed))
    assert batch.given == inputs
    for order, chosen in zip(batch.orders, batch.inputs, strict=True):
        assert sorted(order.tolist()) == list(range(views))
        gaps = (chosen.roll(-1) - chosen) % views
        if inputs > 1:
            assert gaps.sum() == views  # once around
            assert gaps.max() <= 2 * -(-views // inputs) - 1


def test_every_view_goes_in_sooner_or_later() -> None:
    draws = Draws(Ring(10), 1, (3, 5), around=True)
    batches = [draws(torch.Generator().manual_seed(seed)) for seed in range(60)]
    assert {view for batch in batches for view in batch.inputs[0].tolist()} == set(range(10))
    assert {batch.given for batch in batches} == {3, 4, 5}
