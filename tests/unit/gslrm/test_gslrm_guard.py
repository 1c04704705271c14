"""Fine-tunings that go astray: they end with weights that are of use, and say what to check first."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.diagnosis import TrainingDiagnosis
from mouse_facelift.formats.sample_folder import WHITE, Sample
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.contract import contract_violations
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.gslrm import load_gslrm
from mouse_facelift.gslrm.causes import causes, violated_fields
from mouse_facelift.gslrm.held_out import HeldOutViews
from mouse_facelift.gslrm.seen import Compared, look
from mouse_facelift.settings import GuardPolicy
from mouse_facelift.training.guard import Guard
from tests.tiny_samples import CONTRACT, blobs, write_table
from tests.unit.gslrm.tiny_finetune import FINETUNE, Finetuned
from tests.unit.training.tiny_training import POLICY

IN_ORDER = ["contract", "unit", "center", "learning_rate", "loss"]
MILLIMETERS = 100.0  # a unit


def policy(**rows: Any) -> GuardPolicy:
    held_out = {"split": "val", "samples": 2, "drop": 1.0, "patience": 2, "action": "stop"}
    return GuardPolicy.model_validate(POLICY.model_dump() | {"held_out": held_out} | rows)


@pytest.fixture
def with_val(tmp_path: Path) -> Path:
    return write_table(tmp_path / "with_val", ("train", "train", "val", "test"))


def same_tensors(a: Path, b: Path) -> bool:
    first, second = load_file(a), load_file(b)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def names(found: TrainingDiagnosis) -> list[str]:
    assert found.stopped is not None
    return [cause.cause for cause in found.stopped.causes]


def test_an_absurd_learning_rate_is_named_and_the_best_weights_go_on(finetune, checkpoint, with_val, caplog) -> None:
    plan = {"steps": 40, "learning_rate": 3.0, "guard": policy()}
    out: Finetuned = finetune("out", plan, table=with_val)
    found = TrainingDiagnosis.read(out.diagnosis)
    assert found.stopped is not None and found.watched
    assert found.stopped.step == found.steps < 40
    assert "roll_back" in {done.action for done in found.done} and found.done[-1].action == "stop"
    rate, *others = found.stopped.causes
    assert (rate.cause, rate.suspected, rate.fields) == ("learning_rate", True, ("learning_rate",))
    assert rate.evidence["learning_rate"] == 3.0
    assert rate.evidence["peak_update_ratio"] > rate.evidence["update_ratio_limit"] == 0.2
    assert rate.evidence["times_after_roll_backs"] == 0.25
    assert [cause.cause for cause in others if not cause.suspected][:3] == ["contract", "unit", "center"]
    assert found.stopped.kept_step == 0 and same_tensors(out.weights, checkpoint.weights)
    assert load_gslrm(out.weights, checkpoint.config)
    card = WeightsCard.read(out.card)
    assert card.status == f"collapsed at step {found.steps}; weights of step 0"
    assert (card.steps, card.skipped_updates, card.metrics) == (0, 0, {})
    assert found.paragraph in caplog.text
    for words in (
        f"stopped at step {found.steps}: ",
        "The weights of step 0 go on (held-out PSNR",
        "1. learning rate: ",
    ):
        assert words in found.paragraph


def in_millimeters(sample: Sample) -> Sample:
    poses = sample.cameras.camera_to_world.clone()
    poses[:, :3, 3] *= MILLIMETERS
    cameras = sample.cameras
    return Sample(sample.name, Cameras(poses, cameras.intrinsics, cameras.width, cameras.height), sample.images)


@pytest.fixture
def millimeter_table(tmp_path: Path) -> Path:
    samples = tuple(in_millimeters(blobs(seed)) for seed in range(3))
    told = tuple(contract_violations(samples[0].cameras, CONTRACT))
    return write_table(tmp_path / "millimeters", ("train", "train", "val"), samples, violations=told)


def test_millimeter_cameras_end_with_the_contract_s_fields_first(finetune, millimeter_table) -> None:
    plan = {"steps": 30, "guard": policy()}
    out = finetune("out", plan, table=millimeter_table, allow_broken_contract=True)
    found = TrainingDiagnosis.read(out.diagnosis)
    assert found.stopped is not None and found.steps == found.stopped.step < 30
    contract, unit, *_ = found.stopped.causes
    assert (contract.cause, contract.suspected, contract.fields) == ("contract", True, ("distance",))
    assert contract.evidence == {"distance_violations": 4}
    assert "distance: view 0: found 270.0000 units, expected 1.8 to 3.6 (and 3 more)" in contract.says
    assert (unit.cause, unit.suspected) == ("unit", True)
    assert unit.evidence["times_expected"] == pytest.approx(MILLIMETERS)
    card = WeightsCard.read(out.card)
    assert card.status == f"collapsed at step {found.steps}; weights of step {found.stopped.kept_step}"
    assert card.steps == found.stopped.kept_step < found.stopped.since
    assert "Check in this order: 1. contract: the samples break the camera contract in distance" in found.paragraph


def test_a_training_that_goes_well_is_the_same_with_and_without_a_guard(finetune, with_val) -> None:
    watched = finetune("watched", {"guard": policy()}, table=with_val)
    alone = finetune("alone", table=with_val)
    assert watched.weights.read_bytes() == alone.weights.read_bytes()
    found, nothing = (TrainingDiagnosis.read(out.diagnosis) for out in (watched, alone))
    assert (found.watched, found.stopped, found.done, found.steps) == (True, None, (), 6)
    assert [seen.step for seen in found.held_out] == [0, 4, 6]
    assert (nothing.watched, nothing.stopped, nothing.held_out) == (False, None, ())
    assert found.status == nothing.status == WeightsCard.read(watched.card).status == "complete"


def test_leaving_and_resuming_around_a_roll_back_gives_the_same_bytes(finetune, with_val) -> None:
    plan = {"steps": 14, "learning_rate": 3.0, "guard": policy()}
    whole = finetune("whole", plan, table=with_val)
    found = TrainingDiagnosis.read(whole.diagnosis)
    assert [done.action for done in found.done if done.action != "skip"][:1] == ["roll_back"]
    for _ in range(found.steps - 1):
        with pytest.raises(SystemExit):
            finetune("hurried", plan, table=with_val, minutes=0)
    hurried = finetune("hurried", plan, table=with_val, minutes=0)
    for file in ("weights", "card", "diagnosis"):
        assert getattr(hurried, file).read_bytes() == getattr(whole, file).read_bytes()


def test_held_out_samples_must_be_there(finetune) -> None:
    with pytest.raises(
        ValueError, match=r"experiments\.full\.finetune\.guard\.held_out\.split: .*no samples of .*'val'"
    ):
        finetune("out", {"guard": policy()})
    finetune("out", {"guard": policy(held_out=None)})


def test_a_subject_off_the_origin_is_a_center_whatever_the_unit(with_val) -> None:
    samples = SampleTable.read(with_val)
    guard = Guard(policy(held_out=None), None)
    plan = FINETUNE.model_copy(update={"guard": policy()})
    row = {"step": 1, "loss": 0.1, "psnr": 10.0, "grad_norm": 1.0, "update_ratio": math.nan, "target_white": 0.9}

    def suspected(table: SampleTable) -> list[str]:
        found = causes(table, with_val, CONTRACT, plan, guard, [row])
        assert sorted(IN_ORDER.index(cause.cause) for cause in found) == list(range(5))
        return [cause.cause for cause in found if cause.suspected]

    assert suspected(samples) == []
    moved = tuple(row.model_copy(update={"subject_center": (0.6, 0.0, 0.5)}) for row in samples.samples)
    assert suspected(samples.model_copy(update={"samples": moved})) == ["center"]
    aimless = samples.model_copy(update={"violations": ("aim: view 0: the optical axis misses the origin by 2 units",)})
    assert suspected(aimless) == ["contract", "center"]


def test_violations_are_told_by_field() -> None:
    lines = ["focal: view 0: a", "distance: view 0: b", "focal: view 1: c"]
    assert violated_fields(lines) == {"focal": [lines[0], lines[2]], "distance": [lines[1]]}


def test_what_is_seen_of_pictures_and_gaussians_can_be_counted_by_hand() -> None:
    white = torch.ones(2, 3, 4, 4)
    half = white.clone()
    half[..., :2] = 0.5
    gray_blue = white.clone()
    gray_blue[:, 2] = 0.85  # one color below the limit: not white
    gaussians = Gaussians(
        means=torch.zeros(1, 4, 3),
        log_scales=torch.tensor([0.001, 0.05, 0.05, 0.2]).log()[None, :, None].expand(1, 4, 3),
        quats=torch.ones(1, 4, 4),
        opacity_logits=torch.tensor([[0.0, 0.0, 100.0, -100.0]]),
        sh=torch.zeros(1, 4, 1, 3),
    )
    compared = [Compared(white, half, WHITE), Compared(gray_blue, half, WHITE)]
    seen = look(compared, gaussians, POLICY)
    assert (seen.white, seen.target_white) == (0.5, 0.5)
    assert seen.opacity == pytest.approx(0.5)
    assert seen.scales == pytest.approx((0.25, 0.5, 0.25))
    assert look([Compared(white, half, (0.5, 0.5, 0.5))], gaussians, POLICY).white == 0.0  # of another background
    assert look([Compared(half, half, (0.45, 0.5, 0.55))], gaussians, POLICY).target_white == 0.5
    assert replace(seen, white=1.0).white_excess == 1.0
    assert replace(seen, white=1.0, target_white=1.0).white_excess == 0.0


def test_held_out_numbers_are_of_views_that_did_not_go_in(checkpoint) -> None:
    model = load_gslrm(checkpoint.weights, checkpoint.config)
    sample = blobs(0)
    spoiled = sample.images.clone()
    spoiled[0, ..., :3] = 255 - spoiled[0, ..., :3]
    first = HeldOutViews(model, [sample], 3, "cpu")()
    assert math.isfinite(first.whole) and math.isfinite(first.animal)
    # The first turn holds out view 0: a change of its picture changes the target alone.
    changed = HeldOutViews(model, [Sample("x", sample.cameras, spoiled)], 3, "cpu")()
    assert changed.animal != first.animal
    assert HeldOutViews(model, [sample, sample], 3, "cpu")() != first  # another view's turn
    all_in = HeldOutViews(model, [sample], 4, "cpu")()
    assert math.isfinite(all_in.whole)
