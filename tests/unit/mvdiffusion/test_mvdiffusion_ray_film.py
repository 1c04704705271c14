"""The adapter of the rays: absent until it has learned, and then the poses' alone."""

import copy
import threading
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import Tensor

from mouse_facelift.mvdiffusion import MultiviewUnet, load_pipeline, load_unet, sample_views
from mouse_facelift.mvdiffusion.canonical import canonical_cameras
from mouse_facelift.mvdiffusion.config import read_unet_config
from mouse_facelift.mvdiffusion.lora import add_attention_lora
from mouse_facelift.mvdiffusion.ray_film import (
    RayFilm,
    fresh_ray_film,
    load_ray_film,
    residual_blocks,
    write_ray_film,
)
from mouse_facelift.mvdiffusion.rays import ray_channels
from mouse_facelift.mvdiffusion.sampling import Sampling
from tests.unit.mvdiffusion.conftest import random_rig
from tests.unit.mvdiffusion.released import RELEASED_UNET, TINY_UNET, write_pipeline


def rays_of(seeds: list[int], views: int = 3, size: int = 4) -> Tensor:
    rigs = [canonical_cameras(random_rig(seed, views), 0, 2.7) for seed in seeds]
    return torch.stack([ray_channels(rig, 2.7, size, size) for rig in rigs])


@pytest.fixture
def rays() -> Tensor:
    return rays_of([1, 2])


@pytest.fixture
def film(unet: MultiviewUnet) -> RayFilm:
    """An adapter that has learned something."""
    film = fresh_ray_film(unet, seed=3)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in film.heads.parameters():
            parameter.normal_(0, 0.3, generator=generator)
    return film


def draw(unet: MultiviewUnet, inputs: dict[str, Tensor]) -> Tensor:
    with torch.no_grad():
        return unet(**inputs, views=3).sample


def hooks(unet: MultiviewUnet) -> int:
    return sum(len(module._forward_pre_hooks) + len(module._forward_hooks) for module in unet.modules())


def test_fresh_additions_change_nothing_bit_for_bit(unet, inputs, rays):
    unet.requires_grad_(False)  # as the additions leave it; torch sums products of frozen matrices in another order
    expected, names = draw(unet, inputs), list(unet.state_dict())
    film = fresh_ray_film(unet, seed=0)
    with film.applied(unet, rays):
        assert torch.equal(draw(unet, inputs), expected)
        assert list(unet.state_dict()) == names
    add_attention_lora(unet, rank=2, alpha=2.0, seed=0)
    with film.applied(unet, rays):
        assert torch.equal(draw(unet, inputs), expected)


@pytest.mark.shared
def test_fresh_additions_leave_the_published_velocities_bit_for_bit(shared):
    folder = shared / "golden" / "mvdiffusion_tiny"
    unet = load_unet(folder)
    with np.load(folder / "case.npz") as arrays:
        stored = {name: torch.from_numpy(arrays[name]) for name in arrays.files if "::" not in name}
    given = {name: stored[name] for name in ("sample", "timestep", "encoder_hidden_states", "class_labels")}
    film, told = fresh_ray_film(unet, seed=0), rays_of([5], views=6, size=16)
    names = list(unet.state_dict())
    for attention in ("sparse", "dense", "single"):
        with torch.no_grad():
            expected = unet(**given, attention=attention).sample
            with film.applied(unet, told):
                assert torch.equal(unet(**given, attention=attention).sample, expected)
    assert list(unet.state_dict()) == names
    add_attention_lora(unet, rank=16, alpha=16.0, seed=0)
    with torch.no_grad(), film.applied(unet, told):
        found = unet(**given).sample
        assert torch.equal(found, unet(**given, attention="sparse").sample)
    torch.testing.assert_close(found, stored["output"], rtol=0, atol=2e-5)
    with torch.no_grad():
        assert torch.equal(found, load_unet(folder)(**given).sample)


def test_at_the_first_step_every_head_learns_and_nothing_of_the_network(unet, inputs, rays):
    film = fresh_ray_film(unet, seed=0)
    unet.requires_grad_(False)
    with film.applied(unet, rays):
        unet(**inputs, views=3).sample.square().mean().backward()
    for name, parameter in film.named_parameters():
        learns = bool(parameter.grad.abs().max() > 0)
        assert learns == name.startswith("heads."), name
    assert all(parameter.grad is None for parameter in unet.parameters())


def test_every_block_of_the_released_size_has_a_head():
    with torch.device("meta"):
        unet = MultiviewUnet(read_unet_config(RELEASED_UNET))
        film = RayFilm(residual_blocks(unet))
    assert len(film.heads) == 22
    assert sum(parameter.numel() for parameter in film.parameters()) == 3_876_480
    assert len(unet.state_dict()) == 690


def test_rays_reach_their_own_rows_alone(unet, inputs, film, rays):
    """With each view's self-attention its own; in sparse attention the first view's rays reach all."""
    turned = rays.clone()
    turned[1, 2] = rays[0, 1]
    with torch.no_grad():
        for attention, reached in (("single", [5]), ("sparse", [5]), ("dense", [3, 4, 5])):
            with film.applied(unet, rays):
                one = unet(**inputs, views=3, attention=attention).sample
            with film.applied(unet, turned):
                other = unet(**inputs, views=3, attention=attention).sample
            assert (one != other).flatten(1).any(dim=1).nonzero().flatten().tolist() == reached


@given(st.lists(st.booleans(), min_size=2, max_size=2))
def test_objects_without_rays_come_out_as_pretrained(kept):
    torch.manual_seed(0)
    unet = MultiviewUnet(read_unet_config(TINY_UNET)).eval()
    film = fresh_ray_film(unet, seed=3)
    torch.nn.init.normal_(film.heads["mid_block-resnets-0"].weight)
    inputs = {
        "sample": torch.randn(6, 8, 4, 4),
        "timestep": torch.tensor(3),
        "encoder_hidden_states": torch.randn(6, 5, 12),
        "class_labels": torch.randn(6, 20),
    }
    pretrained = draw(unet, inputs)
    with film.applied(unet, rays_of([1, 2]), torch.tensor(kept)):
        told = draw(unet, inputs)
    for number, keeps in enumerate(kept):
        rows = slice(3 * number, 3 * number + 3)
        assert torch.equal(told[rows], pretrained[rows]) != keeps
    with film.applied(unet, None):
        assert torch.equal(draw(unet, inputs), pretrained)


def test_guidance_tells_both_halves_the_rays(unet, inputs, film, rays):
    twice = {name: torch.cat([given, given]) if given.ndim else given for name, given in inputs.items()}
    with film.applied(unet, rays, torch.tensor([True, False])):
        once = draw(unet, inputs)
    with film.applied(unet, rays, torch.tensor([True, False]), guided=True):
        both = draw(unet, twice)
    torch.testing.assert_close(both, torch.cat([once, once]), rtol=0, atol=1e-6)


def test_guided_sampling_follows_the_rays(tmp_path, rays):
    torch.manual_seed(0)
    write_pipeline(tmp_path)
    pipeline = load_pipeline(tmp_path)
    pictures = torch.randint(256, (2, 3, 8, 8), dtype=torch.uint8)
    prompts = torch.randn(3, 5, 12)
    sampling = Sampling(steps=2, guidance=2.0, eta=1.0)

    def drawn(film: RayFilm, rays: Tensor | None) -> Tensor:
        with film.applied(pipeline.unet, rays, guided=True):
            return sample_views(
                pipeline, pictures, prompts.expand(2, -1, -1, -1), sampling, torch.Generator().manual_seed(2)
            )

    film = fresh_ray_film(pipeline.unet, seed=0)
    pretrained = drawn(film, None)
    assert torch.equal(drawn(film, rays), pretrained)
    torch.nn.init.normal_(film.heads["mid_block-resnets-0"].weight)
    assert (drawn(film, rays) - pretrained).abs().amax(dim=(2, 3, 4)).min() > 0


def test_other_rows_are_refused_and_no_hook_is_left(unet, inputs, film, rays):
    expected = draw(unet, inputs)
    unet.enable_gradient_checkpointing()
    checkpoint = unet.mid_block._gradient_checkpointing_func
    with (
        pytest.raises(ValueError, match="6 rows in a call of the UNet, but rays of 3 rows"),
        film.applied(unet, rays[:1]),
    ):
        draw(unet, inputs)
    assert hooks(unet) == 0
    assert unet.mid_block._gradient_checkpointing_func is checkpoint
    assert torch.equal(draw(unet, inputs), expected)


def test_nested_contexts_speak_one_at_a_time(unet, inputs, film, rays):
    def told(*maps: Tensor | None) -> Tensor:
        if not maps:
            return draw(unet, inputs)
        with film.applied(unet, maps[0]):
            return told(*maps[1:])

    other = rays.flip(0)
    assert torch.equal(told(rays, other), told(other))
    assert not torch.equal(told(rays), told(other))


@pytest.mark.parametrize("place", ["within another context", "after all", "in another thread"])
def test_checkpoints_compute_again_with_the_rays_of_their_own_call(unet, inputs, film, rays, place):
    """Two calls of other rays, and one backward pass for both; that of a GPU runs in a thread of its own."""

    def gradients() -> list[Tensor]:
        film.zero_grad()
        with film.applied(unet, rays):
            loss = unet(**inputs, views=3).sample.square().mean()
        with film.applied(unet, rays.flip(0), torch.tensor([True, False])):
            loss = loss + unet(**inputs, views=3).sample.pow(3).mean()
        if place == "in another thread":
            thread = threading.Thread(target=loss.backward)
            thread.start()
            thread.join()
        else:
            with film.applied(unet, 2 * rays) if place == "within another context" else nullcontext():
                loss.backward()
        return [parameter.grad.clone() for parameter in film.parameters()]

    unet.requires_grad_(False).train()
    expected = gradients()
    unet.enable_gradient_checkpointing()
    for found, gradient in zip(gradients(), expected, strict=True):
        torch.testing.assert_close(found, gradient, rtol=1e-5, atol=1e-8)
    assert hooks(unet) == 0


def test_copies_go_their_own_way(unet, inputs, film, rays):
    with film.applied(unet, rays):
        expected = draw(unet, inputs)
    network, adapter = copy.deepcopy(unet), copy.deepcopy(film)
    torch.nn.init.zeros_(film.heads["mid_block-resnets-0"].weight)
    with adapter.applied(network, rays):
        assert torch.equal(draw(network, inputs), expected)
        assert not torch.equal(draw(unet, inputs), expected)
    with film.applied(unet, rays):
        assert not torch.equal(draw(unet, inputs), expected)


def test_half_precision_networks_are_told_too(unet, inputs, film, rays):
    with film.applied(unet, rays):
        expected = draw(unet, inputs)
    halved = {name: given.bfloat16() if given.is_floating_point() else given for name, given in inputs.items()}
    with film.applied(unet.bfloat16(), rays):
        found = draw(unet, halved)
    assert found.dtype == torch.bfloat16
    assert (found.float() - expected).norm() < 0.03 * expected.norm()


def test_a_written_adapter_is_read_as_it_was(unet, film, tmp_path):
    path = tmp_path / "film.safetensors"
    write_ray_film(path, film)
    read = load_ray_film(path, unet)
    assert read.state_dict().keys() == film.state_dict().keys()
    assert all(torch.equal(tensor, film.state_dict()[name]) for name, tensor in read.state_dict().items())
    again = tmp_path / "again.safetensors"
    write_ray_film(again, read)
    assert again.read_bytes() == path.read_bytes()


def test_an_adapter_that_does_not_fit_is_refused_by_name(unet, film, tmp_path):
    path = tmp_path / "film.safetensors"
    write_ray_film(path, film)
    wider = MultiviewUnet(read_unet_config(TINY_UNET | {"block_out_channels": [8, 20]}))
    with pytest.raises(ValueError, match=r"film\.safetensors: channels of \d+ residual blocks differ") as error:
        load_ray_film(path, wider)
    assert "mid_block.resnets.0: found 16, expected 20" in str(error.value)
    with pytest.raises(ValueError, match="the adapter: channels"), film.applied(wider, None):
        pass
    _spoil(path)
    with pytest.raises(ValueError, match="3 tensors do not fit") as error:
        load_ray_film(path, unet)
    for told in ("missing: trunk.0.bias", "not of this network: trunk.9.bias", "not finite: trunk.2.bias"):
        assert told in str(error.value)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match=r"film\.safetensors: no 'ray_film' recipe"):
        load_ray_film(path, unet)
    path.write_bytes(b"none")
    with pytest.raises(ValueError, match=r"film\.safetensors: no safetensors file"):
        load_ray_film(path, unet)
    with pytest.raises(FileNotFoundError, match=r"absent\.safetensors"):
        load_ray_film(tmp_path / "absent.safetensors", unet)


def _spoil(path: Path) -> None:
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    tensors["trunk.9.bias"] = tensors.pop("trunk.0.bias")
    tensors["trunk.2.bias"][3] = torch.nan
    save_file(tensors, path, metadata)


def test_learned_rays_decide_which_view_is_drawn():
    """A frozen tiny network, whose target depends on each view's pose alone; the reference is drawn at random."""
    torch.manual_seed(0)
    unet = MultiviewUnet(read_unet_config(TINY_UNET | {"block_out_channels": [16, 32]})).requires_grad_(False)
    film = fresh_ray_film(unet, seed=1)
    optimizer = torch.optim.Adam(film.parameters(), lr=2e-2)
    generator = torch.Generator().manual_seed(2)
    prompts, labels = (torch.randn(1, *shape, generator=generator) for shape in ((5, 12), (20,)))

    def told(step: int) -> Tensor:
        reference = int(torch.randint(3, (), generator=generator))
        order = [reference, *(view for view in range(3) if view != reference)]
        rigs = [random_rig(4 * step + number, 3)[order] for number in range(4)]
        return torch.stack([ray_channels(canonical_cameras(rig, 0, 2.7), 2.7, 8, 8) for rig in rigs])

    def predict(rays: Tensor, noisy: Tensor) -> Tensor:
        rows = len(noisy)
        with film.applied(unet, rays):
            return unet(noisy, 300, prompts.expand(rows, -1, -1), labels.expand(rows, -1), views=3).sample

    def target(rays: Tensor) -> Tensor:
        return rays.flatten(0, 1)[:, [0, 1, 2, 5]]

    losses = []
    for step in range(60):
        rays = told(step)
        noisy = torch.randn(12, 8, 8, 8, generator=generator)
        loss = (predict(rays, noisy) - target(rays)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5]), losses

    rays = told(1000)
    swapped = rays[:, [0, 2, 1]]
    noisy = torch.randn(12, 8, 8, 8, generator=generator)
    with torch.no_grad():
        before, after = predict(rays, noisy), predict(swapped, noisy)
    error = (after - target(swapped)).square().mean()
    assert error < 0.7 * (before - target(swapped)).square().mean()
    changed = (after - before).square().mean(dim=(1, 2, 3)).unflatten(0, (4, 3))
    assert changed[:, 0].max() == 0
    assert changed[:, 1:].min() > 1e-3
