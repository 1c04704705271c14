"""The released multi-view UNet: the stock network, whose self-attention looks across views."""

from typing import get_args

from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel, UNet2DConditionOutput
from jaxtyping import Float, Int
from torch import Tensor

from mouse_facelift.mvdiffusion.attention import MultiviewSelfAttention, TextAttention, ViewAttention
from mouse_facelift.mvdiffusion.config import UnetConfig


class MultiviewUnet(UNet2DConditionModel):
    """The stock UNet of SD-2.1-unclip with 8 input channels, its tensors and names unchanged."""

    def __init__(self, config: UnetConfig) -> None:
        super().__init__(**config.stock)
        self.released_config = config
        self.set_attn_processor(
            {
                name: MultiviewSelfAttention() if name.endswith("attn1.processor") else TextAttention()
                for name in self.attn_processors
            }
        )

    def forward(
        self,
        sample: Float[Tensor, "row both_channels height width"],
        timestep: Int[Tensor, ""] | Int[Tensor, " row"] | int,
        encoder_hidden_states: Float[Tensor, "row token text_channel"],
        class_labels: Float[Tensor, "row embedding"],
        views: int | None = None,
        attention: ViewAttention | None = None,
    ) -> UNet2DConditionOutput:
        """Predict velocities, `.sample` [row, 4, height, width], of noisy latents.

        Rows are (object, view), view fastest; the first view of each object is its reference. `sample` holds the
        noisy latent and the reference picture's latent, `encoder_hidden_states` each view's prompt, `class_labels`
        the reference picture's embedding. `views` and `attention` are those of the network's config unless given;
        any number of views works with the same weights.

        Raises ValueError if the rows cannot be divided into objects of so many views, if prompts or class labels are of
        another width than the network's, or for an attention of another name.
        """
        views = self.released_config.num_views if views is None else views
        if views < 1 or len(sample) % views:
            raise ValueError(f"{len(sample)} rows cannot be divided into objects of {views} views")
        sizes = self.released_config
        for name, tensor, width in (
            ("prompt embeddings", encoder_hidden_states, sizes.cross_attention_dim),
            ("class labels", class_labels, sizes.projection_class_embeddings_input_dim),
        ):
            if tensor.shape[-1] != width:
                raise ValueError(f"{name} are {tensor.shape[-1]} wide, the network expects {width}")
        attention = sizes.attention if attention is None else attention
        if attention not in (known := get_args(ViewAttention)):
            raise ValueError(f"attention is {attention!r}, expected one of {known}")
        told = {"views": views, "attention": attention}
        return super().forward(
            sample, timestep, encoder_hidden_states, class_labels=class_labels, cross_attention_kwargs=told
        )
