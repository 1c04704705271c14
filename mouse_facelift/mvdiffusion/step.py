"""One training step of a view generator: objects are drawn, their views noised, and velocities compared."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import UInt8
from torch import Tensor

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.mvdiffusion.generator import BACKGROUNDS, Generator
from mouse_facelift.mvdiffusion.objective import Objective, diffusion_loss, draw_step, training_inputs
from mouse_facelift.settings import Conditioning, DiffusionPlan, Plucker
from mouse_facelift.training.outcome import StepOutcome
from mouse_facelift.training.precision import mixed_precision
from mouse_facelift.training.samples import SampleSource


@dataclass(frozen=True)
class GenerationStep:
    """Draws objects and their views, and compares predicted with true velocities."""

    generator: Generator
    source: SampleSource
    learned_views: Sequence[Sequence[int]]
    """of every sample of the source: the numbers of its views that may be learned from, in its order"""
    plan: DiffusionPlan
    references: Literal["fixed", "rotated"]
    conditioning: Conditioning
    share: tuple[int, int] = (0, 1)
    """which of how many equal shares of the drawn batch is computed"""

    def __call__(self, random: torch.Generator, step: int) -> StepOutcome:
        """The loss; PSNR is NaN, for nothing is decoded."""
        plan, pipeline = self.plan, self.generator.pipeline
        objects = draw_objects(self.source, self.learned_views, plan, self.references, random)
        kept, averaged = _told(self.conditioning, len(objects), random)
        size = (self.generator.contract.image_size,) * 2
        noise = draw_step(pipeline, len(objects), plan.target_views, size, random, plan.least_timestep)
        mine = self._mine(len(objects))
        rows = slice(mine.start * plan.target_views, mine.stop * plan.target_views)
        noise = replace(
            noise,
            embedding_noise=noise.embedding_noise[rows],
            posterior_noise=noise.posterior_noise[rows],
            noise=noise.noise[rows],
            timesteps=noise.timesteps[mine],
            drop=noise.drop[mine],
        )
        device = pipeline.unet.device
        pictures = torch.stack([sample.over_background() for sample in objects[mine]]).to(device)
        aims = [self.generator.aim(sample.cameras) for sample in objects[mine]]
        prompts = self.generator.prompts_of(aims, averaged[mine]).to(device)
        inputs = training_inputs(pipeline, pictures, prompts, noise, Objective(plan.condition_drop, plan.snr_gamma))
        weights = inputs.weights.clone()
        weights[:: plan.target_views] *= plan.reference_weight
        with self.generator.told(aims, kept[mine].to(device)), mixed_precision(device, plan.precision):
            loss = diffusion_loss(pipeline.unet, replace(inputs, weights=weights), plan.target_views)
        return StepOutcome(loss, math.nan)

    def shares(self, count: int) -> list["GenerationStep"]:
        """The same step, dealt out in so many equal shares, by a generator of one seed for all."""
        return [replace(self, share=(number, count)) for number in range(count)]

    def _mine(self, objects: int) -> slice:
        number, count = self.share
        assert objects % count == 0, f"{objects} objects in {count} shares"
        return slice(number * objects // count, (number + 1) * objects // count)


def draw_objects(
    source: SampleSource,
    learned_views: Sequence[Sequence[int]],
    plan: DiffusionPlan,
    references: Literal["fixed", "rotated"],
    random: torch.Generator,
) -> list[Sample]:
    """Draw the samples of a batch, each with a reference view first and others after it, before a background."""
    drawn = []
    for _ in range(plan.batch * plan.accumulate):
        index = int(torch.randint(len(source), (), generator=random))
        views = list(learned_views[index])
        turn = int(torch.randint(len(views), (), generator=random)) if references == "rotated" else 0
        reference = views.pop(turn)
        others = torch.randperm(len(views), generator=random)[: plan.target_views - 1].tolist()
        chosen = [reference, *(views[other] for other in others)]
        background = plan.backgrounds[int(torch.randint(len(plan.backgrounds), (), generator=random))]
        sample = source.sample(index)
        cameras, images = sample.cameras[chosen], sample.images[chosen]
        mirror, darker = torch.rand(2, generator=random).tolist()
        if plan.mirrored and mirror < 0.5:
            cameras, images = mirrored(cameras, images)
        images = _as_dark(images, 1 + plan.brightness * (2 * darker - 1))
        drawn.append(Sample(sample.name, cameras, images, BACKGROUNDS[background]))
    return drawn


def mirrored(
    cameras: Cameras, images: UInt8[Tensor, "view height width 4"]
) -> tuple[Cameras, UInt8[Tensor, "view height width 4"]]:
    """Mirror an object at the plane x = 0, and its pictures: what cameras at mirrored places, not mirrored, see.

    Both the world's x axis and the cameras' are turned around, so that rotations stay proper.
    """
    turn = torch.ones(4, dtype=cameras.camera_to_world.dtype)
    turn[0] = -1
    intrinsics = cameras.intrinsics.clone()
    intrinsics[:, 0, 2] = cameras.width - intrinsics[:, 0, 2]
    poses = turn[:, None] * cameras.camera_to_world * turn
    return Cameras(poses, intrinsics, cameras.width, cameras.height), images.flip(2)


def _as_dark(images: UInt8[Tensor, "view height width 4"], times: float) -> UInt8[Tensor, "view height width 4"]:
    """Let colors lack so many times as much of white."""
    ink = (255 - images[..., :3].float()) * times
    return torch.cat([(255 - ink).clamp(0, 255).round().to(torch.uint8), images[..., 3:]], dim=-1)


def learned_views(
    names: Sequence[Sequence[str]], left_out: Sequence[str], plan: DiffusionPlan, where: str
) -> list[list[int]]:
    """Of every sample, by its views' names, the numbers of those that may be learned from.

    Raises ValueError for a name that no sample has, or for samples with too few views left.
    """
    if unknown := sorted(set(left_out) - {name for row in names for name in row}):
        raise ValueError(f"{where}.left_out_views: no sample has views {unknown}; found {sorted(set(names[0]))}")
    learned = [[number for number, name in enumerate(row) if name not in left_out] for row in names]
    if (fewest := min(map(len, learned))) < plan.target_views:
        raise ValueError(
            f"{where}.training.target_views: found {plan.target_views}, but samples have {fewest} views to learn from"
        )
    return learned


def _told(conditioning: Conditioning, objects: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Which objects' rays are told, and which objects' prompts are all their mean."""
    chances = torch.rand(2, objects, generator=random)
    if not isinstance(conditioning, Plucker):
        return torch.ones(objects, dtype=torch.bool), torch.zeros(objects, dtype=torch.bool)
    return chances[0] >= conditioning.ray_drop, chances[1] < conditioning.prompt_mean
