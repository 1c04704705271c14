"""What the tokens of a view attend to: attention processors for the stock UNet."""

from typing import Literal

import torch
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

ViewAttention = Literal["sparse", "dense", "single"]
"""Keys and values of a view's self-attention: `sparse`, those of the first view and its own, as the released network
was trained; `dense`, those of all views of the object; `single`, its own."""


class MultiviewSelfAttention:
    """Self-attention of a transformer block whose rows are (object, view), view fastest."""

    def __call__(
        self,
        attn: Attention,
        hidden_states: Float[Tensor, "row token channel"],
        encoder_hidden_states: None = None,
        attention_mask: None = None,
        temb: Tensor | None = None,
        *,
        views: int,
        attention: ViewAttention,
    ) -> Float[Tensor, "row token channel"]:
        rows, tokens, _ = hidden_states.shape
        query, key, value = (
            rearrange(project(hidden_states), "row token (head width) -> row head token width", head=attn.heads)
            for project in (attn.to_q, attn.to_k, attn.to_v)
        )
        match attention:
            case "sparse":
                key, value = _first_and_own(key, views), _first_and_own(value, views)
            case "dense":
                query, key, value = (
                    rearrange(projected, "(object view) head token width -> object head (view token) width", view=views)
                    for projected in (query, key, value)
                )
            case "single":
                pass
        # In dense attention a row of the result holds all views of an object, one after the other.
        attended = scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(rows, tokens, -1)
        project_out, dropout = attn.to_out
        mixed: Tensor = dropout(project_out(attended))
        return mixed


def _first_and_own(
    projected: Float[Tensor, "row head token width"], views: int
) -> Float[Tensor, "row head both_tokens width"]:
    """Put the tokens of each object's first view before those of every view.

    In the first view each token stands twice, which changes no average.
    """
    if views == 1:
        return projected
    first = repeat(projected[::views], "object ... -> (object view) ...", view=views)
    return torch.cat([first, projected], dim=2)


class TextAttention(AttnProcessor2_0):
    """Stock cross-attention of every row to its own text, whatever the self-attention is told of views."""

    def __call__(
        self,
        attn: Attention,
        hidden_states: Float[Tensor, "row token channel"],
        encoder_hidden_states: Float[Tensor, "row text_token text_channel"],
        attention_mask: None = None,
        temb: Tensor | None = None,
        *,
        views: int,
        attention: ViewAttention,
    ) -> Float[Tensor, "row token channel"]:
        attended: Tensor = super().__call__(attn, hidden_states, encoder_hidden_states, attention_mask, temb)
        return attended
