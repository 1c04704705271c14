"""config.yaml, its typed mirror, and what is refused."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from mouse_facelift.plan import Plan
from mouse_facelift.settings import SCHEMA_PATH, json_schema, parse_settings, read_settings

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIGS = [REPOSITORY / "config.yaml", *sorted((REPOSITORY / "config").rglob("*.yaml"))]


@pytest.fixture
def content():
    return yaml.safe_load((REPOSITORY / "config.yaml").read_text())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_configuration_that_is_shipped_is_accepted(path):
    read_settings(path)
    jsonschema.validate(json.loads(json.dumps(yaml.safe_load(path.read_text()))), json_schema())


def test_the_schema_file_is_what_the_types_say():
    written = json.loads((REPOSITORY / SCHEMA_PATH).read_text())
    assert written == json_schema(), "run `python -m workflow_scripts.write_schema`"


def sections(content, path=()):
    """Every mapping in the configuration, with its place."""
    if isinstance(content, dict):
        yield path, content
        for key, value in content.items():
            if path != ("log_experiments",) or key in ("full_1e4", "zero_shot"):  # its rows are all of one kind
                yield from sections(value, (*path, key))


# Rows of these sections are named by the user.
FREE = {
    *("simulations", "captures", "normalizations", "datasets", "checkpoints", "experiments"),
    *("posed_datasets", "generator_starts", "generators", "generated_datasets", "outside_datasets", "mixed_datasets"),
}


def test_an_unknown_key_is_refused_in_every_section(content):
    places = [path for path, _ in sections(content) if path[-1:] and (len(path) > 1 or path[0] not in FREE)]
    assert len(places) > 20
    for place in places:
        changed = copy.deepcopy(content)
        section = changed
        for key in place:
            section = section[key]
        section["surprise"] = 1
        with pytest.raises(ValueError, match=r"surprise: unknown key; found 1"):
            parse_settings(changed, "config.yaml")


def test_every_missing_key_is_named(content):
    for path, section in list(sections(content)):
        if path and path[0] in FREE and len(path) == 1:
            continue
        for key in section:
            changed = copy.deepcopy(content)
            parent = changed
            for step in path:
                parent = parent[step]
            del parent[key]
            with pytest.raises(ValueError, match=rf"\b{key}\b|tag|{'.'.join(map(str, path[:2]))}"):
                parse_settings(changed, "config.yaml")


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("experiments", "full", "dataset"), "reel", "experiments.full.dataset: 'reel' is not defined"),
        (("experiments", "full", "views", "inputs"), 7, "7, but samples of dataset real have 6 views"),
        (("experiments", "full", "finetune", "method"), "ful", "finetune.*'ful'"),
        (("experiments", "full", "finetune", "learning_rate"), "1e-4x", "learning_rate"),
        (("captures", "walk", "pictures"), "videos/one.mp4", r"must hold \{camera\}"),
        (("captures", "walk", "cameras"), ["a", "a", "b"], "names a camera twice"),
        (("captures", "walk", "calibration", "up"), [0, 0, 0], "has no direction"),
        (("captures", "walk", "frames"), {"start": 5, "stop": 5, "step": 1}, "must be above start"),
        (("camera_contract", "focal"), -1, "focal"),
        (("experiments", "full", "accepts_domains"), [], r"experiments\.full\.accepts_domains"),
        (("checkpoints", "small", "domain"), "human head", r"checkpoints\.small\.domain: 'human head' becomes part"),
        (
            ("checkpoints", "small", "sha256"),
            "ABC",
            r"checkpoints\.small\.sha256: .*'\^\[0-9a-f\]\{64\}\$'; found 'ABC'",
        ),
        (("datasets", "real", "domain"), "", r"datasets\.real\.domain"),
        (("simulations", "walk", "frames"), 1, r"simulations\.walk\.frames: .*greater than or equal to 2"),
    ],
)
def test_a_wrong_value_is_named(content, place, value, words):
    section = content
    for key in place[:-1]:
        section = section[key]
    section[place[-1]] = value
    with pytest.raises(ValueError, match=words) as refused:
        parse_settings(content, "config.yaml")
    assert str(refused.value).startswith("config.yaml: ")


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("lora", "dataset"), "reel", r"log_experiments\.lora\.dataset: 'reel' is not defined"),
        (("lora", "accepts_domains"), ["mouse"], r"log_experiments\.lora\.accepts_domains: checkpoint small is of"),
        (("lora", "finetune", "method"), "none", r"log_experiments\.lora\.finetune.*"),
        (("lora", "finetune"), {"method": "none"}, r"lora\.finetune\.method: found none, expected one in which some"),
        (("lora", "finetune", "measured"), None, r"lora\.finetune\.measured: found null, expected steps"),
        (("lora", "finetune", "measured", "samples"), 3, r"lora\.finetune\.measured: expected the same as in full_1e4"),
        (("surprise",), None, r"log_experiments\.surprise: unknown key"),
    ],
)
def test_rows_of_the_research_log_can_be_compared(content, place, value, words):
    section = content["log_experiments"] = copy.deepcopy(content["log_experiments"])
    for key in place[:-1]:
        section[key] = copy.copy(section[key])  # anchors of the file share their sections
        section = section[key]
    section[place[-1]] = value
    with pytest.raises(ValueError, match=words):
        parse_settings(content, "config.yaml")


def test_rows_of_the_research_log_stand_beside_the_experiments(content):
    del content["log_experiments"]["lora"]
    content["log_experiments"] |= {"lora": None}
    plan = Plan(parse_settings(content, "config.yaml"))
    assert "log_lora" not in plan.settings.rows and "log_full_1e4" in plan.settings.rows
    assert plan.training("log_inputs_5") == plan.training("log_full_1e4") != plan.training("full")
    honest = {name for capture in content["captures"] for name in plan.normalizations(capture)}
    assert honest == {row["normalization"] for row in content["experiments"].values()}  # none for the log's rows
    assert not [path for path in plan.scores(plan.settings.experiments, plan.answers()) if "log_" in path]
    content["experiments"]["log_full_1e4"] = content["experiments"]["full"]
    with pytest.raises(ValueError, match="log_full_1e4: taken by rows of log_experiments"):
        parse_settings(content, "config.yaml")


def test_a_checkpoint_of_another_domain_is_refused(content):
    content["checkpoints"]["facelift"] = content["checkpoints"]["small"] | {"domain": "human-head"}
    parse_settings(content, "config.yaml")
    content["experiments"]["full"]["checkpoint"] = "facelift"
    message = (
        r"experiments\.full\.accepts_domains: checkpoint facelift is of domain human-head, accepted: procedural, mouse"
    )
    with pytest.raises(ValueError, match=message):
        parse_settings(content, "config.yaml")
    content["experiments"]["full"]["accepts_domains"] = ["human-head"]
    parse_settings(content, "config.yaml")


def test_a_checksum_is_64_digits_or_none(content):
    content["checkpoints"]["small"]["sha256"] = "0123456789abcdef" * 4
    parse_settings(content, "config.yaml")


def test_a_file_that_is_no_mapping_is_refused(tmp_path):
    (tmp_path / "c.yaml").write_text("- 1\n")
    with pytest.raises(ValueError, match=r"c.yaml: a mapping of sections was expected, found list"):
        read_settings(tmp_path / "c.yaml")
    (tmp_path / "c.yaml").write_text("a: [1\n")
    with pytest.raises(ValueError, match=r"c.yaml: not YAML"):
        read_settings(tmp_path / "c.yaml")


def test_a_repeated_key_is_refused_with_both_lines(tmp_path):
    text = (REPOSITORY / "config.yaml").read_text()
    path = tmp_path / "c.yaml"
    path.write_text(text.replace("  threads: 2\n", "  threads: 2\n  threads: 3\n"))
    first = text.splitlines().index("  threads: 2") + 1
    with pytest.raises(ValueError, match=rf"c.yaml: line {first + 1}: threads: repeated key; .* line {first} already"):
        read_settings(path)
    path.write_text("{a: 1, a: 2}")
    with pytest.raises(ValueError, match="repeated key"):
        read_settings(path)


def test_settings_and_plan_need_no_torch():
    code = "import sys, mouse_facelift.plan, mouse_facelift.provenance; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_experiments_that_train_alike_share_their_training(content):
    content["experiments"]["again"] = copy.deepcopy(content["experiments"]["full"])
    content["experiments"]["slower"] = copy.deepcopy(content["experiments"]["full"])
    content["experiments"]["slower"]["finetune"]["learning_rate"] = 1.0e-5
    plan = Plan(parse_settings(content, "config.yaml"))
    assert plan.training("again") == plan.training("full")
    assert plan.training("slower") != plan.training("full")
    assert plan.training("zero_shot") is None
    assert plan.weights("zero_shot") == content["checkpoints"]["small"]["weights"]


def test_the_number_of_jobs_grows_with_chunks_and_not_with_frames(content):
    plan = Plan(parse_settings(content, "config.yaml"))
    assert list(plan.chunks("walk")) == [0, 1]
    content["captures"]["walk"]["frames"]["stop"] = 61
    assert list(Plan(parse_settings(content, "config.yaml")).chunks("walk")) == [0, 1, 2]


def test_a_picture_folder_lists_the_chosen_frames(content):
    content["captures"]["walk"]["pictures"] = "raw/{camera}/{frame:04d}.png"
    content["captures"]["walk"]["frames"] = [0, 119]
    files = Plan(parse_settings(content, "config.yaml")).pictures("walk")
    assert files[:2] == ["raw/Camera1/0000.png", "raw/Camera1/0119.png"]
    assert len(files) == 12


def test_single_pictures_are_looked_at_once_and_videos_by_every_job(content):
    plan = Plan(parse_settings(content, "config.yaml"))
    assert plan.videos("walk") == plan.pictures("walk") and plan.mask_videos("walk") == plan.masks("walk")
    content["captures"]["walk"]["pictures"] = "raw/{camera}/{frame:04d}.png"
    content["captures"]["walk"]["masks"] = {"kind": "alpha", "threshold": 127}
    plan = Plan(parse_settings(content, "config.yaml"))
    assert plan.videos("walk") == plan.mask_videos("walk") == []


def with_losses(content, **changes):
    content["experiments"]["full"]["finetune"]["losses"] |= changes
    return parse_settings(content, "config.yaml").experiments["full"].finetune.losses


def test_weights_of_losses_change_at_their_steps(content):
    warmup = [{"from_step": 0, "weight": 0.0}, {"from_step": 500, "weight": 0.5}]
    given = {"perceptual_weights": "vgg19.safetensors", "perceptual_license": "MIT", "lpips_weights": "unused.pt"}
    losses = with_losses(content, perceptual=warmup, **given)
    assert [losses.at(step)["perceptual"] for step in (0, 499, 500, 10**6)] == [0.0, 0.0, 0.5, 0.5]
    assert losses.at(0)["l2"] == 1.0
    assert losses.files == ("vgg19.safetensors",)
    assert losses.licenses == {"vgg19.safetensors": "MIT"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"perceptual": 0.5}, "perceptual_weights is null"),
        ({"lpips": [{"from_step": 0, "weight": 0}, {"from_step": 9, "weight": 1}]}, "lpips_weights is null"),
        ({"perceptual": 0.5, "perceptual_weights": "a.pt"}, "perceptual_license is null; say under which"),
        ({"l2": 0.0}, "from step 0 on, every term has weight 0"),
        ({"l2": [{"from_step": 0, "weight": 1}, {"from_step": 7, "weight": 0}]}, "from step 7 on, every term"),
        ({"l2": [{"from_step": 1, "weight": 1}]}, "expected 0 and then ever later steps"),
        ({"l2": []}, "losses.l2"),
        ({"l2": -1.0}, "losses.l2"),
        ({"l2": float("inf")}, "losses.l2"),
    ],
)
def test_losses_that_cannot_be_computed_are_refused(content, changes, words):
    with pytest.raises(ValueError, match=words.replace(".", "[.]")):
        with_losses(content, **changes)


def test_pictures_do_not_roll_where_their_depth_is_known(content):
    varied = {"brightness": 0, "contrast": 0, "hue_degrees": 0, "background": True, "yaw_degrees": 180}
    content["pretraining"]["training"]["augmentation"] = varied | {"roll_degrees": 0}
    parse_settings(content, "config.yaml")
    content["pretraining"]["training"]["augmentation"] = varied | {"roll_degrees": 5}
    with pytest.raises(ValueError, match="roll_degrees: must be 0"):
        parse_settings(content, "config.yaml")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"least": 26}, "least: found 26, expected at most 25, the window"),
        ({"scale_edges": [0.1, 0.01]}, "expected rising numbers"),
        ({"white": {"limit": 0.5, "patience": 5, "action": "skip"}}, "'roll_back' or 'stop'"),
        ({"loss": {"limit": 1.0, "patience": 5, "action": "skip"}}, "greater than 1"),
    ],
)
def test_a_guard_that_makes_no_sense_is_refused(content, change, words):
    content["experiments"]["full"]["finetune"]["guard"] |= change
    with pytest.raises(ValueError, match=words):
        parse_settings(content, "config.yaml")


def test_nothing_need_watch_a_training(content):
    content["experiments"]["full"]["finetune"]["guard"] = None
    assert parse_settings(content, "config.yaml").experiments["full"].finetune.guard is None
    del content["experiments"]["full"]["finetune"]["guard"]
    with pytest.raises(ValueError, match="guard"):
        parse_settings(content, "config.yaml")
