"""Pretraining on packs of animals: files that fit together, and numbers that can be checked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.packs import Pack, write_pack
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.whole import sha256
from mouse_facelift.gslrm import GslrmConfig, fresh_gslrm, load_gslrm, read_config
from mouse_facelift.gslrm.config import RELEASED_ACTIVATIONS
from mouse_facelift.gslrm.measure import measure_unseen_views
from mouse_facelift.gslrm.pretrain import pretrain_gslrm, small_config
from mouse_facelift.settings import Animals, GslrmSize, Pretraining, RenderedPlan, Start, SurfaceLoss, TrainingPlan
from mouse_facelift.training.samples import AnimalSource, read_packs
from tests.tiny_samples import CONTRACT, blobs
from tests.unit.gslrm.tiny_finetune import COMPUTE, FINETUNE

PLAN = FINETUNE.model_dump(
    exclude={"method", "target_views", "random_order", "learns_from", "losses", "augmentation", "guard", "measured"}
)
PRETRAINING = Pretraining(
    license="MIT",
    animals=Animals(count=5, held_out=2, views=4, seed=0),
    network=GslrmSize(patch_size=8, width=32, head_width=16, layers=1, scale_bias=-2.0),
    surface_loss=SurfaceLoss(depth=0.2, color=0.1, opacity=0.02),
    inputs=(2, 3),
    start=Start(attention=0.8, rays=2.0),
    surface_training=TrainingPlan(**PLAN),
    training=RenderedPlan(
        **FINETUNE.model_dump(exclude={"method", "random_order", "learns_from", "guard", "measured"})
    ),
)


class Pretrained(NamedTuple):
    weights: Path
    config: Path
    card: Path
    state: Path


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    """Five scenes of blobs in two packs."""
    folder = tmp_path / "animals"
    folder.mkdir()
    for number, seeds in enumerate([(0, 1, 2), (3, 4)]):
        samples = [blobs(seed) for seed in seeds]
        pack = Pack(
            images=np.stack([sample.images.numpy() for sample in samples]),
            depth=np.stack([2.7 * (sample.alpha > 0).numpy() for sample in samples]).astype(np.float16),
            camera_to_world=np.stack([sample.cameras.camera_to_world.float().numpy() for sample in samples]),
            fxfycxcy=np.stack([sample.cameras.fxfycxcy.float().numpy() for sample in samples]),
        )
        write_pack(folder / f"animals_{number:03d}.npz", pack)
    return folder


@pytest.fixture
def pretrain(tmp_path: Path, animals: Path) -> Callable[..., Pretrained]:
    def run(name: str, **changes: Any) -> Pretrained:
        out = Pretrained(*(tmp_path / name / file for file in ("w.safetensors", "w.json", "w.card.json", "state")))
        arguments: dict[str, Any] = {
            "animals": animals,
            **out._asdict(),
            "pretraining": PRETRAINING,
            "contract": CONTRACT,
            "compute": COMPUTE,
            "code": "c0de",
            "minutes": 10,
        }
        pretrain_gslrm(**(arguments | changes))
        return out

    return run


def test_packs_hold_samples_in_their_order(animals) -> None:
    packs = read_packs(animals)
    source = AnimalSource(packs, 2, 5)
    assert len(source) == 3
    for index, seed in enumerate((2, 3, 4)):
        found, expected = source.sample(index), blobs(seed)
        assert found.name == f"animal_{seed:05d}"
        assert torch.equal(found.images, expected.images)
        torch.testing.assert_close(found.cameras.intrinsics.double(), expected.cameras.intrinsics)
        torch.testing.assert_close(
            found.cameras.camera_to_world.double(), expected.cameras.camera_to_world, rtol=0, atol=1e-6
        )


def test_a_folder_without_packs_is_named(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing: no animals_\*\.npz"):
        read_packs(tmp_path / "nothing")


def test_weights_config_and_card_fit_together(pretrain) -> None:
    out = pretrain("out")
    model = load_gslrm(out.weights, out.config)
    assert model.config == small_config(PRETRAINING, CONTRACT) == read_config(out.config)
    assert model.config.activations == RELEASED_ACTIVATIONS.model_copy(update={"scale_bias": -2.0})
    card = WeightsCard.read(out.card)
    assert card.weights_sha256 == sha256(out.weights)
    assert (card.parent, card.contract, card.steps, card.skipped_updates) == ("none", CONTRACT.hash, 12, 0)
    assert card.domain == "procedural"
    assert GslrmConfig.model_validate_json(card.network) == model.config
    assert card.trained_on == "3 procedural animals, none of them the mouse; 2 others held out"
    assert {"network_psnr", "white_picture_psnr_foreground", "training_psnr_of_last_steps"} <= set(card.metrics)


def test_an_interrupted_pretraining_ends_with_the_same_bytes(pretrain) -> None:
    whole = pretrain("whole")
    for _ in range(2 * (FINETUNE.steps - 1)):
        with pytest.raises(SystemExit):
            pretrain("hurried", minutes=0)
    assert not (whole.weights.parent.parent / "hurried" / "w.safetensors").exists()
    hurried = pretrain("hurried", minutes=0)
    for name in ("weights", "config", "card"):
        assert getattr(hurried, name).read_bytes() == getattr(whole, name).read_bytes()


def test_held_out_animals_teach_nothing(pretrain, animals) -> None:
    first = pretrain("first").weights.read_bytes()
    path = animals / "animals_001.npz"
    with np.load(path) as pack:
        arrays = {name: pack[name] for name in pack.files}
    arrays["images"][..., :3] //= 2
    write_pack(path, Pack(**arrays))
    assert pretrain("second").weights.read_bytes() == first


@pytest.mark.parametrize(
    ("animals_changed", "message"),
    [
        ({"count": 6}, r"animals: found 5, expected 6 \(pretraining\.animals\.count\)"),
        ({"count": 4}, r"animals: found 5, expected 4 \(pretraining\.animals\.count\)"),
        ({"views": 5}, r"animals: found 4, expected 5 \(pretraining\.animals\.views\)"),
    ],
)
def test_packs_of_other_settings_are_refused(pretrain, animals_changed: dict[str, int], message: str) -> None:
    other = PRETRAINING.animals.model_copy(update=animals_changed)
    with pytest.raises(ValueError, match=message):
        pretrain("out", pretraining=PRETRAINING.model_copy(update={"animals": other}))


def test_packs_off_the_contract_are_refused(pretrain) -> None:
    with pytest.raises(ValueError, match=r"animals: the cameras break the contract:\n  focal: view 0: found 17\.156"):
        pretrain("out", contract=CONTRACT.model_copy(update={"focal": 18.0}))


def test_an_animal_that_no_camera_sees_does_not_spoil_the_card(pretrain, animals) -> None:
    path = animals / "animals_001.npz"
    with np.load(path) as pack:
        arrays = {name: pack[name] for name in pack.files}
    arrays["images"][:] = 0
    write_pack(path, Pack(**arrays))
    metrics = WeightsCard.read(pretrain("out").card).metrics
    assert metrics["white_picture_psnr"] == 100
    assert "white_picture_psnr_foreground" not in metrics


class RedSquares:
    """A red square before white in four views: what trivial answers score on it can be told beforehand."""

    def __init__(self) -> None:
        images = torch.zeros(4, 16, 16, 4, dtype=torch.uint8)
        images[:, 4:8, 4:8] = torch.tensor([255, 0, 0, 255], dtype=torch.uint8)
        self.only = Sample("square", blobs(0).cameras, images)

    def __len__(self) -> int:
        return 2

    def view_count(self, index: int) -> int:
        return len(self.only.cameras)

    def sample(self, index: int) -> Sample:
        return self.only


def test_trivial_answers_score_what_they_must() -> None:
    model = fresh_gslrm(small_config(PRETRAINING, CONTRACT), seed=0)
    measured = measure_unseen_views(model, RedSquares(), inputs=3, backend="cpu")
    assert measured["white_picture_psnr_foreground"] == pytest.approx(-10 * np.log10(2 / 3), abs=1e-3)
    assert measured["white_picture_psnr"] == pytest.approx(-10 * np.log10(2 / 3 * 16 / 256), abs=1e-3)
    assert set(measured) == {
        f"{answer}_{part}"
        for answer in ("network", "white_picture", "visual_hull")
        for part in ("psnr", "psnr_foreground")
    }
    assert all(np.isfinite(value) for value in measured.values())
