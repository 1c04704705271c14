"""The exact codec, and generators that start from nothing."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mouse_facelift.formats.whole import sha256
from mouse_facelift.mvdiffusion.codec import SpaceToDepth, read_codec
from mouse_facelift.mvdiffusion.conditioning import decode_latents, encode_pictures
from mouse_facelift.mvdiffusion.fresh import fresh_prompts, require_divisible, write_fresh_generator
from mouse_facelift.mvdiffusion.loading import load_pipeline
from mouse_facelift.mvdiffusion.prompts import read_prompt_embeddings
from tests.unit.mvdiffusion.released import change
from tests.unit.mvdiffusion.tiny_generation import SIZE


@given(factor=st.sampled_from([1, 2, 4]), scale=st.floats(0.1, 10), seed=st.integers(0, 2**31))
def test_nothing_is_lost(factor: int, scale: float, seed: int) -> None:
    codec = SpaceToDepth(_class_name="SpaceToDepth", factor=factor, scale=scale)
    pictures = torch.rand(2, 3, 8, 16, generator=torch.Generator().manual_seed(seed))
    latents = codec.encode(pictures)
    assert latents.shape == (2, codec.latent_channels, 8 // factor, 16 // factor)
    torch.testing.assert_close(codec.decode(latents), pictures, rtol=0, atol=2e-6)
    assert (codec.encode(torch.ones(1, 3, 8, 8)) == 0).all()


def test_a_fresh_folder_is_loaded_as_a_released_one_and_follows_from_its_seed(tmp_path) -> None:
    def write(name: str, seed: int) -> dict[str, str]:
        home = tmp_path / name
        home.mkdir()
        size = SIZE.model_copy(update={"seed": seed})
        write_fresh_generator(home / "pipeckpts", home / "prompts.pt", size, 16)
        return {str(path.relative_to(home)): sha256(path) for path in home.rglob("*") if path.is_file()}

    torch.manual_seed(5)
    first = write("first", 0)
    torch.manual_seed(6)
    assert write("again", 0) == first
    other = write("other", 1)
    assert other["pipeckpts/unet/diffusion_pytorch_model.safetensors"] not in first.values()
    pipeline = load_pipeline(tmp_path / "first" / "pipeckpts")
    assert pipeline.pixels_per_latent == 2
    assert pipeline.latent_channels == 12
    pictures = torch.rand(2, 3, 16, 16)
    encoded = encode_pictures(pipeline, pictures)
    assert (encoded.std == 0).all()
    torch.testing.assert_close(decode_latents(pipeline, encoded.mode), pictures, rtol=0, atol=2e-6)
    prompts = read_prompt_embeddings(tmp_path / "first" / "prompts.pt", 6, 8)[:, 0]
    torch.testing.assert_close(prompts @ prompts.T, 8 * torch.eye(6), rtol=0, atol=0.05)


def test_prompts_stand_at_right_angles() -> None:
    prompts = fresh_prompts(6, 32)[:, 0]
    torch.testing.assert_close(prompts @ prompts.T, 32 * torch.eye(6), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"codec_factor": 3}, "pictures of 16 px are no multiple of 6 px"),
        ({"widths": (16, 20)}, r"widths: \[20\] are no multiples of head_width, 8"),
        ({"text_width": 5}, "text_width: found 5, expected at least 6"),
    ],
)
def test_sizes_that_cannot_be_divided_are_refused(changes, words) -> None:
    with pytest.raises(ValueError, match=words):
        require_divisible(SIZE.model_copy(update=changes), 16)


def test_a_changed_codec_is_refused_by_name(tmp_path) -> None:
    write_fresh_generator(tmp_path / "pipeckpts", tmp_path / "prompts.pt", SIZE, 16)
    path = tmp_path / "pipeckpts" / "vae" / "config.json"
    change(path, {"surprise": 1}, without="scale")
    with pytest.raises(ValueError, match=r"vae/config.json(.|\n)*scale(.|\n)*surprise"):
        load_pipeline(tmp_path / "pipeckpts")
    with pytest.raises(ValueError, match="factor"):
        read_codec(path, json.loads(path.read_text()) | {"factor": 0, "scale": 1.0})
