"""Tensors and their recipe go through one file unchanged; what does not fit is told all at once."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mouse_facelift.formats.tensors import (
    differences,
    load_exactly,
    read_recipe,
    read_safetensors,
    require_tensors,
    write_tensors,
)


def test_tensors_and_recipe_are_read_as_written(tmp_path):
    path = tmp_path / "a.safetensors"
    tensors = {"b": torch.arange(6.0).reshape(2, 3).T, "a": torch.zeros(2, dtype=torch.float16)}
    write_tensors(path, tensors, {"part": {"rank": 2, "names": ["x"]}})
    recipe, read = read_recipe(path, "part", ("names", "rank"))
    assert recipe == {"rank": 2, "names": ["x"]}
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[name], tensors[name]) for name in tensors)
    assert read_safetensors(path).keys() == tensors.keys()
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        (None, r"no 'part' recipe in it; found \[\]"),
        ({"other": "{}"}, r"no 'part' recipe in it; found \['other'\]"),
        ({"part": "{"}, "its 'part' recipe is no JSON"),
        ({"part": "[2]"}, r"recipe is \[2\], expected the keys \['rank'\]"),
        ({"part": '{"rank": 2, "scale": 1}'}, r"expected the keys \['rank'\]"),
    ],
)
def test_other_recipes_are_refused(tmp_path, metadata, told):
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors", metadata)
    with pytest.raises(ValueError, match=rf"a\.safetensors: .*{told}"):
        read_recipe(tmp_path / "a.safetensors", "part", ("rank",))


def test_every_difference_is_listed():
    expected = {"a": torch.zeros(2), "b": torch.zeros(2, 2), "c": torch.zeros(1), "d": torch.zeros(3)}
    found = {"b": torch.zeros(4), "c": torch.zeros(1, dtype=torch.int64), "d": torch.tensor([0, torch.inf, torch.nan])}
    assert differences(expected, found | {"e": torch.zeros(1)}) == [
        "missing: a [2]",
        "not of this network: e [1]",
        "shape: b is [4], expected [2, 2]",
        "type: c is torch.int64, expected floating point",
        "not finite: d, in 2 of 3 numbers",
    ]


def test_a_network_without_numbers_gets_copies():
    with torch.device("meta"):
        network = nn.Linear(2, 2)
    tensors = {"weight": torch.ones(2, 2, dtype=torch.float16), "bias": torch.zeros(2)}
    load_exactly(network, tensors, "here")
    tensors["bias"].fill_(7)
    assert torch.equal(network(torch.ones(2)), torch.full((2,), 2.0))
    with pytest.raises(ValueError, match=r"here: 1 tensors do not fit the configured network\n  missing: bias \[2\]"):
        load_exactly(network, {"weight": torch.ones(2, 2)}, "here")


def test_other_content_than_tensors_is_refused():
    assert require_tensors({"a": torch.zeros(1)}, "here").keys() == {"a"}
    for content in ([torch.zeros(1)], {"a": 1}, None):
        with pytest.raises(ValueError, match="here must map names to tensors"):
            require_tensors(content, "here")
