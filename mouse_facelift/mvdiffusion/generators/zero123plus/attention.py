"""Self-attention that also sees what a reference picture was at the same layer, for the stock UNet."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from jaxtyping import Float
from torch import Tensor


@dataclass
class ReferenceTokens:
    """The reference's tokens at every self-attention, between the pass that leaves them and the one that reads them."""

    tokens: dict[str, Float[Tensor, "row token channel"]] = field(default_factory=dict)
    reading: bool = False
    """else they are written"""

    @contextmanager
    def read(self) -> Iterator[None]:
        """Read in one pass; none is left then."""
        self.reading = True
        try:
            yield
        finally:
            self.reading = False
            self.tokens.clear()


class ReferenceAttention(AttnProcessor2_0):
    """Stock self-attention over a row's tokens and, in the pass that reads, the reference's.

    What is kept of the reference is what its own self-attention takes: its tokens after the norm, before any
    projection.

    Source: reference attention of Zero123++, arXiv:2310.15110, section 2.2; `ReferenceOnlyAttnProc` of its repository.
    """

    def __init__(self, name: str, reference: ReferenceTokens) -> None:
        super().__init__()
        self.name, self.reference = name, reference

    def __call__(
        self,
        attn: Attention,
        hidden_states: Float[Tensor, "row token channel"],
        encoder_hidden_states: None = None,
        attention_mask: None = None,
        temb: Tensor | None = None,
    ) -> Float[Tensor, "row token channel"]:
        seen = hidden_states
        if self.reference.reading:
            seen = torch.cat([hidden_states, self.reference.tokens.pop(self.name)], dim=1)
        else:
            self.reference.tokens[self.name] = hidden_states
        attended: Tensor = super().__call__(attn, hidden_states, seen, attention_mask, temb)
        return attended


def attend_to_reference(unet: UNet2DConditionModel) -> ReferenceTokens:
    """Give every self-attention of a stock UNet the reference to look at; names of tensors stay."""
    reference = ReferenceTokens()
    unet.set_attn_processor(
        {
            name: ReferenceAttention(name, reference) if name.endswith("attn1.processor") else processor
            for name, processor in unet.attn_processors.items()
        }
    )
    return reference
