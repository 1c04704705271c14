"""The UNet of SV3D: that of Stable Video Diffusion, where each frame is told its own camera."""

import torch
from diffusers.models.embeddings import get_timestep_embedding
from diffusers.models.unets.unet_spatio_temporal_condition import UNetSpatioTemporalConditionModel
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor

NOISE_WIDTH = 256
ANGLE_WIDTH = 512


class Sv3dUnet(UNetSpatioTemporalConditionModel):
    """The stock UNet with its tensors and names; frames differ in the vector that is added to the time embedding."""

    def forward(
        self,
        sample: Float[Tensor, "row frame 8 height width"],
        timestep: Float[Tensor, ""],
        context: Float[Tensor, "row token channel"],
        vector: Float[Tensor, "row frame vector"],
    ) -> Float[Tensor, "row frame 4 height width"]:
        """Predict velocities of noisy latents.

        `sample` holds each frame's noisy latent and the reference's, `context` the reference's embedding, and `vector`
        the sinusoids of `camera_vector`.

        Raises ValueError for a vector of another width than the network's, and for latents that cannot be halved as
        often as it does.
        """
        rows, frames = sample.shape[:2]
        width = self.config.projection_class_embeddings_input_dim
        if vector.shape[-1] != width:
            raise ValueError(f"frames are told {vector.shape[-1]} numbers, the network expects {width}")
        if any(length % 2**self.num_upsamplers for length in sample.shape[-2:]):
            raise ValueError(f"latents of {list(sample.shape[-2:])}, expected multiples of {2**self.num_upsamplers}")
        time = self.time_embedding(self.time_proj(timestep.expand(rows)).to(sample.dtype))
        told = self.add_embedding(rearrange(vector.to(sample.dtype), "row frame vector -> (row frame) vector"))
        embedding = repeat(time, "row channel -> (row frame) channel", frame=frames) + told
        context = repeat(context, "row token channel -> (row frame) token channel", frame=frames)
        still = torch.zeros(rows, frames, dtype=sample.dtype, device=sample.device)

        hidden = self.conv_in(rearrange(sample, "row frame channel h w -> (row frame) channel h w"))
        skipped: tuple[Tensor, ...] = (hidden,)
        for block in self.down_blocks:
            texts = {"encoder_hidden_states": context} if _looks_at_context(block) else {}
            hidden, outputs = block(hidden_states=hidden, temb=embedding, image_only_indicator=still, **texts)
            skipped += outputs
        hidden = self.mid_block(
            hidden_states=hidden, temb=embedding, encoder_hidden_states=context, image_only_indicator=still
        )
        for block in self.up_blocks:
            texts = {"encoder_hidden_states": context} if _looks_at_context(block) else {}
            skipped, outputs = skipped[: -len(block.resnets)], skipped[-len(block.resnets) :]
            hidden = block(
                hidden_states=hidden,
                temb=embedding,
                res_hidden_states_tuple=outputs,
                image_only_indicator=still,
                **texts,
            )
        velocity: Tensor = self.conv_out(self.conv_act(self.conv_norm_out(hidden)))
        return rearrange(velocity, "(row frame) channel h w -> row frame channel h w", frame=frames)


def camera_vector(
    noise: float, polars: Float[Tensor, " frame"] | None, azimuths: Float[Tensor, " frame"] | None, frames: int
) -> Float[Tensor, "frame vector"]:
    """What each frame is told: sinusoids of the noise on the reference, and of its polar and azimuth angle in radians.

    256 numbers, or 1280 with angles, in this order; cosines stand before sines.

    Source: SV3D, arXiv:2403.12008, and its configuration in Stability's generative-models.
    """
    told = [_sinusoids(torch.full((frames,), noise), NOISE_WIDTH)]
    told += [_sinusoids(angles.float(), ANGLE_WIDTH) for angles in (polars, azimuths) if angles is not None]
    return torch.cat(told, dim=-1)


def _sinusoids(values: Float[Tensor, " frame"], width: int) -> Float[Tensor, "frame width"]:
    embedded: Tensor = get_timestep_embedding(values, width, flip_sin_to_cos=True, downscale_freq_shift=0)
    return embedded


def _looks_at_context(block: torch.nn.Module) -> bool:
    return bool(getattr(block, "has_cross_attention", False))
