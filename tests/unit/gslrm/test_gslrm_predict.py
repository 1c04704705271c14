"""From a sample table to a prediction table: roles and turns, files whole, and words on where the weights came from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.ply import read_ply
from mouse_facelift.formats.predictions import PredictionTable, Renderings, turns
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.whole import sha256
from mouse_facelift.gslrm import load_gslrm, read_config
from mouse_facelift.gslrm.predict import predict_gslrm
from mouse_facelift.gslrm.reconstruct import reconstruct
from mouse_facelift.rendering.render import render
from mouse_facelift.settings import Evaluated, InputViews
from tests.tiny_samples import CONTRACT, VIEW_NAMES, blobs, write_table
from tests.unit.gslrm.tiny_finetune import COMPUTE, DECLARED

EVALUATION = Evaluated(
    split="test", samples=5, mask_threshold=0.5, sheet_samples=1, models=1, model_opacity=0.02, hull_resolution=16
)


@pytest.fixture
def predict(tmp_path: Path, table: Path, checkpoint) -> Callable[..., Path]:
    """Predict into `zero_shot/`; arguments stand in place of the defaults, `asked` changes fields of the evaluation."""

    def run(asked: dict[str, Any] | None = None, **changes: Any) -> Path:
        arguments: dict[str, Any] = {
            "table": table,
            "weights": checkpoint.weights,
            "config": checkpoint.config,
            "declared": DECLARED,
            "predictions": tmp_path / "zero_shot" / "predictions.json",
            "experiment": "zero_shot",
            "views": InputViews(inputs=3),
            "contract": CONTRACT,
            "allow_broken_contract": False,
            "evaluation": EVALUATION.model_copy(update=asked or {}),
            "compute": COMPUTE,
        }
        predict_gslrm(**(arguments | changes))
        return arguments["predictions"]

    return run


def test_every_turn_of_every_sample_is_rendered_in_all_views(predict, table) -> None:
    path = predict()
    found = PredictionTable.read(path)
    assert (found.experiment, found.dataset, found.normalization) == ("zero_shot", "tiny", "contract")
    assert (found.view_count, found.input_views, found.status) == (len(VIEW_NAMES), 3, "complete")
    assert (path.parent / found.samples).resolve() == table.resolve()
    assert [(row.sample, row.turn, row.inputs) for row in found.rows] == [
        (name, turn, inputs) for name in ("blobs_002", "blobs_003") for turn, inputs in enumerate(turns(4, 3))
    ]
    assert [row.role(1) for row in found.rows[:4]] == ["input", "held_out", "input", "input"]
    for row in found.rows:
        renderings = Renderings.read(path.parent / row.renderings)
        assert tuple(renderings.rgb.shape) == (4, 3, 16, 16)
        assert renderings.rgb.isfinite().all() and renderings.alpha.isfinite().all()
        assert renderings.alpha.min() >= 0 and renderings.alpha.max() <= 1
    assert len({(path.parent / row.renderings).read_bytes() for row in found.rows}) == 8


def test_a_rendering_is_that_of_its_own_inputs(predict, checkpoint) -> None:
    path = predict()
    sample, model = blobs(2), load_gslrm(checkpoint.weights, checkpoint.config)
    for row in PredictionTable.read(path).rows[:4]:
        with torch.no_grad():
            scene = reconstruct(model, [sample], [torch.tensor(row.inputs)])[0]
        expected = render(scene, sample.cameras, "cpu")
        found = Renderings.read(path.parent / row.renderings)
        torch.testing.assert_close(found.rgb, expected.rgb, rtol=0, atol=1e-3)
        torch.testing.assert_close(found.alpha, expected.alpha, rtol=0, atol=1e-3)


def test_first_turns_of_samples_spread_evenly_become_models_without_faint_gaussians(predict, checkpoint) -> None:
    path = predict({"models": 1, "model_opacity": 0.12})
    models = [row.model for row in PredictionTable.read(path).rows]
    assert models == [None] * 4 + ["models/blobs_003.ply"] + [None] * 3
    found = read_ply(path.parent / models[4])
    with torch.no_grad():
        model = load_gslrm(checkpoint.weights, checkpoint.config)
        scene = reconstruct(model, [blobs(3)], [torch.tensor(turns(4, 3)[0])])[0]
    shown = scene.select(scene.opacities > 0.12)
    assert 0 < len(shown) < len(scene)
    torch.testing.assert_close(found.means, shown.means, rtol=0, atol=1e-5)


def test_a_model_may_have_nothing_to_show(predict) -> None:
    path = predict({"model_opacity": 1.0})
    assert len(read_ply(path.parent / "models" / "blobs_003.ply")) == 0


def test_all_views_in_is_one_turn(predict) -> None:
    rows = PredictionTable.read(predict(views=InputViews(inputs=4))).rows
    assert [(row.turn, row.inputs) for row in rows] == [(0, (0, 1, 2, 3))] * 2


def test_the_same_call_gives_the_same_bytes(predict) -> None:
    path = predict()
    files = sorted(file for file in path.parent.rglob("*") if file.is_file())
    first = [file.read_bytes() for file in files]
    predict()
    assert sorted(file for file in path.parent.rglob("*") if file.is_file()) == files
    assert [file.read_bytes() for file in files] == first


def test_broken_in_the_middle_it_leaves_no_table_not_even_an_older_one(predict, monkeypatch) -> None:
    path = predict()
    writes = 0
    inner = Renderings.write

    def broken(self, file: Path) -> None:
        nonlocal writes
        writes += 1
        if writes == 6:
            raise KeyboardInterrupt
        inner(self, file)

    monkeypatch.setattr(Renderings, "write", broken)
    with pytest.raises(KeyboardInterrupt):
        predict()
    assert not path.exists()
    assert not list(path.parent.glob(".*"))


def test_results_of_an_earlier_run_do_not_linger(predict) -> None:
    path = predict()
    predict({"samples": 1, "models": 0})
    assert {file.name for file in path.parent.glob("renderings/*")} == {
        f"blobs_003_turn{turn}.npz" for turn in range(4)
    }
    assert not list(path.parent.glob("models/*"))


def card_of(weights: Path, config: Path, skipped: int, status: str = "complete") -> WeightsCard:
    return WeightsCard(
        weights_sha256=sha256(weights),
        domain=DECLARED.domain,
        license="MIT",
        origins=(),
        network=read_config(config).model_dump_json(),
        parent="none",
        trained_on="tiny.contract: 2 samples",
        contract=CONTRACT.hash,
        violations=(),
        settings="{}",
        steps=150,
        skipped_updates=skipped,
        status=status,
        adapters="none",
        code="c0de",
        commit="abc",
        metrics={},
    )


def test_without_a_card_only_the_checksum_speaks(predict, checkpoint) -> None:
    assert PredictionTable.read(predict()).weights == (
        f"{checkpoint.weights} (sha256 {sha256(checkpoint.weights)}): no card"
    )


@pytest.mark.parametrize("name", ["card.json", "start.card.json"])
def test_the_card_s_word_goes_into_the_table(predict, checkpoint, name: str) -> None:
    card_of(*checkpoint, skipped=3).write(checkpoint.weights.with_name(name))
    found = PredictionTable.read(predict())
    assert found.weights.endswith("): 150 steps on tiny.contract: 2 samples")
    assert found.status == "3 of 150 updates skipped"


def test_a_collapse_goes_into_the_table(predict, checkpoint) -> None:
    status = "collapsed at step 7; weights of step 0"
    card_of(checkpoint.weights, checkpoint.config, skipped=3, status=status).write(
        checkpoint.weights.with_name("card.json")
    )
    assert PredictionTable.read(predict()).status == status


def test_a_card_of_other_weights_is_refused(predict, checkpoint) -> None:
    card = card_of(checkpoint.config, checkpoint.config, skipped=0)
    card.write(checkpoint.weights.with_name("card.json"))
    with pytest.raises(ValueError, match=r"card\.json: weights_sha256: found .*, but .*start\.safetensors has"):
        predict()


def test_an_empty_split_is_named_with_its_table(predict, tmp_path) -> None:
    with pytest.raises(ValueError, match=r"samples/table\.json: .*no samples of split val"):
        predict({"split": "val"})
    assert not (tmp_path / "zero_shot").exists()


def test_samples_with_too_few_views_are_refused(predict, tmp_path) -> None:
    with pytest.raises(ValueError, match=r"experiments\.zero_shot\.views\.inputs: found 5, .*have 4 views"):
        predict(views=InputViews(inputs=5))
    whole = blobs(0)
    less = Sample("less", whole.cameras[:3], whole.images[:3])
    with pytest.raises(ValueError, match="less: found 3 views"):
        predict(table=write_table(tmp_path / "less", ("test",), (less,)))


def test_broken_cameras_are_refused_unless_allowed(predict, tmp_path) -> None:
    broken = write_table(tmp_path / "broken", ("test",), violations=("focal: view 0: found 725, expected 17.156",))
    with pytest.raises(ValueError, match=r"experiment zero_shot: .*breaks the camera contract"):
        predict(table=broken)
    assert PredictionTable.read(predict(table=broken, allow_broken_contract=True)).rows


def test_weights_that_do_not_fit_are_refused(predict, checkpoint) -> None:
    text = checkpoint.config.read_text()
    checkpoint.config.write_text(text.replace('"n_layer": 1', '"n_layer": 2'))
    with pytest.raises(ValueError, match=r"start\.safetensors: 6 tensors do not fit the configured network"):
        predict()
    checkpoint.config.write_text(text.replace('"image_size": 16', '"image_size": 32'))
    with pytest.raises(ValueError, match=r"start\.json: image_tokenizer\.image_size: found 32 px, expected 16 px"):
        predict()
