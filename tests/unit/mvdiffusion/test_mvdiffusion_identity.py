"""The identity collapse of an earlier attempt: prompts that stay with cameras while the reference moves."""

from collections.abc import Callable

import pytest
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mouse_facelift.mvdiffusion.collapse import collapse
from mouse_facelift.mvdiffusion.generator import Generator
from mouse_facelift.mvdiffusion.objective import Objective, diffusion_loss, draw_step, training_inputs
from mouse_facelift.mvdiffusion.sampling import Sampling, sample_views
from tests.unit.mvdiffusion.tiny_generation import tiny_generator

VIEWS, SIZE = 6, 16
ONE_STEP = Sampling(steps=1, guidance=1.0, eta=0.0)

Prompts = Callable[[int], Int[Tensor, " view"]]


def rings(objects: int, random: torch.Generator) -> Float[Tensor, "object view 3 16 16"]:
    """Objects that are a dark spot beside an axis, seen every 60 degrees around it: the spot stands elsewhere."""
    turn = 2 * torch.pi * torch.rand(objects, 1, generator=random) + torch.pi / 3 * torch.arange(VIEWS)
    y, x = torch.meshgrid(torch.arange(SIZE) + 0.5, torch.arange(SIZE) + 0.5, indexing="ij")
    apart = (x - SIZE / 2 - 5 * turn.sin()[..., None, None]) ** 2 + (
        y - SIZE / 2 - 5 * turn.cos()[..., None, None]
    ) ** 2
    return 1 - torch.exp(-apart / 8)[:, :, None].expand(-1, -1, 3, -1, -1)


def by_relation(reference: int) -> Int[Tensor, " view"]:
    """Slot 0 is the front, and every other slot has the prompt of its place beside the reference."""
    return torch.arange(VIEWS)


def by_camera(reference: int) -> Int[Tensor, " view"]:
    """Every camera keeps its prompt, whichever of them is the reference: prompts turn with the views."""
    return (reference + torch.arange(VIEWS)) % VIEWS


def learned(generator: Generator, prompts: Prompts, steps: int) -> None:
    unet = generator.pipeline.unet.train()
    optimizer = torch.optim.AdamW(unet.parameters(), lr=3e-3)
    random = torch.Generator().manual_seed(0)
    for step in range(steps):
        objects = rings(4, random)
        references = torch.randint(VIEWS, (len(objects),), generator=random).tolist()
        turned = torch.stack([views.roll(-first, 0) for views, first in zip(objects, references, strict=True)])
        told = torch.stack([generator.prompts[prompts(first)] for first in references])
        draws = draw_step(generator.pipeline, len(objects), VIEWS, (SIZE, SIZE), random)
        inputs = training_inputs(generator.pipeline, turned, told, draws, Objective(0.0, 5.0))
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * (1 - step / steps)
        optimizer.zero_grad()
        diffusion_loss(unet, inputs, VIEWS).backward()
        optimizer.step()
    unet.eval()


def copied(generator: Generator, prompts: Prompts) -> tuple[float, float]:
    """How far drawn views of new objects are copies of the input, and their mean squared error."""
    random = torch.Generator().manual_seed(9)
    objects = rings(12, random)
    drawn = []
    for number, views in enumerate(objects):
        first = number % VIEWS
        turned = views.roll(-first, 0)
        told = generator.prompts[prompts(first)][None]
        picture = (255 * turned[:1]).round().to(torch.uint8)
        drawn.append((sample_views(generator.pipeline, picture, told, ONE_STEP, random)[0], turned))
    answers, true = (torch.stack(parts) for parts in zip(*drawn, strict=True))
    share = collapse(answers[:, 1:], true[:, 1:], true[:, 0]).share
    return share, float((answers[:, 1:] - true[:, 1:]).square().mean())


@pytest.mark.slow
def test_prompts_that_stay_with_cameras_make_copies_and_prompts_of_the_relation_do_not(tmp_path) -> None:
    found = {}
    for name, prompts in (("relation", by_relation), ("camera", by_camera)):
        (tmp_path / name).mkdir()
        generator = tiny_generator(tmp_path / name, rays=False)
        learned(generator, prompts, 300)
        found[name] = copied(generator, prompts)
    assert found["relation"][0] < 0.15
    assert found["camera"][0] > 0.25
    assert found["relation"][1] < 0.5 * found["camera"][1]
