"""Samples in, Gaussians out."""

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.gslrm.network import Gslrm


def reconstruct(model: Gslrm, samples: Sequence[Sample], inputs: Sequence[Int[Tensor, " input"]]) -> Gaussians:
    """Predict a batch of scenes, on the network's device: each sample from those of its views that `inputs` lists.

    All list equally many, and pictures have one size. World axes and units are those of the samples' cameras.
    """
    weights = model.gaussian_position_embeddings
    chosen = list(zip(samples, inputs, strict=True))
    images = torch.stack([sample.over_background()[views] for sample, views in chosen])
    poses = torch.stack([sample.cameras.camera_to_world[views] for sample, views in chosen])
    lenses = torch.stack([sample.cameras.fxfycxcy[views] for sample, views in chosen])
    predicted: Gaussians = model(images.to(weights), poses.to(weights), lenses.to(weights))
    return predicted
