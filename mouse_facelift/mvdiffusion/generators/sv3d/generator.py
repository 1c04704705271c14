"""Draw a turn around the subject by SV3D.

From the published description: 21 sorted frames of which the last is the reference, the angles' radians, the noise of
1e-5 on the reference, 50 Euler steps down from a noise of 700, guidance that rises to 2.5 in the middle of the turn and
falls to 1, the white background. From Stability's generative-models: that the reference's latent is not scaled, that
without picture means zeros for embedding and latent while frames keep their angles, and the resizing for CLIP.

In which direction azimuths rise is told by neither; they are taken counterclockwise seen from above, as those of
Zero123, from which SV3D's authors started. If silhouettes of a turn seen from above or below carve each other away,
set `clockwise`; at elevation 0 perspective alone would tell.
"""

from dataclasses import dataclass

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from einops import repeat
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, pad
from tqdm import tqdm

from mouse_facelift.formats.sample_folder import WHITE
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.mvdiffusion.generators.interface import GeneratedViews, Reference
from mouse_facelift.mvdiffusion.generators.rigs import OrbitRig, orbit_angles, require_rig, sv3d_rig
from mouse_facelift.mvdiffusion.generators.sv3d.frames import FRAMES, FramePlan, turn_through, whole_turn
from mouse_facelift.mvdiffusion.generators.sv3d.parts import Sv3dParts
from mouse_facelift.mvdiffusion.generators.sv3d.unet import camera_vector
from mouse_facelift.mvdiffusion.sampling import draw

REFERENCE_NOISE = 1e-5


@dataclass(frozen=True)
class Sv3dSampling:
    """How latents are drawn, by Euler steps."""

    steps: int
    guidance: float
    """How far beyond the unconditional velocity opposite of the reference; it is 1 at the reference."""
    decoded_together: int
    """frames; a decoder that looks at neighbors sees no others"""


OFFICIAL_SAMPLING = Sv3dSampling(steps=50, guidance=2.5, decoded_together=14)


@dataclass(frozen=True)
class Conditions:
    """What the UNet is told in every step; the unconditional row stands first."""

    context: Float[Tensor, "2 1 channel"]
    reference: Float[Tensor, "2 4 height width"]
    """latents, not scaled"""
    vector: Float[Tensor, "frame vector"]


@dataclass(frozen=True)
class Sv3dGenerator:
    """A turn of 21 views at the reference's elevation (u, p), or up to 20 chosen views beside the reference (p)."""

    parts: Sv3dParts
    sampling: Sv3dSampling
    size: int = 576
    """px; with another size than the weights' own the network draws worse"""
    clockwise: bool = False
    """azimuths that the network is told rise clockwise seen from above"""

    def generate(
        self, reference: Reference, generator: torch.Generator, cameras: Cameras | None = None
    ) -> GeneratedViews:
        """Draw views; those of wanted cameras in their order, and then the reference's.

        Raises:
            ValueError: a camera is off the orbit, says by how much; SV3D_u is to draw others than its own turn, or
                SV3D_p more than 20.
        """
        plan = self._plan(reference.elevation, cameras)
        picture = reference.over(WHITE, self.size)
        drawn = draw_frames(self.parts, picture, plan, self.sampling, generator)
        *rows, last = plan.rows
        pictures = torch.cat([drawn[rows].cpu(), picture[None] / 255])
        shown = self._rig(plan).cameras[[*rows, last]]
        return GeneratedViews(pictures, shown, WHITE, reference_row=len(rows))

    def _plan(self, elevation: float, cameras: Cameras | None) -> FramePlan:
        name = f"SV3D_{self.parts.version}"
        turn = whole_turn(elevation)
        if cameras is None:
            return turn
        if self.parts.version == "u":
            require_rig(cameras, self._rig(turn), name)
            return turn
        azimuths, elevations = orbit_angles(cameras, self._rig(turn), name)
        return turn_through([self._turned(azimuth) for azimuth in azimuths], elevations, elevation)

    def _rig(self, plan: FramePlan) -> OrbitRig:
        return sv3d_rig([self._turned(azimuth) for azimuth in plan.azimuths], plan.elevations, self.size)

    def _turned(self, azimuth: float) -> float:
        """Between the network's azimuths and those that rise counterclockwise, degrees from 0 to 360."""
        return -azimuth % 360 if self.clockwise else azimuth


@torch.no_grad()
def draw_frames(
    parts: Sv3dParts,
    picture: UInt8[Tensor, "3 height width"],
    plan: FramePlan,
    sampling: Sv3dSampling,
    generator: torch.Generator,
) -> Float[Tensor, "frame 3 height width"]:
    """Draw all frames of a plan, in 0..1; random numbers: the reference's noise, then the first latents."""
    conditions = prepare_conditions(parts, picture, plan, generator)
    return decode(parts, denoise(parts, conditions, sampling, generator), sampling.decoded_together)


def prepare_conditions(
    parts: Sv3dParts,
    picture: UInt8[Tensor, "3 height width"],
    plan: FramePlan,
    generator: torch.Generator,
) -> Conditions:
    """Embed and encode the reference, and tell each frame its angles if the network listens to them.

    Raises:
        ValueError: the picture is no whole number of latent pixels.
    """
    encoder, vae = parts.image_encoder, parts.vae
    height, width = picture.shape[1:]
    if height % parts.pixels_per_latent or width % parts.pixels_per_latent:
        raise ValueError(f"pictures are {width} x {height} px, no multiple of {parts.pixels_per_latent}")
    shown = (2 * picture.float() / 255 - 1)[None]
    noisy = shown + REFERENCE_NOISE * draw(tuple(shown.shape), torch.device("cpu"), generator)
    latent: Tensor = vae.encode(noisy.to(vae.device, vae.dtype)).latent_dist.mode().float()
    mean, std = (
        torch.tensor(part)[:, None, None]
        for part in (parts.feature_extractor.image_mean, parts.feature_extractor.image_std)
    )
    pixels = (resize_for_clip(shown, encoder.config.image_size) / 2 + 0.5 - mean) / std
    embedding: Tensor = encoder(pixels.to(encoder.device, encoder.dtype)).image_embeds.float()[:, None]
    polars = azimuths = None
    if parts.version == "p":
        polars = torch.deg2rad(90 - torch.tensor(plan.elevations, dtype=torch.float64))
        degrees = torch.tensor(plan.azimuths, dtype=torch.float64)
        azimuths = torch.deg2rad(degrees)
    return Conditions(
        context=torch.cat([torch.zeros_like(embedding), embedding]),
        reference=torch.cat([torch.zeros_like(latent), latent]),
        vector=camera_vector(REFERENCE_NOISE, polars, azimuths, FRAMES),
    )


def guidance_scales(guidance: float) -> Float[Tensor, " frame"]:
    """1 at the ends of the turn, `guidance` in its middle, straight lines between."""
    middle = 1 - (2 * torch.linspace(0, 1, FRAMES) - 1).abs()
    return 1 + (guidance - 1) * middle


@torch.no_grad()
def denoise(
    parts: Sv3dParts, conditions: Conditions, sampling: Sv3dSampling, generator: torch.Generator
) -> Float[Tensor, "frame 4 height width"]:
    """Draw the latents of all frames together."""
    unet = parts.unet
    scheduler = EulerDiscreteScheduler.from_config(parts.scheduler.config)
    scheduler.set_timesteps(sampling.steps)
    shape = (FRAMES, 4, *conditions.reference.shape[2:])
    latents: Tensor = draw(shape, unet.device, generator) * scheduler.init_noise_sigma
    scales = guidance_scales(sampling.guidance).to(unet.device)[:, None, None, None]
    references = repeat(conditions.reference, "row channel h w -> row frame channel h w", frame=FRAMES).to(unet.dtype)
    vector = repeat(conditions.vector.to(unet.device), "frame vector -> row frame vector", row=2)
    context = conditions.context.to(unet.dtype)
    for timestep in tqdm(scheduler.timesteps, desc="draw frames", disable=None):
        noisy = repeat(scheduler.scale_model_input(latents, timestep), "... -> row ...", row=2).to(unet.dtype)
        told = torch.cat([noisy, references], dim=2)
        unconditional, conditional = unet(told, timestep.to(unet.device), context, vector).float()
        velocity = unconditional + scales * (conditional - unconditional)
        latents = scheduler.step(velocity, timestep, latents).prev_sample
    return latents


@torch.no_grad()
def decode(
    parts: Sv3dParts, latents: Float[Tensor, "frame 4 latent_height latent_width"], together: int
) -> Float[Tensor, "frame 3 height width"]:
    """Draw the pictures of latents, in 0..1, so many frames at a time."""
    vae = parts.vae
    scaled = (latents / vae.config.scaling_factor).to(vae.device, vae.dtype)
    told = [{} if isinstance(vae, AutoencoderKL) else {"num_frames": len(part)} for part in scaled.split(together)]
    drawn: Tensor = torch.cat(
        [vae.decode(part, **frames).sample for part, frames in zip(scaled.split(together), told, strict=True)]
    )
    return (drawn.float() / 2 + 0.5).clamp(0, 1)


def resize_for_clip(
    picture: Float[Tensor, "row color height width"], size: int
) -> Float[Tensor, "row color size size"]:
    """Blur as the reduction demands, then sample bicubically from corner to corner.

    Source: kornia's `resize` with antialiasing, through which SV3D's authors embed pictures.
    """
    for axis in (2, 3):
        sigma = max((picture.shape[axis] / size - 1) / 2, 0.001)
        reach = int(max(4 * sigma, 3)) // 2
        taps = torch.exp(-torch.arange(-reach, reach + 1, dtype=torch.float32).square() / (2 * sigma**2))
        kernel = (taps / taps.sum()).reshape((1, 1, -1, 1) if axis == 2 else (1, 1, 1, -1))
        edges = (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0)
        colors = picture.shape[1]
        picture = conv2d(pad(picture, edges, mode="reflect"), kernel.repeat(colors, 1, 1, 1), groups=colors)
    return interpolate(picture, (size, size), mode="bicubic", align_corners=True)
