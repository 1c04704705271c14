"""The profile for SLURM knows every rule that takes a GPU, and no other."""

import re
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]
PROFILE = yaml.safe_load((REPOSITORY / "profiles/slurm/config.yaml").read_text())
HEAD = re.compile(r"^(?:rule (\w+)|use rule (\w+) as (\w+) with):", re.MULTILINE)


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


def taking(resource: str) -> set[str]:
    everything = rules()
    told = {name for name, (body, _) in everything.items() if re.search(rf"^\s+{resource}=", body, re.MULTILINE)}
    return told | {name for name, (_, parent) in everything.items() if parent in told}


def test_every_rule_with_a_gpu_goes_to_the_partition_of_gpus_and_no_other_does():
    assert len(rules()) > 30
    to_gpus = {name for name, row in PROFILE["set-resources"].items() if row["slurm_partition"] == "'gpu'"}
    assert to_gpus == taking("gpu")


def test_trainings_are_told_before_their_time_is_over():
    told = {name for name, row in PROFILE["set-resources"].items() if "--signal=USR1" in row.get("slurm_extra", "")}
    assert told == {name for name in taking("gpu") if "--state state/" in rules()[rules()[name][1] or name][0]}


def test_groups_are_of_rules_that_exist_and_take_no_gpu():
    assert set(PROFILE["groups"]) <= set(rules()) - taking("gpu")
    assert set(PROFILE["groups"].values()) == set(PROFILE["group-components"])
