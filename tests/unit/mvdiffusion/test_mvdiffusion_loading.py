"""A released folder loads part by part; what does not fit is named."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mouse_facelift.mvdiffusion import load_pipeline, load_unet
from mouse_facelift.mvdiffusion.loading import write_unet
from mouse_facelift.mvdiffusion.objective import RELEASED_OBJECTIVE, diffusion_loss, draw_step, training_inputs
from mouse_facelift.mvdiffusion.sampling import Sampling, sample_views
from tests.unit.mvdiffusion.released import TINY_UNET, change, write_pipeline

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("released") / "pipeckpts"
    torch.manual_seed(0)
    write_pipeline(folder)
    return folder


@pytest.fixture
def folder(written, tmp_path) -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(written, tmp_path / "pipeckpts"))


def test_a_folder_without_text_encoder_draws_views_and_learns(written):
    pipeline = load_pipeline(written)
    pictures = torch.full((2, 3, 8, 8), 255, dtype=torch.uint8)
    prompts = torch.randn(3, 5, 12, generator=torch.Generator().manual_seed(1))
    sampling = Sampling(steps=2, guidance=2.0, eta=1.0)
    views, again = (
        sample_views(pipeline, pictures, prompts.expand(2, -1, -1, -1), sampling, torch.Generator().manual_seed(2))
        for _ in range(2)
    )
    assert views.shape == (2, 3, 3, 8, 8)
    assert views.min() >= 0
    assert views.max() <= 1
    torch.testing.assert_close(views, again, rtol=0, atol=0)

    draws = draw_step(pipeline, 2, 3, (8, 8), torch.Generator().manual_seed(3))
    inputs = training_inputs(
        pipeline, torch.rand(2, 3, 3, 8, 8), prompts.expand(2, -1, -1, -1), draws, RELEASED_OBJECTIVE
    )
    diffusion_loss(pipeline.unet, inputs, 3).backward()
    assert all(parameter.grad.isfinite().all() for parameter in pipeline.unet.parameters())
    assert all(parameter.grad is None for parameter in pipeline.vae.parameters())


def test_half_precision_draws_nearly_the_same_views(written):
    pictures = torch.full((1, 3, 8, 8), 255, dtype=torch.uint8)
    prompts = torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(1))
    sampling = Sampling(steps=2, guidance=2.0, eta=1.0)
    whole, half = (
        sample_views(
            load_pipeline(written).to("cpu", dtype), pictures, prompts[None], sampling, torch.Generator().manual_seed(2)
        )
        for dtype in (torch.float32, torch.bfloat16)
    )
    assert half.dtype == torch.float32
    assert (half - whole).abs().mean() < 0.02


def test_a_written_network_is_read_as_it_was(written, tmp_path):
    unet = load_unet(written / "unet")
    write_unet(tmp_path / "unet", unet)
    read = load_unet(tmp_path / "unet")
    assert read.released_config == unet.released_config
    assert read.state_dict().keys() == unet.state_dict().keys()
    assert all(torch.equal(tensor, unet.state_dict()[name]) for name, tensor in read.state_dict().items())
    assert json.loads((tmp_path / "unet" / "config.json").read_text()) == TINY_UNET


def test_half_precision_on_disk_is_read_as_float32(folder):
    path = folder / "vae" / WEIGHTS
    tensors = {name: tensor.half() for name, tensor in load_file(path).items()}
    save_file(tensors, path)
    vae = load_pipeline(folder).vae
    assert {parameter.dtype for parameter in vae.parameters()} == {torch.float32}
    assert torch.equal(vae.get_parameter("quant_conv.weight"), tensors["quant_conv.weight"].float())


def test_bin_files_are_read_as_tensors_alone(folder):
    path = folder / "unet" / WEIGHTS
    tensors = load_file(path)
    path.unlink()
    torch.save(tensors, path.with_suffix(".bin"))
    assert torch.equal(load_unet(folder / "unet").conv_in.weight, tensors["conv_in.weight"])
    torch.save({"state": Path("anything")}, path.with_suffix(".bin"))
    with pytest.raises(ValueError, match="tensors alone"):
        load_unet(folder / "unet")


def test_every_tensor_that_differs_is_named(folder):
    path = folder / "unet" / WEIGHTS
    tensors = load_file(path)
    tensors["norm_joint_mid.weight"] = torch.zeros(3)
    tensors["conv_in.weight"] = tensors["conv_in.weight"][:, :4].contiguous()
    tensors["conv_out.bias"] = torch.full((4,), torch.nan)
    del tensors["conv_norm_out.weight"]
    save_file(tensors, path)
    with pytest.raises(ValueError, match="4 tensors") as error:
        load_pipeline(folder)
    for told in (
        str(path),
        "not of this network: norm_joint_mid.weight [3]",
        "conv_in.weight is [8, 4, 3, 3], expected [8, 8, 3, 3]",
        "not finite: conv_out.bias",
        "missing: conv_norm_out.weight",
    ):
        assert told in str(error.value)


@pytest.mark.parametrize("part", ["unet", "vae", "image_encoder", "image_normalizer"])
def test_missing_weights_are_named(folder, part):
    for path in (folder / part).glob("*.safetensors"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{part}: no weights"):
        load_pipeline(folder)


@pytest.mark.parametrize(
    ("file", "changes", "told"),
    [
        ("unet/config.json", {"cd_attention_mid": True}, "cd_attention_mid"),
        ("unet/config.json", {"addition_downsample": True}, "addition_downsample"),
        ("vae/config.json", {"shift_factor": 0.1}, "shift_factor is 0.1, expected None"),
        ("vae/config.json", {"depth": 3}, r"unknown keys \['depth'\]"),
        ("vae/config.json", {"_class_name": "AutoencoderTiny"}, "_class_name is 'AutoencoderTiny'"),
        ("scheduler/scheduler_config.json", {"prediction_type": "epsilon"}, "prediction_type is 'epsilon'"),
        ("scheduler/scheduler_config.json", {"_class_name": "PNDMScheduler"}, "_class_name is 'PNDMScheduler'"),
        ("image_encoder/config.json", {"architectures": ["CLIPModel"]}, "architectures"),
        ("feature_extractor/preprocessor_config.json", {"do_flip": True}, "do_flip"),
        ("model_index.json", {"unet": ["diffusers", "UNet2DConditionModel"]}, "UNet2DConditionModel"),
        ("model_index.json", {"safety_checker": ["a", "b"]}, "safety_checker"),
        ("unet/config.json", {"cross_attention_dim": 16}, "to_k.weight is"),
        ("feature_extractor/preprocessor_config.json", {"crop_size": {"height": 9, "width": 9}}, "crop_size"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(folder, file, changes, told):
    change(folder / file, changes)
    with pytest.raises(ValueError, match=told):
        load_pipeline(folder)


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("scheduler/scheduler_config.json", "prediction_type"),
        ("vae/config.json", "scaling_factor"),
        ("vae/config.json", "_class_name"),
        ("image_encoder/config.json", "projection_dim"),
        ("model_index.json", "vae"),
    ],
)
def test_a_key_that_decides_must_be_there(folder, file, key):
    change(folder / file, {}, without=key)
    with pytest.raises(ValueError, match=f"{key} is absent"):
        load_pipeline(folder)
