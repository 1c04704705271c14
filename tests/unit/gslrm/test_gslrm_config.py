import json

import pytest

from mouse_facelift.gslrm import read_config
from mouse_facelift.gslrm.config import RELEASED_ACTIVATIONS


def test_a_published_config_means_the_released_activations(tiny):
    assert read_config(tiny).activations == RELEASED_ACTIVATIONS
    assert RELEASED_ACTIVATIONS.model_dump() == {
        "scale_bias": -2.3,
        "scale_cap": -1.2,
        "opacity_bias": -2.0,
        "depth_range": 1.8,
    }


def test_a_written_config_reads_back(tmp_path, tiny):
    tiny["activations"] = {"scale_bias": -3.6, "scale_cap": -1.2, "opacity_bias": -2.0, "depth_range": 1.8}
    config = read_config(tiny)
    path = tmp_path / "config.json"
    path.write_text(config.model_dump_json())
    assert read_config(path) == config
    assert json.loads(path.read_text())["activations"]["scale_bias"] == -3.6


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("", "normalize_distance_to", 2.7),
        ("transformer", "attn_dropout", 0.0),
        ("transformer", "d_head", 7),
        ("image_tokenizer", "patch_size", 5),
        ("image_tokenizer", "in_channels", 12),
        ("gaussians", "sh_degree", 1),
        ("", "hard_pixelalign", False),
        ("", "use_custom_plucker", False),
        ("", "clip_xyz_applied", True),
        ("", "activations", {"scale_bias": -3.6}),
        ("transformer", "n_layer", "2"),
    ],
)
def test_what_cannot_be_honored_is_refused(tmp_path, tiny, section, key, value):
    (tiny[section] if section else tiny)[key] = value
    path = tmp_path / "config.json"
    path.write_text(json.dumps(tiny))
    with pytest.raises(ValueError, match=key) as error:
        read_config(path)
    assert str(error.value).startswith(str(path))


def test_a_missing_switch_is_named(tiny):
    del tiny["add_refsrc_marker"]
    with pytest.raises(ValueError, match="add_refsrc_marker"):
        read_config(tiny)


def test_text_that_is_no_json_is_refused(tmp_path):
    path = tmp_path / "config.json"
    path.write_text("d: 64")
    with pytest.raises(ValueError, match=r"config\.json: no JSON"):
        read_config(path)
