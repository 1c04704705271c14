"""From a raw multi-camera capture of a mouse to 3D Gaussians and honest numbers: `snakemake --cores 8 eval_psnr`."""

from pathlib import Path

from snakemake.utils import min_version

min_version("9.8")


# A file named by --configfile stands in place of config.yaml: its rows are all there are.
if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


include: "rules/common.smk"
include: "rules/jobs.smk"
include: "rules/simulation.smk"
include: "rules/capture.smk"
include: "rules/normalization.smk"
include: "rules/dataset.smk"
include: "rules/mvdiffusion.smk"
include: "rules/gslrm.smk"
include: "rules/evaluation.smk"
include: "rules/viewing.smk"
include: "rules/log_experiments.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        rules.eval_psnr.output,
    localrule: True
