"""Attention of all tokens to all tokens, by the library's kernel in the form that suits it."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

SHORT = 512  # tokens; see bench/README.md


class SelfAttention(nn.Module):
    """Every token attends to all tokens of all views."""

    def __init__(self, width: int, head_width: int) -> None:
        super().__init__()
        self.head_width = head_width
        self.to_qkv = nn.Linear(width, 3 * width, bias=False)
        self.fc = nn.Linear(width, width, bias=False)

    def forward(self, tokens: Float[Tensor, "batch token feature"]) -> Float[Tensor, "batch token feature"]:
        # Taken apart along one axis in place, so that the gradients of all three come together in one copy.
        parts = self.to_qkv(tokens).unflatten(-1, (3, -1, self.head_width)).unbind(dim=2)
        queries, keys, values = (part.transpose(1, 2) for part in parts)
        mixed: Tensor = self.fc(attend(queries, keys, values).transpose(1, 2).flatten(2))
        return mixed


def attend(
    queries: Float[Tensor, "batch head token c"],
    keys: Float[Tensor, "batch head token c"],
    values: Float[Tensor, "batch head token c"],
) -> Float[Tensor, "batch head token c"]:
    """Softmax of `queries keys^T / sqrt(c)` over all tokens, times `values`; in the number type given, or a finer one.

    On a CPU, two forms are quicker than what comes from a linear layer (torch 2.13, measured in bench/README.md): rows
    of a head side by side, where tokens are many; and single precision where they are few and gradients are wanted.
    """
    if queries.device.type == "cpu":
        if queries.shape[2] > SHORT:
            queries, keys, values = queries.contiguous(), keys.contiguous(), values.contiguous()
        elif queries.requires_grad and queries.dtype == torch.bfloat16:
            with torch.autocast("cpu", enabled=False):
                return functional.scaled_dot_product_attention(queries.float(), keys.float(), values.float())
    return functional.scaled_dot_product_attention(queries, keys, values)
