"""Samples, varied: pictures and cameras change together, so that every pixel stays on its ray.

A rolled view no longer stands as upright as the camera contract asks. That rule is for stored data, where a roll is
a mistake of a file's axes; a batch is varied after its samples were found honest, and is never stored.
"""

import math
from dataclasses import replace

import torch
from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.gslrm.draws import Batch
from mouse_facelift.settings import Augmentation

# Red, green and blue to brightness and two axes of color, NTSC's YIQ; ITU-R BT.470.
_TO_YIQ = ((0.299, 0.587, 0.114), (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112))


def augment(batch: Batch, augmentation: Augmentation, generator: torch.Generator) -> Batch:
    """Vary every sample of a batch on its own; one generator gives one result, in shares of a batch as in the whole."""
    seed = int(torch.randint(2**62, (), generator=generator)) + batch.first
    samples = [
        vary(sample, augmentation, torch.Generator().manual_seed(seed + number))
        for number, sample in enumerate(batch.samples)
    ]
    return replace(batch, samples=samples)


def vary(sample: Sample, augmentation: Augmentation, generator: torch.Generator) -> Sample:
    """Vary one sample. All numbers are drawn at any setting, so that one setting does not change what others draw."""
    brightness, contrast, hue, yaw = (2 * torch.rand(4, generator=generator, dtype=torch.float64) - 1).tolist()
    red, green, blue = torch.rand(3, generator=generator).tolist()
    rolls = 2 * torch.rand(len(sample.cameras), generator=generator, dtype=torch.float64) - 1
    if augmentation.brightness or augmentation.contrast or augmentation.hue_degrees:
        sample = color(
            sample,
            1 + augmentation.brightness * brightness,
            1 + augmentation.contrast * contrast,
            math.radians(augmentation.hue_degrees) * hue,
        )
    if augmentation.background:
        sample = replace(sample, background=(red, green, blue))
    if augmentation.roll_degrees:
        sample = roll(sample, math.radians(augmentation.roll_degrees) * rolls)
    if augmentation.yaw_degrees:
        sample = replace(sample, cameras=yawed(sample.cameras, math.radians(augmentation.yaw_degrees) * yaw))
    return sample


def color(sample: Sample, brightness: float, contrast: float, hue: float) -> Sample:
    """Change the colors of all views alike; alpha, and so the background, stays.

    Differences from the animal's mean color are multiplied by `contrast`, the result by `brightness`; then colors turn
    by `hue` radians about gray, in YIQ, where brightness is an axis of its own.
    """
    rgba = sample.images.float() / 255
    colors, alpha = rgba[..., :3], rgba[..., 3:]
    mean = (colors * alpha).sum(dim=(0, 1, 2)) / alpha.sum().clamp(min=1e-6)
    colors = brightness * (mean + contrast * (colors - mean))
    to_yiq = torch.tensor(_TO_YIQ)
    turn = torch.eye(3)
    turn[1:, 1:] = torch.tensor([[math.cos(hue), -math.sin(hue)], [math.sin(hue), math.cos(hue)]])
    colors = colors @ (torch.linalg.inv(to_yiq) @ turn @ to_yiq).T
    return replace(sample, images=_as_bytes(torch.cat([colors, alpha], dim=-1)))


def roll(sample: Sample, angles: Float[Tensor, " view"]) -> Sample:
    """Roll each camera about its own axis by an angle in radians, and turn its picture against it.

    The picture turns about the principal point: what a pixel showed is found where the rolled camera projects it. It
    is resampled once (bilinear); what comes from outside the old picture is transparent, as around an animal that
    lies whole in the picture.
    """
    cosine, sine = angles.cos(), angles.sin()
    turn = torch.eye(3, dtype=torch.float64).repeat(len(angles), 1, 1)
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1] = cosine, -sine, sine, cosine
    cameras = sample.cameras
    pose = cameras.camera_to_world.clone()
    pose[:, :3, :3] = pose[:, :3, :3] @ turn.to(pose)
    # Where the rolled camera's pixels lie in the old picture: both look through one center.
    K = cameras.intrinsics.double()
    into_old = K @ turn @ torch.linalg.inv(K)
    y, x = torch.meshgrid(
        torch.arange(cameras.height, dtype=torch.float64) + 0.5,
        torch.arange(cameras.width, dtype=torch.float64) + 0.5,
        indexing="ij",
    )
    pixels = torch.stack([x, y, torch.ones_like(x)], dim=-1)
    old = torch.einsum("vij,hwj->vhwi", into_old, pixels)[..., :2]  # the third is 1: the axis is the same
    grid = 2 * old / torch.tensor([cameras.width, cameras.height]) - 1
    rgba = sample.images.float() / 255
    premultiplied = torch.cat([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], dim=-1)
    turned = functional.grid_sample(
        rearrange(premultiplied, "v h w c -> v c h w"), grid.float(), mode="bilinear", align_corners=False
    )
    turned = rearrange(turned, "v c h w -> v h w c")
    straight = turned[..., :3] / turned[..., 3:].clamp(min=1e-6)
    images = _as_bytes(torch.cat([straight, turned[..., 3:]], dim=-1))
    return replace(sample, cameras=replace(cameras, camera_to_world=pose), images=images)


def yawed(cameras: Cameras, angle: float) -> Cameras:
    """Turn all cameras, and with them the world they see, about the world's z by an angle in radians."""
    turn = torch.eye(4, dtype=torch.float64)
    turn[0, 0] = turn[1, 1] = math.cos(angle)
    turn[1, 0] = math.sin(angle)
    turn[0, 1] = -turn[1, 0]
    poses = cameras.camera_to_world
    return replace(cameras, camera_to_world=turn.to(poses) @ poses)


def _as_bytes(rgba: Float[Tensor, "view height width 4"]) -> UInt8[Tensor, "view height width 4"]:
    return (255 * rgba).round().clamp(0, 255).to(torch.uint8)
