"""The multi-view UNet: the released sizes, and what it refuses."""

import pytest
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from mouse_facelift.mvdiffusion.config import read_unet_config
from mouse_facelift.mvdiffusion.unet import MultiviewUnet
from tests.unit.mvdiffusion.released import RELEASED_UNET, TINY_UNET


def test_the_released_size_has_the_tensors_of_the_stock_network_but_for_its_input_channels():
    config = read_unet_config(RELEASED_UNET)
    with torch.device("meta"):
        found = {name: tensor.shape for name, tensor in MultiviewUnet(config).state_dict().items()}
        # SD-2.1-unclip in the words of the stock class, whose defaults are Stable Diffusion 1's.
        stock = UNet2DConditionModel(
            sample_size=64,
            attention_head_dim=[5, 10, 20, 20],
            cross_attention_dim=1024,
            use_linear_projection=True,
            class_embed_type="projection",
            projection_class_embeddings_input_dim=2048,
        )
    expected = {name: tensor.shape for name, tensor in stock.state_dict().items()}
    assert len(found) == 690
    assert sum(shape.numel() for shape in found.values()) == 870_184_644
    assert list(found) == list(expected)
    assert {name for name in found if found[name] != expected[name]} == {"conv_in.weight"}
    assert found["conv_in.weight"] == (320, 8, 3, 3)
    assert sum(name.endswith("attn1.to_q.weight") for name in found) == 16


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("cd_attention_last", True),
        ("cd_attention_mid", True),
        ("addition_downsample", True),
        ("selfattn_block", "self_rowwise"),
        ("only_cross_attention", True),
        ("in_channels", 4),
        ("class_embed_type", None),
        ("_class_name", "UNet2DConditionModel"),
        ("down_block_types", ["CrossAttnDownBlock2D", "DownBlock2D"]),
        ("num_views", 0),
        ("attention_head_dim", [2]),
        ("rowwise_attention", True),
    ],
)
def test_a_flag_that_is_not_supported_is_refused_by_name(flag, value):
    with pytest.raises(ValueError, match=flag):
        read_unet_config(TINY_UNET | {flag: value})


def test_a_missing_key_is_named():
    with pytest.raises(ValueError, match="sparse_mv_attention"):
        read_unet_config({key: value for key, value in TINY_UNET.items() if key != "sparse_mv_attention"})


@pytest.mark.parametrize(
    ("multiview", "sparse", "attention"),
    [(True, True, "sparse"), (True, False, "dense"), (False, True, "single"), (False, False, "single")],
)
def test_flags_say_what_the_network_attends_to(multiview, sparse, attention):
    flags = {"multiview_attention": multiview, "sparse_mv_attention": sparse}
    assert read_unet_config(TINY_UNET | flags).attention == attention


def test_rows_that_are_no_whole_objects_are_refused():
    unet = MultiviewUnet(read_unet_config(TINY_UNET))
    inputs = (torch.zeros(6, 8, 4, 4), 1, torch.zeros(6, 3, 12), torch.zeros(6, 20))
    with pytest.raises(ValueError, match=r"6 rows .* 4 views"):
        unet(*inputs, views=4)
    assert unet(*inputs, views=2).sample.shape == (6, 4, 4, 4)


@pytest.mark.parametrize(
    ("prompt", "labels", "told"), [(16, 20, "prompt embeddings are 16"), (12, 24, "labels are 24")]
)
def test_conditions_of_another_width_are_refused(prompt, labels, told):
    unet = MultiviewUnet(read_unet_config(TINY_UNET))
    with pytest.raises(ValueError, match=told):
        unet(torch.zeros(6, 8, 4, 4), 1, torch.zeros(6, 3, prompt), torch.zeros(6, labels))


def test_another_attention_is_refused():
    unet = MultiviewUnet(read_unet_config(TINY_UNET))
    # A TypeError where shapes and types are checked, as under these tests.
    with pytest.raises((ValueError, TypeError), match="attention"):
        unet(torch.zeros(6, 8, 4, 4), 1, torch.zeros(6, 3, 12), torch.zeros(6, 20), attention="rowwise")
