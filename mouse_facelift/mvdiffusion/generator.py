"""A generator of views as it stands after training: all its parts, and how it is told which views to draw."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mouse_facelift.formats.sample_folder import WHITE, Sample
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.mvdiffusion.canonical import canonical_cameras, nearest_released_views, relative_azimuths
from mouse_facelift.mvdiffusion.loading import load_pipeline
from mouse_facelift.mvdiffusion.pipeline import Pipeline
from mouse_facelift.mvdiffusion.prompts import RELEASED_VIEWS, prompts_for, read_prompt_embeddings
from mouse_facelift.mvdiffusion.ray_film import RayFilm, load_ray_film
from mouse_facelift.mvdiffusion.rays import ray_channels
from mouse_facelift.mvdiffusion.sampling import Sampling, sample_views
from mouse_facelift.settings import CameraContract, SamplingPlan

BACKGROUNDS = {"white": WHITE, "black": (0.0, 0.0, 0.0), "gray": (0.5, 0.5, 0.5)}


@dataclass(frozen=True)
class Generator:
    """What draws the views of an object from its first."""

    pipeline: Pipeline
    prompts: Float[Tensor, "released token text_channel"]
    """embeddings of the released views' prompts"""
    film: RayFilm | None
    """None: prompts alone tell views apart"""
    contract: CameraContract

    @property
    def trained(self) -> nn.ModuleDict:
        """The networks of which something learns."""
        parts: dict[str, nn.Module] = {"unet": self.pipeline.unet}
        return nn.ModuleDict(parts if self.film is None else parts | {"film": self.film})

    def to(self, device: torch.device) -> "Generator":
        """Move every network to a device, in place."""
        self.pipeline.to(device)
        if self.film is not None:
            self.film.to(device)
        return self

    def aim(self, cameras: Cameras) -> "Aim":
        """What tells the views of cameras apart, the first of which is the reference. The origin is the object.

        Raises ValueError for a camera that stands at the origin or straight above it, looking past it.
        """
        nearest = nearest_released_views(relative_azimuths(cameras, 0))
        if self.film is None:
            return Aim(nearest, None)
        side = self.contract.image_size // self.pipeline.pixels_per_latent
        canonical = canonical_cameras(cameras, 0, self.contract.distance)
        return Aim(nearest, ray_channels(canonical, self.contract.distance, side, side))

    def prompts_of(
        self, aims: Sequence["Aim"], averaged: Tensor | None = None
    ) -> Float[Tensor, "object view token text_channel"]:
        """The prompts of several objects' views; the reference's is always the front."""
        nearest = torch.stack([aim.nearest for aim in aims])
        nearest[:, 0] = 0
        return prompts_for(self.prompts, nearest, averaged)

    def told(
        self, aims: Sequence["Aim"], kept: Bool[Tensor, " object"] | None = None, guided: bool = False
    ) -> AbstractContextManager[None]:
        """Within it the UNet is told the rays of several objects' views, if it reads any: see `RayFilm.applied`."""
        if self.film is None:
            return nullcontext()
        return self.film.applied(self.pipeline.unet, rays_of(aims), kept, guided)

    @torch.no_grad()
    def draw(
        self, samples: Sequence[Sample], views: Sequence[Cameras], plan: SamplingPlan, seed: int
    ) -> Float[Tensor, "object view 3 height width"]:
        """Draw every object's views, in 0..1 over white, from its sample's first view.

        `views` are the cameras to draw for, of every object as many, the first that of the sample's first view; the
        first drawn view is the network's own picture of it. The same seed gives the same views.
        """
        aims = [self.aim(cameras) for cameras in views]
        pictures = torch.stack([(255 * sample.over_white()[0]).round().to(torch.uint8) for sample in samples])
        sampling = Sampling(plan.steps, plan.guidance, plan.eta)
        random = torch.Generator().manual_seed(seed)
        with self.told(aims, guided=sampling.guidance != 1.0):
            return sample_views(self.pipeline, pictures, self.prompts_of(aims), sampling, random)


@dataclass(frozen=True)
class Aim:
    """What tells an object's views apart, the reference first."""

    nearest: Int[Tensor, " view"]
    """number of the released view nearest in azimuth from the reference"""
    rays: Float[Tensor, "view 54 height width"] | None
    """where latent pixels look, in the reference's canonical frame; None where nothing reads them"""


def rays_of(aims: Sequence[Aim]) -> Float[Tensor, "object view 54 height width"]:
    """The rays of several objects' views, which all have some."""
    return torch.stack([aim.rays for aim in aims if aim.rays is not None])


def load_start(
    folder: Path, prompts: Path, contract: CameraContract, unet: Path | None = None
) -> tuple[Pipeline, Float[Tensor, "released token text_channel"]]:
    """Load what a training starts from: a `pipeckpts/` folder, and the embeddings of the six prompts.

    `unet` is a folder to take the UNet from in place of the one that stands there.

    Raises:
        FileNotFoundError: a file is absent.
        ValueError: names every key or tensor that does not fit; or pictures of the contract's size do not.
    """
    pipeline = load_pipeline(folder, unet)
    embeddings = read_prompt_embeddings(prompts, len(RELEASED_VIEWS), pipeline.unet.released_config.cross_attention_dim)
    _require_size(pipeline, folder, contract)
    return pipeline, embeddings


def load_generator(start: Path, prompts: Path, unet: Path, film: Path | None, contract: CameraContract) -> Generator:
    """Load a trained generator: what it started from, its own UNet's folder, and the file of what reads rays, if any.

    Raises as `load_start`.
    """
    pipeline, embeddings = load_start(start, prompts, contract, unet)
    reads_rays = None if film is None else load_ray_film(film, pipeline.unet).eval()
    return Generator(pipeline, embeddings, reads_rays, contract)


def _require_size(pipeline: Pipeline, folder: Path, contract: CameraContract) -> None:
    latent = pipeline.unet.released_config.sample_size
    if (found := latent * pipeline.pixels_per_latent) != contract.image_size:
        raise ValueError(
            f"{folder}: unet/config.json: sample_size: found {latent}, which is for pictures of {found} px,"
            f" expected {contract.image_size} px as in the config's camera_contract"
        )
