"""Whatever form attention takes, it is the same attention."""

import pytest
import torch
from torch import Tensor

from mouse_facelift.gslrm.attention import SHORT, SelfAttention, attend

FEW, MANY = 37, SHORT + 5
ROUNDING = {torch.float32: 1e-5, torch.bfloat16: 2e-2}


def projections(tokens: int) -> Tensor:
    """Queries, keys and values of 2 samples and 3 heads, side by side as a linear layer gives them."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, tokens, 3, 3, 8, generator=generator, dtype=torch.float64)


def by_heads(together: Tensor) -> tuple[Tensor, ...]:
    return tuple(part.transpose(1, 2) for part in together.unbind(dim=2))


@pytest.mark.parametrize("dtype", ROUNDING)
@pytest.mark.parametrize("tokens", [FEW, MANY])
@pytest.mark.parametrize("learning", [False, True])
def test_attention_and_its_gradients_follow_the_formula(tokens, dtype, learning):
    exact = projections(tokens).to(dtype).double().requires_grad_()
    queries, keys, values = by_heads(exact)
    expected = (queries @ keys.mT / 8**0.5).softmax(dim=-1) @ values
    expected.square().sum().backward()
    given = exact.detach().to(dtype).requires_grad_(learning)
    found = attend(*by_heads(given))
    assert (found - expected).norm() < ROUNDING[dtype] * expected.norm()
    if learning:
        found.double().square().sum().backward()
        assert (given.grad - exact.grad).norm() < ROUNDING[dtype] * exact.grad.norm()


@pytest.mark.parametrize("tokens", [FEW, MANY])
def test_autocast_leaves_gradients_of_weights_in_single_precision(tokens):
    attention = SelfAttention(24, 8)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = attention(torch.randn(2, tokens, 24, generator=torch.Generator().manual_seed(0)))
    assert mixed.dtype == torch.bfloat16
    mixed.float().square().sum().backward()
    assert attention.to_qkv.weight.grad.dtype == torch.float32
    assert attention.to_qkv.weight.grad.isfinite().all()
