"""LoRA of the UNet's attention: nothing at first, its own file, and merged under the old names."""

import copy

import pytest
import torch
from torch import Tensor

from mouse_facelift.mvdiffusion.config import read_unet_config
from mouse_facelift.mvdiffusion.lora import add_attention_lora, load_attention_lora, write_attention_lora
from mouse_facelift.mvdiffusion.ray_film import fresh_ray_film, write_ray_film
from mouse_facelift.mvdiffusion.unet import MultiviewUnet
from mouse_facelift.training.lora import lora_tensors, merge_lora
from tests.unit.mvdiffusion.released import RELEASED_UNET, TINY_UNET


def draw(unet: MultiviewUnet, inputs: dict[str, Tensor]) -> Tensor:
    with torch.no_grad():
        return unet(**inputs, views=3).sample


@pytest.fixture
def learned(unet: MultiviewUnet, inputs: dict[str, Tensor]) -> MultiviewUnet:
    """A UNet whose additions have learned for two steps."""
    unet = copy.deepcopy(unet)
    add_attention_lora(unet, rank=2, alpha=4.0, seed=0)
    optimizer = torch.optim.AdamW([p for p in unet.parameters() if p.requires_grad], lr=1e-1)
    for _ in range(2):
        optimizer.zero_grad()
        unet(**inputs, views=3).sample.square().mean().backward()
        optimizer.step()
    return unet


def test_the_released_size_gets_as_many_numbers_as_planned():
    with torch.device("meta"):
        unet = MultiviewUnet(read_unet_config(RELEASED_UNET))
        add_attention_lora(unet, rank=16, alpha=16.0, seed=0)
    learning = [parameter.numel() for parameter in unet.parameters() if parameter.requires_grad]
    assert len(learning) == 16 * 8 * 2
    assert sum(learning) == sum(tensor.numel() for tensor in lora_tensors(unet).values())
    assert sum(learning) / 1e6 == pytest.approx(3.32, abs=0.005)


def test_every_attention_learns_and_nothing_else(unet, inputs):
    before = {name: tensor.clone() for name, tensor in unet.state_dict().items()}
    add_attention_lora(unet, rank=2, alpha=2.0, seed=0)
    unet(**inputs, views=3).sample.square().mean().backward()
    for name, parameter in unet.named_parameters():
        assert parameter.requires_grad == (".lora_" in name)
        # The first of two matrices learns once the other has left zero.
        assert (parameter.grad is not None and bool(parameter.grad.abs().max() > 0)) == (".lora_B." in name), name
    merge_lora(unet)
    assert list(unet.state_dict()) == list(before)
    assert all(torch.equal(tensor, before[name]) for name, tensor in unet.state_dict().items())


def test_the_seed_alone_decides(unet):
    def fresh(seed: int) -> dict[str, Tensor]:
        network = copy.deepcopy(unet)
        torch.rand(seed + 1)
        add_attention_lora(network, rank=2, alpha=2.0, seed=seed)
        return lora_tensors(network)

    first, again, other = fresh(0), fresh(0), fresh(1)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_merged_additions_draw_the_same_under_the_old_names(unet, inputs, learned):
    adapted = draw(learned, inputs)
    assert (adapted - draw(unet, inputs)).abs().max() > 1e-3
    merge_lora(learned)
    torch.testing.assert_close(draw(learned, inputs), adapted, rtol=0, atol=1e-6)
    assert list(learned.state_dict()) == list(unet.state_dict())


def test_written_additions_are_read_as_they_were(unet, inputs, learned, tmp_path):
    path = tmp_path / "lora.safetensors"
    write_attention_lora(path, learned, rank=2, alpha=4.0)
    load_attention_lora(unet, path)
    assert torch.equal(draw(unet, inputs), draw(learned, inputs))


def test_additions_that_do_not_fit_are_refused_by_name(unet, learned, tmp_path):
    path = tmp_path / "lora.safetensors"
    write_attention_lora(path, learned, rank=4, alpha=4.0)
    with pytest.raises(ValueError, match=r"lora\.safetensors: 64 tensors do not fit") as error:
        load_attention_lora(copy.deepcopy(unet), path)
    assert "attn2.to_k.lora_A.default.weight is [2, 12], expected [4, 12]" in str(error.value)
    deeper = MultiviewUnet(read_unet_config(TINY_UNET | {"layers_per_block": 2}))
    write_attention_lora(path, learned, rank=2, alpha=4.0)
    with pytest.raises(ValueError, match=r"missing: down_blocks\.0\.attentions\.1"):
        load_attention_lora(deeper, path)
    write_ray_film(path, fresh_ray_film(unet, 0))
    with pytest.raises(ValueError, match=r"no 'lora' recipe in it; found \['ray_film'\]"):
        load_attention_lora(unet, path)
