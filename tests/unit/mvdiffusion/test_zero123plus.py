"""Zero123++ loads as published, part by part; its self-attention looks at the reference and nowhere else."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.schedulers.scheduling_euler_ancestral_discrete import EulerAncestralDiscreteScheduler
from safetensors.torch import load_file, save_file

from mouse_facelift.mvdiffusion.generators import MultiViewGenerator, load_zero123plus
from mouse_facelift.mvdiffusion.generators.rigs import sv3d_rig, zero123plus_rig
from mouse_facelift.mvdiffusion.generators.zero123plus import generator as drawing
from mouse_facelift.mvdiffusion.generators.zero123plus.attention import attend_to_reference
from mouse_facelift.mvdiffusion.generators.zero123plus.generator import (
    Conditions,
    Zero123PlusGenerator,
    Zero123PlusSampling,
    cut_tiles,
    denoise,
    predict,
    prepare_conditions,
)
from tests.unit.mvdiffusion.released import change
from tests.unit.mvdiffusion.tiny_generators import TOKENS, WIDTH, disc, write_zero123plus

SAMPLING = Zero123PlusSampling(steps=3, guidance=4.0)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("zero123plus")
    write_zero123plus(folder)
    return folder


@pytest.fixture
def folder(written, tmp_path) -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(written, tmp_path / "zero123plus"))


@pytest.fixture(scope="module")
def generator(written) -> Zero123PlusGenerator:
    return Zero123PlusGenerator(load_zero123plus(written), "v1.2", SAMPLING, distance=4.0, tile=16)


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def test_the_unet_at_full_size_has_the_tensors_of_stable_diffusion_2():
    """In the words of the stock class, whose defaults are Stable Diffusion 1's; without labels of FaceLift's kind."""
    full = {"attention_head_dim": [5, 10, 20, 20], "cross_attention_dim": 1024, "use_linear_projection": True}
    with torch.device("meta"):
        stock = UNet2DConditionModel(**full, sample_size=96)
        expected = {name: tensor.shape for name, tensor in stock.state_dict().items()}
        attend_to_reference(stock)
    assert {name: tensor.shape for name, tensor in stock.state_dict().items()} == expected
    assert len(expected) == 686
    assert sum(shape.numel() for shape in expected.values()) == 865_910_724
    assert sum(name.endswith("attn1.to_q.weight") for name in expected) == 16
    assert expected["conv_in.weight"] == (320, 4, 3, 3)


def test_views_are_drawn_by_the_seed_alone(generator):
    assert isinstance(generator, MultiViewGenerator)
    views, again, other = (generator.generate(disc(), seed(number)) for number in (1, 1, 2))
    assert torch.equal(views.pictures, again.pictures)
    assert not torch.equal(views.pictures, other.pictures)
    assert views.pictures.shape == (6, 3, 16, 16)
    assert views.background == (0.5, 0.5, 0.5)
    assert views.reference_row is None
    assert torch.equal(views.cameras.camera_to_world, zero123plus_rig("v1.2", 4.0, 16).cameras.camera_to_world)


def test_its_own_cameras_may_be_wanted_and_no_others(generator):
    own = zero123plus_rig("v1.2", 4.0, 16).cameras
    views = generator.generate(disc(), seed(1), own)
    assert torch.equal(views.pictures, generator.generate(disc(), seed(1)).pictures)
    with pytest.raises(ValueError, match=r"Zero123\+\+ v1.2 cannot follow camera 0: it stands off the orbit by -2"):
        generator.generate(disc(), seed(1), sv3d_rig((0.0,) * 6, (0.0,) * 6, 16).cameras)


def test_another_reference_gives_other_views(generator):
    views, other = (generator.generate(disc(color=color), seed(1)) for color in ((200, 60, 30), (30, 60, 200)))
    assert (views.pictures - other.pictures).abs().max() > 1e-3


def test_alone_the_network_is_the_stock_one(written):
    torch.manual_seed(1)
    stock = UNet2DConditionModel.from_pretrained(written / "unet")
    parts = load_zero123plus(written)
    inputs = (torch.randn(2, 4, 8, 8), 500, torch.randn(2, TOKENS, WIDTH))
    with torch.no_grad():
        assert torch.equal(parts.unet(*inputs).sample, stock(*inputs).sample)
        assert set(parts.reference.tokens) == {name for name in stock.attn_processors if "attn1" in name}


@torch.no_grad()
def test_self_attention_looks_at_the_reference_of_its_own_row(written):
    torch.manual_seed(2)
    parts = load_zero123plus(written)
    noisy, reference = torch.randn(2, 4, 8, 8), torch.randn(2, 4, 8, 8)
    prompts, timestep = torch.randn(2, TOKENS, WIDTH), torch.tensor(500.0)
    alone = parts.unet(noisy, timestep, prompts).sample
    # A reference that is the picture itself: every token stands twice, which changes no average.
    torch.testing.assert_close(predict(parts, noisy, noisy, timestep, prompts), alone, rtol=1e-4, atol=1e-5)
    seen = predict(parts, noisy, reference, timestep, prompts)
    assert (seen - alone).abs().max() > 1e-3
    other = reference.clone()
    other[1] += 1
    changed = (predict(parts, noisy, other, timestep, prompts) - seen).abs().flatten(1).amax(1)
    assert changed[0] < 1e-6
    assert changed[1] > 1e-4
    assert parts.reference.tokens == {}
    # Another size than the picture's is what the official reference has.
    assert predict(parts, noisy, reference[:, :, :4, :4], timestep, prompts).shape == noisy.shape


def test_the_embedding_is_ramped_into_the_empty_prompt(generator):
    picture = disc().over((0.5, 0.5, 0.5), 16)
    told = prepare_conditions(generator.parts, picture, 4.0, seed(0))
    empty, conditional = told.prompts
    torch.testing.assert_close(empty, generator.parts.empty_prompt)
    added = conditional - empty
    ramp = torch.linspace(0, 1, TOKENS)[:, None]
    torch.testing.assert_close(added, ramp * added[-1])
    assert added[-1].abs().max() > 1e-3
    assert told.references.shape == (2, 4, 4, 4)
    alone = prepare_conditions(generator.parts, picture, 1.0, seed(0))
    assert len(alone.prompts) == len(alone.references) == 1


def test_tiles_stand_in_two_columns_and_three_rows():
    picture = torch.arange(6.0).reshape(3, 2).repeat_interleave(4, 0).repeat_interleave(4, 1).expand(3, 12, 8)
    assert [float(tile.unique()) for tile in cut_tiles(picture)] == [0, 1, 2, 3, 4, 5]


def test_every_tensor_that_differs_is_named(folder):
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    tensors["class_embedding.linear_1.weight"] = torch.zeros(3)
    del tensors["conv_norm_out.weight"]
    tensors["conv_in.bias"] = tensors["conv_in.bias"][:3].clone()
    save_file(tensors, path)
    with pytest.raises(ValueError, match="3 tensors") as error:
        load_zero123plus(folder)
    for told in ("class_embedding.linear_1.weight", "missing: conv_norm_out.weight", "conv_in.bias is [3]"):
        assert told in str(error.value)


@pytest.mark.parametrize("part", ["unet", "vae", "vision_encoder", "text_encoder"])
def test_missing_weights_are_named(folder, part):
    for path in (folder / part).glob("*.safetensors"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{part}: no weights"):
        load_zero123plus(folder)


@pytest.mark.parametrize(
    ("file", "changes", "told"),
    [
        ("model_index.json", {"_class_name": "StableDiffusionPipeline"}, "StableDiffusionPipeline"),
        ("model_index.json", {"controlnet": ["a", "b"]}, "controlnet"),
        ("model_index.json", {"ramping_coefficients": None}, "ramping_coefficients"),
        ("model_index.json", {"ramping_coefficients": [0.5] * 3}, f"ramping_coefficients: {TOKENS} and 3"),
        ("unet/config.json", {"in_channels": 8}, "in_channels is 8, expected 4"),
        ("unet/config.json", {"class_embed_type": "projection"}, "class_embed_type is 'projection'"),
        ("unet/config.json", {"views": 6}, r"unknown keys \['views'\]"),
        ("unet/config.json", {"cross_attention_dim": 16}, "to_k.weight is"),
        ("scheduler/scheduler_config.json", {"prediction_type": "epsilon"}, "prediction_type is 'epsilon'"),
        ("scheduler/scheduler_config.json", {"_class_name": "DDIMScheduler"}, "DDIMScheduler"),
        ("feature_extractor_clip/preprocessor_config.json", {"crop_size": {"height": 9, "width": 9}}, "crop_size"),
        ("feature_extractor_vae/preprocessor_config.json", {"do_rescale": False}, "do_rescale is False"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(folder, file, changes, told):
    change(folder / file, changes)
    with pytest.raises(ValueError, match=told):
        load_zero123plus(folder)


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("model_index.json", "ramping_coefficients"),
        ("unet/config.json", "attention_head_dim"),
        ("scheduler/scheduler_config.json", "beta_schedule"),
    ],
)
def test_a_key_that_decides_must_be_there(folder, file, key):
    change(folder / file, {}, without=key)
    with pytest.raises(ValueError, match=f"{key} is absent"):
        load_zero123plus(folder)


def test_timesteps_are_trailing_whatever_is_stored(folder):
    change(folder / "scheduler" / "scheduler_config.json", {"timestep_spacing": "linspace"})
    scheduler = load_zero123plus(folder).scheduler
    scheduler.set_timesteps(4)
    assert scheduler.timesteps.tolist() == [999, 749, 499, 249]


def test_what_older_libraries_stored_is_read(folder):
    """Attention of the autoencoder had other names, and CLIP's counted positions were stored."""
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    for new, old in {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}.items():
        tensors = {name.replace(f".{new}.", f".{old}."): tensor for name, tensor in tensors.items()}
    assert any(".query." in name for name in tensors)
    save_file(tensors, path)
    for part, prefix, count in (("vision_encoder", "vision_model", 5), ("text_encoder", "text_model", TOKENS)):
        path = folder / part / "model.safetensors"
        positions = {f"{prefix}.embeddings.position_ids": torch.arange(count)[None]}
        save_file(load_file(path) | positions, path)
    load_zero123plus(folder)
    positions[f"{prefix}.embeddings.position_ids"] += 1
    save_file(load_file(path) | positions, path)
    with pytest.raises(ValueError, match="position_ids is no count"):
        load_zero123plus(folder)


@torch.no_grad()
def test_the_steps_are_those_of_the_stock_pipeline(written, monkeypatch):
    """The official pipeline is the stock one with a UNet that looks at the reference; here without its noise."""
    parts = load_zero123plus(written)
    torch.manual_seed(3)
    told = Conditions(torch.randn(2, TOKENS, WIDTH), torch.randn(2, 4, 4, 4))
    sampling = Zero123PlusSampling(steps=4, guidance=4.0)

    def first_latents_alone(shape, device, generator):
        return torch.zeros(shape) if shape[0] == 2 else torch.randn(shape, generator=generator)

    monkeypatch.setattr(drawing, "draw", first_latents_alone)
    latents = denoise(parts, told, sampling, (12, 8), seed(4))

    class Looking(UNet2DConditionModel):
        def forward(self, sample, timestep, encoder_hidden_states, **_):
            references = scheduler.scale_model_input(told.references, timestep)
            return (predict(parts, sample, references, timestep, encoder_hidden_states),)

    scheduler = EulerAncestralDiscreteScheduler.from_config(parts.scheduler.config)
    unet = Looking.from_pretrained(written / "unet")
    pipeline = StableDiffusionPipeline(
        parts.vae, None, None, unet, scheduler, None, parts.feature_extractor_clip, requires_safety_checker=False
    )
    expected = pipeline(
        prompt_embeds=told.prompts[1:],
        negative_prompt_embeds=told.prompts[:1],
        guidance_scale=4.0,
        num_inference_steps=4,
        height=24,
        width=16,
        generator=seed(4),
        output_type="latent",
    ).images
    torch.testing.assert_close(latents, expected, rtol=1e-4, atol=1e-4)


def test_half_precision_draws_views(written):
    parts = load_zero123plus(written).to("cpu", torch.bfloat16)
    views = Zero123PlusGenerator(parts, "v1.1", SAMPLING, distance=4.0, tile=16).generate(disc(), seed(1))
    assert views.pictures.dtype == torch.float32


def test_tiles_that_are_no_whole_latents_are_refused(generator):
    with pytest.raises(ValueError, match="15 px are no multiple of 2"):
        Zero123PlusGenerator(generator.parts, "v1.2", SAMPLING, distance=4.0, tile=15)


def test_the_ramp_is_read_as_it_stands(written):
    stored = json.loads((written / "model_index.json").read_text())["ramping_coefficients"]
    assert load_zero123plus(written).ramp.tolist() == pytest.approx(stored)
