"""Which rows a reconstruction takes, and that nobody's weights are taken without somebody's word."""

import re
from pathlib import Path

import pytest

from mouse_facelift.settings import CalibrationFile
from mouse_facelift.verbs.choice import choose_calibration, choose_generator, choose_network, choose_normalization
from tests.tiny_project import project_config, settings_of


@pytest.fixture
def rows():
    return project_config()


def human(rows):
    rows["checkpoints"]["human"] = rows["checkpoints"]["small"] | {"domain": "human-head"}
    return settings_of(rows)


def test_experiments_accept_the_checkpoint_that_they_start_from(rows):
    chosen = choose_network(settings_of(rows), None, None, ())
    assert chosen.declared.row == "checkpoints.small"
    assert chosen.accepted_by == "experiments.zero_shot, experiments.full, experiments.real_camera"


def test_a_checkpoint_that_nobody_uses_is_taken_only_by_word(rows):
    settings = human(rows)
    with pytest.raises(ValueError, match=r"checkpoints\.human: of domain human-head, which nothing.*--accept-domains"):
        choose_network(settings, "human", None, ())
    assert choose_network(settings, "human", None, ("human-head",)).accepted_by == "accept_domains"
    with pytest.raises(ValueError, match=r"checkpoints\.small: of domain procedural; accept_domains has mouse alone"):
        choose_network(settings, "small", None, ("mouse",))
    with pytest.raises(ValueError, match=re.escape("2 to choose from, ['human', 'small']; name one by --checkpoint")):
        choose_network(settings, None, None, ())
    with pytest.raises(ValueError, match="checkpoints: no 'large'"):
        choose_network(settings, "large", None, ())


def test_an_experiments_weights(rows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = settings_of(rows)
    with pytest.raises(FileNotFoundError, match=r"experiments\.full: no weights (\S+); snakemake --cores 2 \1"):
        choose_network(settings, None, "full", ())
    with pytest.raises(ValueError, match="name one of them"):
        choose_network(settings, "small", "full", ())
    with pytest.raises(ValueError, match="experiments: no 'fool'"):
        choose_network(settings, None, "fool", ())


def test_generators_must_be_trained_or_stored(rows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = settings_of(rows)
    with pytest.raises(FileNotFoundError, match=r"generators\.view_index: not trained yet \(snakemake"):
        choose_generator(settings, "view_index", None, ())
    with pytest.raises(ValueError, match=r"generator_starts\.tiny: of kind fresh"):
        choose_generator(settings, "tiny", None, ())
    with pytest.raises(
        ValueError, match=re.escape("2 to choose from, ['tiny', 'view_index']; name one by --generator")
    ):
        choose_generator(settings, None, None, ())


def test_a_stored_start_draws_as_generators_that_start_from_it_do(rows):
    rows["generator_starts"]["bought"] = {
        "kind": "stored", "domain": "objaverse", "license": "for research", "folder": "bought",
        "prompts": None, "ray_film": None, "sha256": None,
    }  # fmt: skip
    with pytest.raises(ValueError, match="0 ways to draw"):
        choose_generator(settings_of(rows), "bought", None, ())
    tuned = rows["generators"]["view_index"] | {"start": "bought", "accepts_domains": ["objaverse"]}
    rows["generators"]["tuned"] = tuned
    chosen = choose_generator(settings_of(rows), "bought", None, ())
    assert (chosen.accepted_by, chosen.white, chosen.sampling.steps) == ("generators.tuned", 0.05, 1)
    with pytest.raises(ValueError, match="of domain objaverse; accept_domains has mouse alone"):
        choose_generator(settings_of(rows), "bought", None, ("mouse",))
    rows["generated_datasets"] = {}
    with pytest.raises(ValueError, match="white: generated_datasets say nothing of it; say by --white"):
        choose_generator(settings_of(rows), "bought", None, ())
    assert choose_generator(settings_of(rows), "bought", 0.1, ()).white == 0.1
    rows["generators"]["other"] = tuned | {"sampling": tuned["sampling"] | {"steps": 3}}
    with pytest.raises(ValueError, match="2 ways to draw"):
        choose_generator(settings_of(rows), "bought", 0.1, ())


def test_the_only_fill_is_taken_for_photographs(rows):
    rows["normalizations"] = {name: rows["normalizations"][name] for name in ("contract", "fill", "resize")}
    rows["normalization_modes"]["normalizations"] = []
    for row in (*rows["experiments"].values(), *filter(None, rows["log_experiments"].values())):
        row["normalization"] = "contract"
    settings = settings_of(rows)
    assert choose_normalization(settings, None, drawn=True)[0] == "fill"
    with pytest.raises(ValueError, match=re.escape("2 to choose from, ['contract', 'fill']")):
        choose_normalization(settings, None, drawn=False)
    with pytest.raises(ValueError, match="normalizations: no 'fil'"):
        choose_normalization(settings, "fil", drawn=True)


def test_a_calibration_is_completed_by_the_capture_that_names_it(rows):
    settings = settings_of(rows)
    known = settings.captures["walk"].calibration
    path = Path(known.path)
    assert choose_calibration(settings, path, None, None, None) == known
    assert choose_calibration(settings, path, None, "estimated", None).up == "estimated"
    other = choose_calibration(settings, Path("other.toml"), "anipose", (0.0, 0.0, 1.0), 1000.0)
    assert other == CalibrationFile(
        path="other.toml",
        format="anipose",
        names=None,
        image_sizes=None,
        millimeters_per_unit=1000.0,
        up=(0.0, 0.0, 1.0),
    )
