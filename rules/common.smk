# What all rules share: the typed configuration, and names of files that follow from it. No torch here.

import json
import re
import shlex
from pathlib import Path

from mouse_facelift.plan import TRIVIAL, Plan
from mouse_facelift.provenance import fingerprint
from mouse_facelift.settings import parse_settings, refuse_repeated_keys

for path in map(Path, workflow.configfiles):
    refuse_repeated_keys(path.read_text(encoding="utf-8"), str(path))
plan = Plan(parse_settings(config, source=", ".join(map(str, workflow.configfiles)) or "--config"))
settings = plan.settings


wildcard_constraints:
    **{
        name: r"[\w-]+"
        for name in ("simulation", "capture", "normalization", "dataset", "experiment", "generator", "start")
    },
    chunk=r"\d+",
    inputs=r"\d+",
    training=r"[\w.-]+",
    camera=r"[\w-]+",


def code(*modules):
    """Fingerprint of the code that decides a rule's numbers, or the pin of the configuration."""
    return settings.jobs.pinned_code or fingerprint(*modules)


def recorded(files, field):
    """A laboratory's own files, once all are there.

    Where one is missing, Snakemake would go on with what an earlier run made of others.
    """
    missing = [file for file in files if not file.startswith("results/") and not Path(file).is_file()]
    if missing:
        rest = [f"... and {len(missing) - 20} more"] if len(missing) > 20 else []
        raise WorkflowError(f"{field}: files are missing; nothing was started\n  " + "\n  ".join(missing[:20] + rest))
    return files


PRETRAINED = expand("results/pretraining/gslrm_small.{suffix}", suffix=["safetensors", "json"])


def refuse_without(missing):
    """Stop before anything starts if files of checkpoints are missing, a line each."""
    if missing:
        raise WorkflowError("checkpoints are missing; nothing was started\n  " + "\n  ".join(missing))


def checkpoint(field):
    """Weights or config that an experiment (or the experiment behind a training) starts from, after all are found."""

    def file(wildcards):
        experiment = getattr(wildcards, "experiment", None) or plan.experiment_of(wildcards.training)
        refuse_without(plan.missing_checkpoints(plan.beside(experiment), made_here=PRETRAINED))
        return getattr(settings.checkpoints[settings.rows[experiment].checkpoint], field)

    return file


def of_training(describe):
    """A parameter that follows from the experiment behind a training."""
    return lambda wildcards: describe(settings.rows[plan.experiment_of(wildcards.training)])


def of_log(files):
    """Files of the log's rows, if the configuration has any."""

    def found(wildcards):
        if not settings.log_rows:
            raise WorkflowError("log_experiments: no row in this configuration; config.yaml of the project has them")
        return files()

    return found


def generator_start(part):
    """The folder or the prompts that a view generator starts from, once all of its files are found."""

    def found(wildcards):
        refuse_without(plan.generators.missing(wildcards.generator))
        return plan.generators.start(wildcards.generator)[part]

    return found


def of_generated(describe):
    """A parameter that follows from a generated dataset."""
    return lambda wildcards: describe(settings.generated_datasets[wildcards.dataset])


def among(names):
    """Wildcards that are one of some names; none is, where there are no names."""
    return "|".join(map(re.escape, names)) or "(?!)"
