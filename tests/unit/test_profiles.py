"""The profiles for SLURM: each knows every rule that takes a GPU, and no other; every line says what it does."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from snakemake.cli import parse_args

REPOSITORY = Path(__file__).parents[2]
PROFILES = sorted(path.parent.name for path in (REPOSITORY / "profiles").glob("slurm*/config.yaml"))
HEAD = re.compile(r"^(?:rule (\w+)|use rule (\w+) as (\w+) with):", re.MULTILINE)
GPUS = {"slurm", "slurm_accounts", "slurm_arrays"}  # with a partition of their own

# In what a profile departs from `profiles/slurm`; all else is the same, to the letter.
DEPARTS = {
    "slurm": set(),
    "slurm_one_partition": {"default-resources", "set-resources"},
    "slurm_accounts": {"slurm-status-command", "default-resources", "set-resources"},
    "slurm_arrays": {"groups", "group-components", "slurm-array-limit", "slurm-array-jobs"},
}


def text(name: str) -> str:
    return (REPOSITORY / "profiles" / name / "config.yaml").read_text()


def profile(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text(name))
    return found


def settings_of(name: str) -> dict[str, str]:
    """Lines of every setting, comments and all."""
    parts = re.split(r"^(?=[a-z])", text(name).split("\n\n", 1)[1], flags=re.MULTILINE)
    return {part.split(":")[0]: re.sub(r" +", " ", part.strip()) for part in parts}


def rules() -> dict[str, tuple[str, str | None]]:
    """Text of every rule by its name, and the rule that it is a variant of."""
    found = {}
    for file in sorted((REPOSITORY / "rules").glob("*.smk")):
        text = file.read_text()
        heads = list(HEAD.finditer(text))
        ends = [*(head.start() for head in heads[1:]), len(text)] if heads else []
        for head, end in zip(heads, ends, strict=True):
            body = text[head.start() : end]
            found[head[1] or head[3]] = (body, head[2])
    return found


def containing(words: str) -> set[str]:
    """Rules whose text matches, and variants of such."""
    everything = rules()
    told = {name for name, (body, _) in everything.items() if re.search(words, body, re.MULTILINE)}
    return told | {name for name, (_, parent) in everything.items() if parent in told}


def taking_gpus() -> set[str]:
    return containing(r"^\s+gpu=")


def test_every_profile_is_known_here():
    assert set(PROFILES) == DEPARTS.keys()


@pytest.mark.parametrize("name", PROFILES)
def test_every_rule_with_a_gpu_goes_to_the_partition_of_gpus_and_no_other_does(name):
    assert len(rules()) > 30
    rows = profile(name).get("set-resources", {})
    assert set(rows) == (taking_gpus() if name in GPUS else set())
    assert {row["slurm_partition"] for row in rows.values()} <= {"'gpu'"}


@pytest.mark.parametrize("name", PROFILES)
def test_snakemake_reads_it(name):
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="pip install -e '.[slurm]' was not done")
    _, told = parse_args(["eval_psnr", "--workflow-profile", str(REPOSITORY / "profiles" / name)])
    assert (told.executor, told.retries, told.rerun_incomplete) == ("slurm", profile(name)["retries"], True)
    assert told.slurm_status_command == profile(name)["slurm-status-command"]
    assert set(told.set_resources) == set(profile(name).get("set-resources", {}))
    assert set(profile(name)["default-resources"]) <= set(told.default_resources)


@pytest.mark.parametrize("name", PROFILES)
def test_every_line_is_explained(name):
    unexplained = [line for line in text(name).splitlines() if line and "# " not in line and line != "#"]
    assert unexplained == []


@pytest.mark.parametrize("name", PROFILES)
def test_profiles_depart_from_one_another_only_where_they_say(name):
    ours, first = settings_of(name), settings_of("slurm")
    assert {key for key in ours.keys() | first.keys() if ours.get(key) != first.get(key)} == DEPARTS[name]


@pytest.mark.parametrize("name", PROFILES)
def test_groups_and_arrays_are_of_rules_that_exist_and_groups_take_no_gpu(name):
    groups = profile(name).get("groups", {})
    assert set(groups) <= set(rules()) - taking_gpus()
    assert set(profile(name).get("group-components", {})) <= set(groups.values())
    arrays = profile(name).get("slurm-array-jobs", "")
    assert set(filter(None, arrays.split(","))) <= set(rules())
    assert bool(groups) != bool(arrays)


@pytest.mark.parametrize("name", PROFILES)
def test_a_failed_job_is_tried_again_here_and_never_by_a_rule(name):
    assert profile(name)["retries"] > 0
    assert not containing(r"^\s+retries:")


def test_trainings_are_told_before_their_time_is_over_and_outlive_the_signal():
    trainings = containing("--state state/")
    assert trainings == containing("LEAVE_IN_TIME|SHARED,") == containing("trap '' TERM; ")
    assert trainings < taking_gpus()


def test_all_that_begins_anew_is_tried_again_with_more_memory_and_time():
    in_jobs = {name for name, (body, _) in rules().items() if "mem_mb=" in body}
    growing = containing(r"mem_mb=growing\(\d{4}\)") & containing(r"runtime=growing\(")
    assert in_jobs - growing == {name for name in containing("--state state/") if name in in_jobs}
