"""Prompt embeddings, one for each view: the only thing that tells the released network which view it draws.

Rule `write_prompts` makes them where a start has a text encoder and no file of them.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Float16, Float32, Int
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from mouse_facelift.formats.tensors import load_exactly, read_torch_file
from mouse_facelift.formats.whole import whole_file
from mouse_facelift.mvdiffusion.stored import built_from, expect, read_json, refuse_unknown
from mouse_facelift.mvdiffusion.weights import TRANSFORMERS_FILES, read_tensors, without_positions

RELEASED_VIEWS = ("front", "front_right", "right", "back", "left", "front_left")
"""The released views in order; `right` is the subject's right side."""

RELEASED_PROMPTS = tuple(f"a rendering image of 3D models, {view} view, color map." for view in RELEASED_VIEWS)

_TOKENIZER_FILES = ("vocab.json", "merges.txt", "tokenizer_config.json")


def read_prompt_embeddings(path: Path, views: int, width: int) -> Float[Tensor, "view token width"]:
    """Read the embeddings of the prompts of so many views, as wide as the network's cross-attention; in float32.

    The file holds one tensor, as the released one and those of `write_prompt_embeddings` do.

    Raises FileNotFoundError without the file, and ValueError for another count, width or kind of numbers.
    """
    embeddings = read_torch_file(path)
    if not isinstance(embeddings, Tensor) or not embeddings.is_floating_point():
        found = embeddings.dtype if isinstance(embeddings, Tensor) else type(embeddings).__name__
        raise ValueError(f"{path}: found {found}, expected one tensor of floating point numbers")
    if embeddings.ndim != 3 or (embeddings.shape[0], embeddings.shape[2]) != (views, width):
        raise ValueError(
            f"{path}: prompt embeddings are {list(embeddings.shape)}, expected [{views} views, tokens, {width} wide]"
        )
    if not (finite := embeddings.isfinite()).all():
        raise ValueError(f"{path}: {int((~finite).sum())} of {embeddings.numel()} numbers are not finite")
    return embeddings.float()


def write_prompt_embeddings(path: Path, embeddings: Float[Tensor, "view token width"]) -> None:
    """Write prompt embeddings as the released file has them: one tensor in half precision."""
    content = io.BytesIO()  # in a file, `torch.save` would write the file's passing name as well
    torch.save(embeddings.to(torch.float16), content)
    with whole_file(path) as partial:
        partial.write_bytes(content.getvalue())


def prompts_for(
    embeddings: Float[Tensor, "released token width"],
    nearest: Int[Tensor, "object view"],
    averaged: Bool[Tensor, " object"] | None = None,
) -> Float[Tensor, "object view token width"]:
    """The prompt embedding of every view of objects whose poses are told by rays.

    Each view gets that of its nearest released view (`canonical.nearest_released_views`), the first that of the
    front: it is the reference, wherever the camera stands. All views of the objects that are `averaged` get the mean
    of all released embeddings, so that nothing but rays tells them apart.

    Raises ValueError if an object's first view is not its reference, or there is no such released view.
    """
    if bool((nearest[:, 0] != 0).any()):
        raise ValueError(
            f"nearest released views of first views: found {nearest[:, 0].tolist()}, expected 0, the front"
        )
    if not 0 <= int(nearest.min()) <= int(nearest.max()) < len(embeddings):
        raise ValueError(f"nearest released views {nearest.tolist()}: expected 0 to {len(embeddings) - 1}")
    chosen = embeddings[nearest.to(embeddings.device)]
    if averaged is None:
        return chosen
    mean = embeddings.mean(dim=0).expand_as(chosen)
    return torch.where(averaged.to(embeddings.device)[:, None, None, None], mean, chosen)


def write_prompts(folder: Path, prompts: Path) -> None:
    """Embed the six prompts of the released views by the text encoder of a `pipeckpts/` folder, and write the file.

    Raises as `embed_texts`.
    """
    write_prompt_embeddings(prompts, embed_prompts(folder, RELEASED_PROMPTS))


def embed_prompts(folder: Path, prompts: Sequence[str]) -> Float16[Tensor, "view token width"]:
    """Embed prompts as `embed_texts` does, in the half precision of the released file."""
    return embed_texts(folder, prompts).to(torch.float16)


@torch.no_grad()
def embed_texts(folder: Path, prompts: Sequence[str]) -> Float32[Tensor, "text token width"]:
    """Embed texts with the text encoder and tokenizer of a folder that holds both, as `pipeckpts/` does.

    Each embedding is the encoder's last hidden state, of the prompt padded to the encoder's whole length.

    Raises FileNotFoundError for a file of `text_encoder/` or `tokenizer/` that is absent, and ValueError for what does
    not fit in them or for a prompt that is too long.
    """
    encoder = load_text_encoder(folder / "text_encoder")
    tokenizer = _load_tokenizer(folder / "tokenizer")
    length: int = encoder.config.max_position_embeddings
    padded = tokenizer(list(prompts), padding="max_length", max_length=length).input_ids
    if too_long := [prompt for prompt, tokens in zip(prompts, padded, strict=True) if len(tokens) > length]:
        raise ValueError(f"prompts of more than {length} tokens: {too_long}")
    embeddings: Tensor = encoder(torch.tensor(padded)).last_hidden_state
    return embeddings


def load_text_encoder(folder: Path) -> CLIPTextModel:
    """Load a CLIP text encoder, in float32 and evaluation mode.

    Raises FileNotFoundError without its files, and ValueError that names every key or tensor that does not fit.
    """
    path = folder / "config.json"
    content = read_json(path)
    required = (
        *("architectures", "hidden_act", "hidden_size", "intermediate_size", "layer_norm_eps"),
        *("max_position_embeddings", "num_attention_heads", "num_hidden_layers", "vocab_size"),
    )
    refuse_unknown(path, content, {*CLIPTextConfig().to_dict(), "torch_dtype", "dropout"})
    only = {"architectures": ["CLIPTextModel"], "model_type": "clip_text_model", "dropout": 0.0}
    expect(path, content, required, only)
    arguments = {key: value for key, value in content.items() if key not in {"torch_dtype", "dropout"}}
    with built_from(path):
        encoder = CLIPTextModel(CLIPTextConfig(**arguments))
    source, tensors = read_tensors(folder, TRANSFORMERS_FILES)
    # transformers 4 wrote every name under `text_model.`, transformers 5 knows them without.
    tensors = without_positions(tensors, str(source))
    load_exactly(encoder, {name.removeprefix("text_model."): tensor for name, tensor in tensors.items()}, str(source))
    return encoder.eval()


def _load_tokenizer(folder: Path) -> CLIPTokenizer:
    if absent := [name for name in _TOKENIZER_FILES if not (folder / name).is_file()]:
        raise FileNotFoundError(f"{folder}: no {', '.join(absent)}")
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)
