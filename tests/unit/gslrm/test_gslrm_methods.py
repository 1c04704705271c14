"""Fine-tuning methods: what learns, what stays, and that adapters are what they say."""

import copy
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.whole import sha256
from mouse_facelift.gslrm import Gslrm, GslrmConfig, fresh_gslrm, load_gslrm
from mouse_facelift.gslrm.adapters import ADAPTERS_FILE, load_adapters, write_adapters
from mouse_facelift.gslrm.methods import prepare
from mouse_facelift.settings import FullFinetune, HeadsOnly, Layerwise, Lora, NoFinetune, TrainedFinetune
from mouse_facelift.training.lora import lora_tensors, merge_lora
from tests.unit.gslrm.test_gslrm_finetune import REPOSITORY, command
from tests.unit.gslrm.tiny_finetune import FINETUNE

PLAN = FINETUNE.model_dump(exclude={"method"})
HEADS = ("gaussian_upsampler", "pixel_gaussian_decoder")
LORA = Lora(method="lora", rank=2, alpha=4.0, targets=("to_qkv", "fc", "mlp"), **PLAN)
METHODS: dict[str, tuple[TrainedFinetune, tuple[str, ...]]] = {
    "heads_only": (HeadsOnly(method="heads_only", **PLAN), HEADS),
    "layerwise": (
        Layerwise(method="layerwise", frozen_blocks=1, tokens="frozen", **PLAN),
        (*HEADS, "transformer_layers.1."),
    ),
    "layerwise_with_tokens": (
        Layerwise(method="layerwise", frozen_blocks=2, tokens="trained", **PLAN),
        (*HEADS, "gaussian_position_embeddings", "view_type_embeddings"),
    ),
    "full": (FullFinetune(method="full", **PLAN), ("",)),
}


@pytest.fixture
def model(tiny: dict[str, Any]) -> Gslrm:
    """Two blocks, and markers of views."""
    return fresh_gslrm(GslrmConfig.model_validate(tiny | {"add_refsrc_marker": True}), seed=1)


def two_steps(model: Gslrm, views: dict[str, Tensor]) -> None:
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        torch.autograd.backward(model.predict_raw(**views).square().mean())
        optimizer.step()


@pytest.mark.parametrize("name", METHODS)
def test_exactly_the_named_parameters_change(model: Gslrm, views: dict[str, Tensor], name: str) -> None:
    finetune, learning = METHODS[name]
    before = copy.deepcopy(model.state_dict())
    prepare(model, finetune)
    two_steps(model, views)
    after = model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if name.startswith(learning)}


def test_without_fine_tuning_nothing_learns(model: Gslrm) -> None:
    prepare(model, NoFinetune(method="none"))
    assert not any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("targets", [("to_qkv",), ("fc", "mlp")])
def test_adapters_alone_change_and_only_at_their_targets(model: Gslrm, views, targets) -> None:
    prepare(model, LORA.model_copy(update={"targets": targets}))
    before = copy.deepcopy(model.state_dict())
    two_steps(model, views)
    after = model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == set(lora_tensors(model))
    layers = {name.split(".lora_")[0].split(".", 2)[2] for name in changed}
    places = {"to_qkv": {"attn.to_qkv"}, "fc": {"attn.fc"}, "mlp": {"mlp.mlp.0", "mlp.mlp.2"}}
    assert layers == set().union(*(places[target] for target in targets))


def test_fresh_adapters_change_nothing(model: Gslrm, views: dict[str, Tensor]) -> None:
    expected = model.predict_raw(**views)
    prepare(model, LORA)
    assert torch.equal(model.predict_raw(**views), expected)


def test_merged_adapters_predict_the_same_under_the_published_names(model: Gslrm, views: dict[str, Tensor]) -> None:
    published, untouched = list(model.state_dict()), model.predict_raw(**views)
    prepare(model, LORA)
    two_steps(model, views)
    adapted = model.predict_raw(**views)
    assert (adapted - untouched).abs().max() > 1e-3
    merge_lora(model)
    torch.testing.assert_close(model.predict_raw(**views), adapted, rtol=0, atol=1e-6)
    assert list(model.state_dict()) == published


def test_saved_adapters_load_again_to_the_same_network(model: Gslrm, views: dict[str, Tensor], tmp_path) -> None:
    start = copy.deepcopy(model)
    prepare(model, LORA)
    two_steps(model, views)
    write_adapters(tmp_path / "a.safetensors", model, LORA.rank, LORA.alpha, LORA.targets)
    load_adapters(start, tmp_path / "a.safetensors")
    assert torch.equal(start.predict_raw(**views), model.predict_raw(**views))


def test_adapters_of_another_network_and_other_files_are_refused(model: Gslrm, tiny, tmp_path) -> None:
    prepare(model, LORA)
    path = tmp_path / "a.safetensors"
    write_adapters(path, model, LORA.rank, LORA.alpha, LORA.targets)
    tiny["transformer"]["n_layer"] = 1
    with pytest.raises(
        ValueError,
        match=r"a\.safetensors: adapters of another network: 8 tensors do not fit.*\n  not of .* transformer_layers\.1",
    ):
        load_adapters(fresh_gslrm(GslrmConfig.model_validate(tiny), seed=1), path)
    (tmp_path / "b.safetensors").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"b\.safetensors: no safetensors file"):
        load_adapters(model, tmp_path / "b.safetensors")
    with pytest.raises(FileNotFoundError, match=r"c\.safetensors"):
        load_adapters(model, tmp_path / "c.safetensors")


def test_more_frozen_blocks_than_there_are_is_refused(model: Gslrm) -> None:
    with pytest.raises(ValueError, match=r"finetune\.frozen_blocks: found 3, but the network has 2 blocks"):
        prepare(model, Layerwise(method="layerwise", frozen_blocks=3, tokens="frozen", **PLAN))


@pytest.mark.parametrize(
    ("blocks", "tokens", "millions"), [(20, "trained", 51.3), (22, "frozen", 26.1), (24, "frozen", 0.93)]
)
def test_of_the_released_network_as_many_learn_as_in_the_earlier_experiments(blocks, tokens, millions, tiny) -> None:
    tiny["image_tokenizer"] |= {"image_size": 512, "patch_size": 8}
    tiny["transformer"] = {"d": 1024, "d_head": 64, "n_layer": 24}
    with torch.device("meta"):
        released = Gslrm(GslrmConfig.model_validate(tiny))
    prepare(released, Layerwise(method="layerwise", frozen_blocks=blocks, tokens=tokens, **PLAN))
    learning = sum(parameter.numel() for parameter in released.parameters() if parameter.requires_grad)
    assert learning / 1e6 == pytest.approx(millions, rel=5e-3)


RUNS = [finetune for finetune, _ in METHODS.values() if finetune.method != "full"] + [LORA]


@pytest.mark.parametrize("method", RUNS, ids=lambda method: method.method)
def test_each_method_goes_on_where_it_stopped(finetune: Callable[..., Any], method: TrainedFinetune) -> None:
    method = method.model_copy(update={"frozen_blocks": 1} if isinstance(method, Layerwise) else {})
    whole = finetune("whole", finetune=method)
    for _ in range(2):
        with pytest.raises(SystemExit):
            finetune("hurried", finetune=method.model_copy(), minutes=0)
    hurried = finetune("hurried", finetune=method)
    assert hurried.weights.read_bytes() == whole.weights.read_bytes()
    assert hurried.card.read_bytes() == whole.card.read_bytes()


def test_the_adapters_stand_beside_the_weights_they_are_merged_into(finetune, checkpoint, views) -> None:
    out = finetune("out", finetune=LORA)
    alone = out.weights.with_name(ADAPTERS_FILE)
    assert WeightsCard.read(out.card).adapters == sha256(alone)
    with safe_open(alone, "pt") as file:
        assert json.loads(file.metadata()["lora"]) == {"rank": 2, "alpha": 4.0, "targets": ["to_qkv", "fc", "mlp"]}
    start, merged = (load_gslrm(weights, checkpoint.config) for weights in (checkpoint.weights, out.weights))
    load_adapters(start, alone)
    torch.testing.assert_close(start.predict_raw(**views), merged.predict_raw(**views), rtol=0, atol=1e-6)
    before, after = load_file(checkpoint.weights), load_file(out.weights)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if ".attn." in name or ".mlp." in name}
    assert WeightsCard.read(finetune("full").card).adapters == "none"


@pytest.mark.slow
@pytest.mark.parametrize("method", RUNS[:2] + RUNS[3:], ids=lambda method: method.method)
def test_each_method_survives_a_kill(finetune, table, checkpoint, tmp_path, method: TrainedFinetune) -> None:
    plan = {"steps": 40, "checkpoint_every": 1}
    method = method.model_copy(update=plan)
    killed = tmp_path / "killed"
    words = command(table, checkpoint, killed, plan)
    words[words.index("--finetune") + 1] = method.model_dump_json()
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen(words, env=environment, cwd=tmp_path)
    while process.poll() is None and not list(killed.glob("s/step_0000000[3-9].pt")):
        time.sleep(0.002)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (killed / "weights.safetensors").exists()
    resumed = finetune("killed", finetune=method)
    whole = finetune("whole", finetune=method)
    assert resumed.weights.read_bytes() == whole.weights.read_bytes()
    assert resumed.card.read_bytes() == whole.card.read_bytes()
