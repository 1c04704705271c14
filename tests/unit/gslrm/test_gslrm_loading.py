import json
import pickle

import pytest
import torch
from safetensors.torch import save_file

from mouse_facelift.gslrm import fresh_gslrm, load_gslrm


@pytest.fixture
def tensors(tiny_config):
    return {name: tensor.clone() for name, tensor in fresh_gslrm(tiny_config, seed=1).state_dict().items()}


def test_the_same_network_from_each_container(tmp_path, tiny, tensors):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(tiny))
    save_file(tensors, tmp_path / "model.safetensors")
    torch.save({"model": tensors, "optimizer": {}, "fwdbwd_pass_step": 3}, tmp_path / "ckpt_0000000000000003.pt")
    for weights in (tensors, tmp_path / "model.safetensors", str(tmp_path / "ckpt_0000000000000003.pt")):
        for loaded_config in (tiny, config, str(config)):
            loaded = load_gslrm(weights, loaded_config).state_dict()
            assert loaded.keys() == tensors.keys()
            assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


def test_a_loaded_network_holds_copies(tiny, tensors):
    model = load_gslrm(tensors, tiny)
    with torch.no_grad():
        model.input_layer_norm.weight.zero_()
    assert (tensors["input_layer_norm.weight"] == 1).all()
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_half_precision_becomes_float32(tiny, tensors):
    model = load_gslrm({name: tensor.half() for name, tensor in tensors.items()}, tiny)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_networks_of_the_losses_are_left_out(tiny, tensors):
    load_gslrm({**tensors, "loss_calculator.perceptual_loss_module.net.conv1.bias": torch.zeros(64)}, tiny)


def test_one_error_lists_every_difference(tmp_path, tiny, tensors):
    del tensors["transformer_layers.1.norm1.weight"]
    tensors["view_type_embeddings"] = torch.zeros(2, 32)
    tensors["patch_embedder.1.weight"] = torch.zeros(32, 576)
    tensors["gaussian_upsampler.linear.weight"][3, 4] = torch.nan
    tensors["pixel_gaussian_decoder.0.weight"] = torch.ones(32, dtype=torch.int64)
    path = tmp_path / "model.safetensors"
    save_file(tensors, path)
    with pytest.raises(ValueError) as error:
        load_gslrm(path, tiny)
    assert str(error.value).splitlines() == [
        f"{path}: 5 tensors do not fit the configured network",
        "  missing: transformer_layers.1.norm1.weight [32]",
        "  not of this network: view_type_embeddings [2, 32]",
        "  shape: patch_embedder.1.weight is [32, 576], expected [32, 144]",
        "  not finite: gaussian_upsampler.linear.weight, in 1 of 448 numbers",
        "  type: pixel_gaussian_decoder.0.weight is torch.int64, expected floating point",
    ]


def test_a_prefix_is_not_forgiven(tiny, tensors):
    with pytest.raises(ValueError, match=r"not of this network: module\.input_layer_norm\.weight"):
        load_gslrm({f"module.{name}": tensor for name, tensor in tensors.items()}, tiny)


def test_a_missing_file_is_named(tmp_path, tiny, tensors):
    with pytest.raises(FileNotFoundError, match=r"absent\.safetensors"):
        load_gslrm(tmp_path / "absent.safetensors", tiny)
    with pytest.raises(FileNotFoundError, match=r"absent\.json"):
        load_gslrm(tensors, tmp_path / "absent.json")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.bin", b"", r"must be \.safetensors or \.pt, not '\.bin'"),
        ("model.safetensors", b"not tensors", r"no safetensors file"),
        ("model.pt", b"", r"cannot be read as tensors alone"),
        ("model.pt", b"not tensors", r"cannot be read as tensors alone"),
        ("model.pt", pickle.dumps({"model": print}), r"cannot be read as tensors alone"),
    ],
)
def test_files_of_another_kind_are_refused(tmp_path, tiny, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        load_gslrm(path, tiny)
    assert str(path) in str(error.value)


def test_a_truncated_checkpoint_is_refused_by_name(tmp_path, tiny, tensors):
    path = tmp_path / "model.pt"
    torch.save({"model": tensors}, path)
    content = path.read_bytes()
    for kept in (100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:kept])
        with pytest.raises(ValueError, match=r"model\.pt: cannot be read as tensors alone"):
            load_gslrm(path, tiny)


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"state_dict": {}}, r"no state dict under 'model'; found \['state_dict'\]"),
        ([1, 2], r"no state dict under 'model'; found list"),
        ({"model": {"step": 3}}, r"'model' must map names to tensors"),
    ],
)
def test_containers_without_a_state_dict_are_refused(tmp_path, tiny, container, message):
    torch.save(container, tmp_path / "model.pt")
    with pytest.raises(ValueError, match=message):
        load_gslrm(tmp_path / "model.pt", tiny)
