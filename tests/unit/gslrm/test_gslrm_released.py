"""The released checkpoint by its published names: what is in it, what is left out, and what is refused."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from mouse_facelift.gslrm import Gslrm, GslrmConfig, fresh_gslrm, load_gslrm
from mouse_facelift.gslrm.config import RELEASED_ACTIVATIONS, read_config
from mouse_facelift.gslrm.loading import misfits, without_losses

LOSS = "loss_calculator.perceptual_loss_module.net"
# Channels in and out of the sixteen convolutions of VGG-19.
VGG = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), *[(256, 256)] * 3, (256, 512), *[(512, 512)] * 7]


def published(width: int = 1024, layers: int = 24, patch: int = 8) -> dict[str, list[int]]:
    """Names and shapes of the network in a published checkpoint; its own sizes stand as defaults."""
    block = {
        "norm1.weight": [width],
        "norm2.weight": [width],
        "attn.to_qkv.weight": [3 * width, width],
        "attn.fc.weight": [width, width],
        "mlp.mlp.0.weight": [4 * width, width],
        "mlp.mlp.2.weight": [width, 4 * width],
    }
    return {
        "gaussian_position_embeddings": [2, width],
        "patch_embedder.1.weight": [width, 9 * patch**2],
        "input_layer_norm.weight": [width],
        **{f"transformer_layers.{layer}.{name}": shape for layer in range(layers) for name, shape in block.items()},
        "gaussian_upsampler.layernorm.weight": [width],
        "gaussian_upsampler.linear.weight": [14, width],
        "pixel_gaussian_decoder.0.weight": [width],
        "pixel_gaussian_decoder.1.weight": [14 * patch**2, width],
    }


def vgg(share: int = 1) -> dict[str, list[int]]:
    """Names and shapes of the perceptual loss's network, its channels divided by `share`."""
    shapes = {}
    for number, (before, after) in enumerate(VGG, start=1):
        shapes[f"{LOSS}.conv{number}.weight"] = [after // share, -(-before // share), 3, 3]
        shapes[f"{LOSS}.conv{number}.bias"] = [after // share]
    return shapes


def released_network(tiny: dict[str, Any]) -> Gslrm:
    tiny["image_tokenizer"].update(image_size=512, patch_size=8)
    tiny["transformer"] = {"d": 1024, "d_head": 64, "n_layer": 24}
    with torch.device("meta"):
        return Gslrm(GslrmConfig.model_validate(tiny))


@pytest.fixture
def tensors(tiny_config) -> dict[str, Tensor]:
    """A tiny network under the published names, and the loss's networks beside it."""
    model = {name: tensor.clone() for name, tensor in fresh_gslrm(tiny_config, seed=1).state_dict().items()}
    return model | {name: torch.zeros(shape) for name, shape in vgg(share=16).items()}


@pytest.fixture
def released(tmp_path, tiny_config, tensors) -> Path:
    """The tensors in the container that the published training code writes, after one step of its optimizer."""
    model = fresh_gslrm(tiny_config, seed=1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-4, betas=(0.9, 0.95), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / 3))
    sum(parameter.square().sum() for parameter in model.parameters()).backward()
    optimizer.step()
    schedule.step()
    path = tmp_path / f"ckpt_{21125:016d}.pt"
    container = {
        "model": tensors,
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": schedule.state_dict(),
        "fwdbwd_pass_step": 42250,
        "param_update_step": 21125,
    }
    torch.save(container, path)
    return path


def test_the_network_at_released_sizes_has_the_published_tensors_and_no_other(tiny):
    found = {name: list(tensor.shape) for name, tensor in released_network(tiny).state_dict().items()}
    assert found == published()
    assert len(found) == 151


def test_the_configuration_beside_the_example_describes_that_network():
    config = read_config(Path(__file__).resolve().parents[3] / "config/examples/gslrm_released.json")
    with torch.device("meta"):
        found = {name: list(tensor.shape) for name, tensor in Gslrm(config).state_dict().items()}
    assert found == published()
    assert config.activations == RELEASED_ACTIVATIONS
    assert sum(torch.Size(shape).numel() for shape in found.values()) == 303_565_824


def test_all_183_tensors_of_a_released_file_leave_the_network_s_151(tiny):
    with torch.device("meta"):
        file = {name: torch.empty(shape) for name, shape in (published() | vgg()).items()}
    assert (len(file), sum(tensor.numel() for tensor in file.values())) == (183, 323_590_208)
    kept = without_losses(file)
    assert kept.keys() == released_network(tiny).state_dict().keys()
    assert len(file) - len(kept) == 32


def test_the_marker_of_the_first_view_is_one_tensor_more(tiny):
    tiny["add_refsrc_marker"] = True
    found = {name: list(tensor.shape) for name, tensor in released_network(tiny).state_dict().items()}
    assert found == published() | {"view_type_embeddings": [2, 1024]}


def test_a_released_container_loads(tiny, tiny_config, tensors, released):
    assert released.name == "ckpt_0000000000021125.pt"
    loaded = load_gslrm(released, tiny).state_dict()
    sizes = tiny_config.transformer
    assert {name: list(tensor.shape) for name, tensor in loaded.items()} == published(
        sizes.d, sizes.n_layer, tiny_config.image_tokenizer.patch_size
    )
    assert all(torch.equal(loaded[name], tensors[name]) for name in loaded)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.sampled_from(["", "module.", "model.", "_", "Loss_calculator."]),
    name=st.text(st.sampled_from("abc._"), max_size=6),
)
def test_no_other_name_is_forgiven(tiny, tensors, before, name):
    name = f"{before}loss_calculator{name}"
    assume(not name.startswith("loss_calculator."))
    with pytest.raises(ValueError, match="1 tensors do not fit") as error:
        load_gslrm(tensors | {name: torch.zeros(3)}, tiny)
    assert str(error.value).splitlines()[1:] == [f"  not of this network: {name} [3]"]


def test_a_wrong_container_is_refused_with_every_difference(tmp_path, tiny, tensors):
    del tensors["transformer_layers.0.attn.fc.weight"]
    tensors["transformer_layers.2.norm1.weight"] = torch.ones(32)
    tensors["gaussian_upsampler.linear.weight"] = torch.zeros(14, 64)
    path, config = tmp_path / "ckpt.pt", tmp_path / "config.json"
    torch.save({"model": tensors, "optimizer": {}}, path)
    config.write_text(GslrmConfig.model_validate(tiny).model_dump_json())
    expected = [
        "missing: transformer_layers.0.attn.fc.weight [32, 32]",
        "not of this network: transformer_layers.2.norm1.weight [32]",
        "shape: gaussian_upsampler.linear.weight is [14, 64], expected [14, 32]",
    ]
    with pytest.raises(ValueError) as error:
        load_gslrm(path, config)
    assert str(error.value).splitlines()[1:] == [f"  {line}" for line in expected]
    assert misfits(path, config) == expected


def test_what_fits_has_no_misfits(tmp_path, tiny, released):
    config = tmp_path / "config.json"
    config.write_text(GslrmConfig.model_validate(tiny).model_dump_json())
    assert misfits(released, config) == []


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("key", ["model", "optimizer", "hook"])
@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_container_is_refused_and_does_not_run(tmp_path, tiny, tensors, key, zipped):
    path, trace = tmp_path / "ckpt.pt", tmp_path / "trace"
    torch.save({"model": tensors} | {key: Touch(trace)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=r"ckpt\.pt: cannot be read as tensors alone"):
        load_gslrm(path, tiny)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Touch(trace)))
    assert trace.exists(), "the code would have run"
