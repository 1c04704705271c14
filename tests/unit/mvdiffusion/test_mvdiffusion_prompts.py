"""Prompt embeddings are read as they are, or made by a text encoder."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

from mouse_facelift.mvdiffusion.prompts import (
    RELEASED_PROMPTS,
    embed_prompts,
    prompts_for,
    read_prompt_embeddings,
    write_prompt_embeddings,
)
from tests.unit.mvdiffusion.released import change

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def encoder() -> CLIPTextModel:
    torch.manual_seed(0)
    return CLIPTextModel(
        CLIPTextConfig(
            hidden_size=8,
            intermediate_size=16,
            max_position_embeddings=77,
            num_attention_heads=2,
            num_hidden_layers=1,
            vocab_size=2 + 2 * len(LETTERS),
        )
    ).eval()


@pytest.fixture
def folder(tmp_path, encoder) -> Path:
    """Text encoder and tokenizer in the released layout; the tokenizer knows single letters."""
    (tmp_path / "text_encoder").mkdir()
    (tmp_path / "tokenizer").mkdir()
    config = encoder.config.to_dict() | {"architectures": ["CLIPTextModel"]}
    (tmp_path / "text_encoder" / "config.json").write_text(json.dumps(config))
    tensors = {f"text_model.{name}": tensor for name, tensor in encoder.state_dict().items()}
    save_file(tensors, tmp_path / "text_encoder" / "model.safetensors")
    words = ["<|startoftext|>", "<|endoftext|>", *LETTERS, *(f"{letter}</w>" for letter in LETTERS)]
    vocabulary = {word: number for number, word in enumerate(words)}
    (tmp_path / "tokenizer" / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "tokenizer" / "merges.txt").write_text("#version: 0.2\n")
    (tmp_path / "tokenizer" / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "unk_token": "<|endoftext|>"})
    )
    return tmp_path


def test_embeddings_are_the_last_hidden_state_of_the_whole_length(folder, encoder):
    embeddings = embed_prompts(folder, ["ab", "b a"])
    letter = {letter: 2 + number for number, letter in enumerate(LETTERS)}
    last = {letter: 2 + len(LETTERS) + number for number, letter in enumerate(LETTERS)}
    tokens = torch.ones(2, 77, dtype=torch.long)
    tokens[:, 0] = 0
    tokens[0, 1:3] = torch.tensor([letter["a"], last["b"]])
    tokens[1, 1:3] = torch.tensor([last["b"], last["a"]])
    with torch.no_grad():
        expected = encoder(tokens).last_hidden_state.half()
    torch.testing.assert_close(embeddings, expected, rtol=0, atol=1e-3)


def test_embeddings_come_back_from_their_file(folder, tmp_path):
    embeddings = embed_prompts(folder, RELEASED_PROMPTS[:2])
    write_prompt_embeddings(tmp_path / "prompts.pt", embeddings)
    read = read_prompt_embeddings(tmp_path / "prompts.pt", views=2, width=8)
    assert read.dtype == torch.float32
    assert torch.equal(read, embeddings.float())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (torch.zeros(6, 77, 768), r"\[6, 77, 768\], expected \[6 views, tokens, 1024 wide\]"),
        (torch.zeros(5, 77, 1024), r"\[5, 77, 1024\], expected \[6 views"),
        (torch.zeros(77, 1024), r"\[77, 1024\]"),
        (torch.full((6, 7, 1024), torch.inf), "not finite"),
        (torch.zeros(6, 77, 1024, dtype=torch.long), "int64"),
        ({"embeddings": torch.zeros(6, 77, 1024)}, "dict"),
        (Path("prompts"), "tensors alone"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path, content, told):
    torch.save(content, tmp_path / "prompts.pt")
    with pytest.raises(ValueError, match=told):
        read_prompt_embeddings(tmp_path / "prompts.pt", views=6, width=1024)


def test_a_missing_file_is_no_zeros(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"prompts\.pt"):
        read_prompt_embeddings(tmp_path / "prompts.pt", views=6, width=1024)


def test_a_tokenizer_without_its_merges_is_refused(folder):
    (folder / "tokenizer" / "merges.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"merges\.txt"):
        embed_prompts(folder, ["a"])


def test_a_prompt_that_is_too_long_is_refused(folder):
    with pytest.raises(ValueError, match="more than 77 tokens"):
        embed_prompts(folder, ["a", "b " * 100])


def test_another_text_encoder_is_refused(folder):
    change(folder / "text_encoder" / "config.json", {"architectures": ["CLIPTextModelWithProjection"]})
    with pytest.raises(ValueError, match="CLIPTextModelWithProjection"):
        embed_prompts(folder, ["a"])


def test_posed_views_get_the_prompt_of_the_nearest_released_view_or_the_mean_of_all():
    embeddings = torch.randn(6, 5, 4, generator=torch.Generator().manual_seed(0))
    nearest = torch.tensor([[0, 4, 2, 2], [0, 0, 3, 5]])
    chosen = prompts_for(embeddings, nearest)
    assert chosen.shape == (2, 4, 5, 4)
    assert all(torch.equal(chosen[o, v], embeddings[nearest[o, v]]) for o in range(2) for v in range(4))
    averaged = prompts_for(embeddings, nearest, torch.tensor([False, True]))
    assert torch.equal(averaged[0], chosen[0])
    torch.testing.assert_close(averaged[1], embeddings.mean(dim=0).expand(4, -1, -1))


def test_the_first_view_is_the_front_always():
    with pytest.raises(ValueError, match=r"found \[0, 2\], expected 0, the front"):
        prompts_for(torch.zeros(6, 5, 4), torch.tensor([[0, 1], [2, 0]]))
    with pytest.raises(ValueError, match="expected 0 to 3"):
        prompts_for(torch.zeros(4, 5, 4), torch.tensor([[0, 4]]))
