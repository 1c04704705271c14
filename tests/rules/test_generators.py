"""View generators on a tiny capture: training, drawing, datasets of drawn views, and experiments that use them."""

import copy
import json
import shutil

import pandas as pd
import pytest
import torch

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.sample_table import SampleTable, load_sample
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.mvdiffusion.canonical import relative_azimuths
from mouse_facelift.mvdiffusion.prompts import read_prompt_embeddings
from tests.unit.mvdiffusion.tiny_generators import write_sv3d, write_text_encoder, write_zero123plus
from tests.workflow import Config, Workflow

GENERATORS = ("index", "rays")
ROWS = ("synthetic", "mixed_row", "single_view")


def with_generators(config: Config) -> Config:
    """The tiny configuration with a generator of either conditioning, and rows that use what the first one draws."""
    config = copy.deepcopy(config)
    whole = config["generator_pretraining"]["size"]
    config["generator_starts"] = {"tiny": whole | {"widths": [16, 32], "attending_from": 1, "head_width": 16}}
    plan = {
        "steps": 4, "batch": 2, "learning_rate": 1.0e-3, "warmup_steps": 1, "checkpoint_every": 2, "target_views": 2,
        "reference_weight": 0.5, "condition_drop": 0.05, "backgrounds": ["white", "gray"], "ema": 0.9,
        "least_timestep": 100,
    }  # fmt: skip
    rest = {
        "accumulate": 1, "schedule": "constant", "weight_decay": 0.01, "gradient_clip": 1.0, "precision": "float32",
        "checkpoint_activations": False, "seed": 0, "snr_gamma": 5.0, "mirrored": True, "brightness": 0.1,
    }  # fmt: skip
    watched = {
        "window": 5, "least": 2, "every": 2, "slower": 0.5, "roll_backs": 1,
        **{name: {"limit": 1.0e3, "patience": 3, "action": "roll_back"} for name in ("loss", "gradient_norm")},
        "not_finite": {"patience": 2, "action": "roll_back"},
        "update_ratio": {"limit": 10.0, "patience": 3, "action": "roll_back"},
        "collapse": {"limit": 5.0, "patience": 2, "action": "stop"},
        "held_out": {"split": "val", "samples": 1, "drop": 50.0, "patience": 2, "action": "stop"},
    }  # fmt: skip
    pretraining = config["generator_pretraining"]
    pretraining["size"] = config["generator_starts"]["tiny"]
    pretraining["training"] |= plan | rest | {"guard": None}
    index = {
        "start": "tiny", "accepts_domains": ["procedural"], "dataset": "real", "normalization": "contract",
        "references": "rotated", "left_out_views": ["Camera3"], "conditioning": {"kind": "view_index"},
        "trained": {"method": "full"}, "training": {**plan, **rest, "guard": watched},
        "sampling": {"steps": 2, "guidance": 1.5, "eta": 1.0, "seed": 0},
    }  # fmt: skip
    rays = copy.deepcopy(index)
    rays["conditioning"] = {"kind": "plucker", "width": 8, "ray_drop": 0.1, "prompt_mean": 0.5}
    rays["trained"] = {"method": "lora", "rank": 2, "alpha": 2.0}
    config["generators"] = {"index": index, "rays": rays}
    config["generated_datasets"] = {
        "drawn": {"generator": "index", "of": "real", "cameras": "released", "white": 0.05},
        "drawn_by_rays": {"generator": "rays", "of": "real", "cameras": "captured", "white": 0.05},
    }
    config["posed_datasets"] = {"posed": {"train": 2, "val": 0, "test": 0, "views": 6, "seed": 1}}
    config["mixed_datasets"] = {"both": {"of": ["real", "drawn"]}, "with_posed": {"of": ["real", "posed"]}}
    rays["dataset"] = "with_posed"
    full = config["experiments"]["full"]
    for name, dataset in (("synthetic", "drawn"), ("mixed_row", "both")):
        config["experiments"][name] = copy.deepcopy(full)
        config["experiments"][name]["finetune"]["learns_from"] = dataset
    alone = copy.deepcopy(config["experiments"]["zero_shot"])
    config["experiments"]["single_view"] = alone | {"dataset": "drawn", "views": {"inputs": 6}}
    return config


@pytest.fixture(scope="module")
def generated(finished, tmp_path_factory) -> Workflow:
    workflow = finished.with_config(tmp_path_factory.mktemp("generated"), with_generators(finished.config))
    wanted = [f"results/scores/{row}.csv" for row in ROWS]
    wanted += ["results/view_generation/page.md", "results/samples/drawn_by_rays.contract/table.json"]
    workflow.make(*wanted, "results/pretraining/generator")
    return workflow


def test_training_leaves_a_released_folder_and_what_belongs_to_it(generated):
    for name in GENERATORS:
        folder = generated.folder / "results/generators" / name
        card = WeightsCard.read(folder / "card.json")
        assert (card.status, card.steps, card.domain) == ("complete", 4, "mouse")
        assert len(pd.read_csv(folder / "metrics.csv")) == 4
        diagnosis = json.loads((folder / "diagnosis.json").read_text())
        assert [look["step"] for look in diagnosis["held_out"]] == [0, 2, 4]
        assert all(look["collapse"] is not None for look in diagnosis["held_out"])
        assert (folder / "ray_film.safetensors").is_file() == (name == "rays")
        assert (folder / "lora.safetensors").is_file() == (name == "rays")


def test_a_generator_learns_from_captured_and_posed_animals_and_is_judged_by_captured_ones(generated):
    table = SampleTable.read(generated.folder / "results/samples/with_posed.contract/table.json")
    posed = [row for row in table.samples if row.capture == "animals"]
    assert [(row.split, row.view_names[0]) for row in posed] == [("train", "view_0")] * 2
    card = WeightsCard.read(generated.folder / "results/generators/rays/card.json")
    assert card.trained_on == f"with_posed.contract: {len(table.of_split('train'))} samples"
    drawn = json.loads((generated.folder / "results/generators/rays/drawn/drawn.json").read_text())
    assert {row["sample"].split("_")[0] for row in drawn["rows"]} == {"real"}


def test_drawn_views_have_the_cameras_that_the_generator_was_told(generated):
    captured = SampleTable.read(path := generated.folder / "results/samples/real.contract/table.json")
    drawn = SampleTable.read(drawn_path := generated.folder / "results/samples/drawn.contract/table.json")
    assert len(drawn.samples) == len(captured.samples)
    assert drawn.view_count == 6
    assert drawn.violations == captured.violations
    for row, source in zip(drawn.samples, captured.samples, strict=True):
        assert (row.name, row.split, row.witnesses) == (source.name, source.split, 5)
        sample, real = load_sample(drawn_path, row), load_sample(path, source)
        assert len(sample.cameras) == 11
        rig, centers = sample.cameras[list(range(6))], sample.cameras.centers[:6]
        assert centers[:, 2].abs().max() < 1e-9
        torch.testing.assert_close(centers.norm(dim=1), torch.full((6,), 2.7, dtype=torch.float64))
        expected = torch.tensor([0.0, -45, -90, 180, 90, 45], dtype=torch.float64)
        assert ((relative_azimuths(rig, 0) - expected + 180) % 360 - 180).abs().max() < 1e-6
        front, first = centers[0], real.cameras.centers[0].double()
        assert torch.dot(front[:2], first[:2]) / front[:2].norm() / first[:2].norm() > 1 - 1e-9
        assert torch.equal(sample.images[6:], real.images[1:])


def test_views_drawn_by_rays_have_the_cameras_of_the_capture(generated):
    captured = SampleTable.read(path := generated.folder / "results/samples/real.contract/table.json")
    drawn = SampleTable.read(drawn_path := generated.folder / "results/samples/drawn_by_rays.contract/table.json")
    cameras = load_sample(drawn_path, drawn.samples[0]).cameras
    torch.testing.assert_close(
        cameras.camera_to_world[:6], load_sample(path, captured.samples[0]).cameras.camera_to_world
    )
    assert drawn.samples[0].view_names[:6] == tuple(f"drawn_{name}" for name in captured.samples[0].view_names)


def test_experiments_learn_from_drawn_views_and_are_judged_by_captured_ones(generated):
    scores = pd.concat([pd.read_csv(generated.folder / f"results/scores/{row}.csv") for row in ROWS])
    for name, inputs in (("synthetic", 5), ("mixed_row", 5), ("single_view", 6)):
        rows = scores[scores.experiment == name]
        held_out = rows[rows.role == "held_out"]
        assert len(rows) > 0
        assert (rows.input_views == inputs).all()
        assert held_out.view.str.startswith("Camera").all()
        assert held_out.psnr.notna().all()
    single = scores[scores.experiment == "single_view"]
    assert set(single[single.role == "input"].view) == {
        f"drawn_{name}" for name in ("front", "front_right", "right", "back", "left", "front_left")
    }
    assert "Camera1" not in set(single.view)
    card = WeightsCard.read(next((generated.folder / "results/weights").glob("both.*/card.json")))
    assert card.trained_on.startswith("both.contract")


def test_generators_are_scored_from_every_view_beside_trivial_answers(generated):
    scores = pd.read_csv(generated.folder / "results/view_generation/scores.csv")
    assert set(scores.generator) == set(GENERATORS)
    assert len(scores) == 2 * 2 * 6 * 5  # generators, samples, references, other views
    assert set(scores[scores.role == "left_out"].view) == {"Camera3"}
    assert scores[["drawn", "copy", "mean"]].notna().all().all()
    page = (generated.folder / "results/view_generation/page.md").read_text()
    assert page.count("| index |") == page.count("| rays |") > 2


def test_a_pretrained_generator_is_a_start_for_others(generated, tmp_path):
    home = generated.folder / "results/pretraining/generator"
    card = WeightsCard.read(home / "card.json")
    assert (card.domain, card.steps, card.parent) == ("procedural", 4, "none")
    assert card.trained_on.startswith("8 procedural animals")
    further = generated.copy(tmp_path)
    place = "results/pretraining/generator"
    further.config["generator_starts"]["pretrained"] = {
        "kind": "stored", "domain": "procedural", "license": "MIT",
        "folder": f"{place}/pipeckpts", "prompts": f"{place}/prompts.pt",
        "ray_film": f"{place}/ray_film.safetensors", "sha256": card.weights_sha256,
    }  # fmt: skip
    further.config["generators"]["rays"]["start"] = "pretrained"
    refused = further.refuse("results/generators/rays/card.json")
    assert "generators.rays.conditioning.width: found 8, but" in refused
    further.config["generators"]["rays"]["conditioning"]["width"] = 64
    further.make("results/generators/rays/card.json")
    found = WeightsCard.read(further.folder / "results/generators/rays/card.json")
    assert found.parent == card.weights_sha256
    assert [(one.sha256, one.license) for one in found.origins] == [(found.parent, "MIT")]


def test_an_absent_start_stops_before_anything_runs(generated, tmp_path):
    broken = generated.copy(tmp_path)
    stored = {
        "kind": "stored",
        "domain": "human-head",
        "license": "MIT",
        "folder": "absent/pipeckpts",
        "prompts": "absent/p.pt",
    }
    broken.config["generator_starts"]["facelift"] = stored | {"ray_film": None, "sha256": None}
    broken.config["generators"]["index"] |= {"start": "facelift", "accepts_domains": ["human-head"]}
    told = broken.refuse("results/view_generation/page.md", "--forceall")
    assert "checkpoints are missing; nothing was started" in told
    assert "generator_starts.facelift.folder: no file absent/pipeckpts/model_index.json" in told
    assert "needed by generators.index" in told
    broken.config["generators"]["index"]["accepts_domains"] = ["mouse"]
    assert "start facelift is of domain human-head, accepted: mouse" in broken.refuse("-n")


def test_labels_alone_cannot_be_told_the_cameras_of_a_capture(generated, tmp_path):
    broken = generated.copy(tmp_path)
    broken.config["generated_datasets"]["drawn"]["cameras"] = "captured"
    assert "generator index is told no rays" in broken.refuse("-n")


def test_others_networks_draw_datasets_on_the_contract(generated, tmp_path):
    further = generated.copy(tmp_path)
    torch.manual_seed(0)
    write_zero123plus(further.folder / "outside/zero123plus")
    write_sv3d(further.folder / "outside/sv3d", "p")
    common = {
        "of": "real",
        "license": "for research",
        "steps": 2,
        "guidance": 2.0,
        "size": 32,
        "background": 0.05,
        "precision": "float32",
        "seed": 0,
    }
    further.config["outside_datasets"] = {
        "zero123plus": common | {"kind": "zero123plus", "version": "v1.2", "folder": "outside/zero123plus"},
        "sv3d": common
        | {"kind": "sv3d", "version": "p", "folder": "outside/sv3d", "views": 4, "clockwise": False}
        | {"decoded_together": 7},
    }
    tables = {name: f"results/samples/{name}.fill/table.json" for name in ("zero123plus", "sv3d")}
    further.config["normalizations"]["fill"]["residual_limit"] = 10.0
    further.make(*tables.values())
    captured = SampleTable.read(path := further.folder / "results/samples/real.fill/table.json")
    for name, views in (("zero123plus", 6), ("sv3d", 4)):
        table = SampleTable.read(drawn_path := further.folder / tables[name])
        assert table.view_count == views
        assert not table.violations
        assert {weights.license for weights in table.drawn_by} == {"for research"}
        for row, source in zip(table.samples, captured.samples, strict=True):
            sample, real = load_sample(drawn_path, row), load_sample(path, source)
            assert torch.equal(sample.images[views:], real.images[1:])
            expected = {"zero123plus": [30, 90, 150, 210, 270, 330], "sv3d": [0, 85.71, 171.43, 274.29]}[name]
            both = torch.cat([real.cameras.camera_to_world[:1].double(), sample.cameras.camera_to_world[:views]])
            size = sample.cameras.width
            found = relative_azimuths(Cameras(both, torch.eye(3).repeat(len(both), 1, 1), size, size), 0)[1:]
            assert ((found - torch.tensor(expected) + 180) % 360 - 180).abs().max() < 0.01
        residuals = pd.read_csv(further.folder / f"results/samples/{name}.fill/residuals.csv")
        assert len(residuals) == views * len(captured.samples)
        assert set(residuals.measured_over) <= {"hull", "nothing"}
    further.config["outside_datasets"]["sv3d"]["folder"] = "absent"
    assert "absent/unet/config.json" in further.refuse(tables["sv3d"], "--forceall")
    further.config["experiments"]["zero_shot"] |= {"dataset": "zero123plus", "normalization": "resize"}
    assert "resize breaks the contract, but pictures of dataset zero123plus are made on it" in further.refuse("-n")


def test_prompts_are_embedded_where_a_start_has_a_text_encoder_alone(generated, tmp_path):
    further = generated.copy(tmp_path)
    start = further.folder / "stored/pipeckpts"
    shutil.copytree(further.folder / "results/generator_starts/tiny/pipeckpts", start)
    stored = {"kind": "stored", "domain": "procedural", "license": "MIT", "folder": "stored/pipeckpts", "prompts": None}
    further.config["generator_starts"]["stored"] = stored | {"ray_film": None, "sha256": None}
    further.config["generators"]["index"]["start"] = "stored"
    assert "no file stored/pipeckpts/text_encoder/config.json" in further.refuse("results/generators/index/card.json")
    write_text_encoder(start, width=further.config["generator_starts"]["tiny"]["text_width"])
    further.make("results/generator_starts/stored/prompts.pt")
    prompts = read_prompt_embeddings(further.folder / "results/generator_starts/stored/prompts.pt", 6, 32)
    assert (prompts[0] - prompts[1]).abs().max() > 1e-3
