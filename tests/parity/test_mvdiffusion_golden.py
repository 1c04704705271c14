"""The multi-view UNet against numbers of the published class at a tiny size."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mouse_facelift.mvdiffusion import MultiviewUnet, load_unet

pytestmark = pytest.mark.shared

# The tolerance that comes with the numbers; float32 alone is 4e-6 from float64.
CLOSE = {"rtol": 0.0, "atol": 2e-5}

INPUTS = ("sample", "timestep", "encoder_hidden_states", "class_labels")


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "golden" / "mvdiffusion_tiny"


@pytest.fixture(scope="module")
def unet(folder: Path) -> MultiviewUnet:
    return load_unet(folder)


@pytest.fixture(scope="module")
def stored(folder: Path) -> dict[str, Tensor]:
    with np.load(folder / "case.npz") as arrays:
        return {name: torch.from_numpy(array) for name, array in arrays.items()}


@pytest.fixture
def inputs(stored) -> dict[str, Tensor]:
    return {name: stored[name].clone() for name in INPUTS}


def rows(inputs: dict[str, Tensor], chosen: list[int]) -> dict[str, Tensor]:
    return {name: tensor[chosen] if tensor.ndim else tensor for name, tensor in inputs.items()}


@pytest.mark.parametrize(
    ("attention", "name"), [("sparse", "output"), ("dense", "output_dense"), ("single", "output_single")]
)
def test_every_attention_predicts_the_published_velocities(unet, inputs, stored, attention, name):
    with torch.no_grad():
        predicted = unet(**inputs, views=6, attention=attention).sample
    torch.testing.assert_close(predicted, stored[name], **CLOSE)


def test_stages_are_the_published_ones(unet, inputs, stored):
    seen = {}
    attention = unet.mid_block.attentions[0].transformer_blocks[0].attn1
    hooks = [
        unet.down_blocks[0].register_forward_hook(lambda _, __, out: seen.update(down_block_0_out=out[0])),
        unet.mid_block.register_forward_hook(lambda _, __, out: seen.update(mid_block_out=out)),
        attention.register_forward_hook(lambda _, given, out: seen.update(mid_attn1_in=given[0], mid_attn1_out=out)),
    ]
    with torch.no_grad():
        unet(**inputs)
    for hook in hooks:
        hook.remove()
    for name, tensor in seen.items():
        torch.testing.assert_close(tensor, stored[name], rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("checkpoint_activations", [False, True])
def test_gradients_are_the_published_ones(folder, inputs, stored, checkpoint_activations):
    unet = load_unet(folder)
    if checkpoint_activations:
        unet.enable_gradient_checkpointing()
        unet.train()
    inputs["sample"].requires_grad_()
    (unet(**inputs).sample * stored["grad_output"]).sum().backward()
    torch.testing.assert_close(inputs["sample"].grad, stored["grad_sample"], rtol=1e-4, atol=1e-4)
    gradients = {name.removeprefix("grad::"): stored[name] for name in stored if name.startswith("grad::")}
    assert len(gradients) == 5
    for name, gradient in gradients.items():
        found = unet.get_parameter(name).grad
        assert (found - gradient).norm() < 1e-4 * gradient.norm(), name


def test_later_views_are_a_set_that_only_the_first_view_speaks_to(unet, inputs, stored):
    order = [0, 3, 1, 5, 2, 4]
    with torch.no_grad():
        permuted = unet(**rows(inputs, order)).sample
        fewer = unet(**rows(inputs, [0, 4, 2]), views=3).sample
        alone = unet(**rows(inputs, [0]), views=1).sample
        other_first = unet(**rows(inputs, [1, 0, 2, 3, 4, 5])).sample
    torch.testing.assert_close(permuted, stored["output"][order], **CLOSE)
    torch.testing.assert_close(fewer, stored["output"][[0, 4, 2]], **CLOSE)
    torch.testing.assert_close(alone, stored["output_single"][:1], **CLOSE)
    assert (other_first[2:] - stored["output"][2:]).abs().amax(dim=(1, 2, 3)).min() > 1e-3


@pytest.mark.parametrize("attention", ["sparse", "dense"])
def test_objects_do_not_see_each_other(unet, inputs, attention):
    two = {name: torch.cat([tensor, tensor.flip(0)]) if tensor.ndim else tensor for name, tensor in inputs.items()}
    with torch.no_grad():
        together = unet(**two, attention=attention).sample
        apart = [unet(**rows(two, chosen), attention=attention).sample for chosen in ([*range(6)], [*range(6, 12)])]
    torch.testing.assert_close(together, torch.cat(apart), **CLOSE)
