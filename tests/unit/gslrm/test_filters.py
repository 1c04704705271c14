import pytest
import torch

from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.gslrm.filters import FACELIFT_INFERENCE, CleanUp


def one_gaussian(mean=(0.0, 0.0, 0.0), scale=0.05, opacity=0.5) -> Gaussians:
    return Gaussians(
        means=torch.tensor([mean]),
        log_scales=torch.tensor([[0.01, scale, 0.02]]).log(),
        quats=torch.tensor([[1.0, 0.0, 0.0, 0.0]]),
        opacity_logits=torch.tensor([opacity]).logit(),
        sh=torch.zeros(1, 1, 3),
    )


@pytest.mark.parametrize(
    ("gaussian", "kept"),
    [
        (one_gaussian(), True),
        (one_gaussian(opacity=0.03), False),
        (one_gaussian(scale=0.2), False),
        (one_gaussian(scale=0.2, mean=(0.0, 0.0, 0.1)), True),
        (one_gaussian(mean=(0.7, -0.7, -0.7)), False),
        (one_gaussian(mean=(0.7, -0.7, 0.7)), True),
        (one_gaussian(mean=(0.7, 0.0, -0.7)), True),
        (one_gaussian(mean=(0.95, 0.0, 0.0)), False),
        (one_gaussian(mean=(0.0, 0.0, 0.95)), True),
        (one_gaussian(mean=(0.0, 0.0, 1.05)), False),
    ],
)
def test_each_rule(gaussian, kept):
    assert FACELIFT_INFERENCE.keep(gaussian).tolist() == [kept]


def test_rules_can_be_left_out():
    clean_up = CleanUp(opacity_above=0.0, scale_below=None, corner_cut=None, box=(2.0, 2.0, 2.0))
    assert clean_up.keep(one_gaussian(mean=(0.7, 0.7, -0.7), scale=0.9)).tolist() == [True]
