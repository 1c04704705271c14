# Six views to 3D Gaussians: fine-tuning, prediction, and the pretraining of the shipped small weights.


rule finetune_gslrm:
    input:
        table=lambda w: plan.teaching_table(plan.experiment_of(w.training)),
        checkpoint=checkpoint("weights"),
        config=checkpoint("config"),
        compared_in=of_training(lambda row: list(row.finetune.losses.files)),
    output:
        weights="results/weights/{training}/weights.safetensors",
        card="results/weights/{training}/card.json",
        diagnosis="results/weights/{training}/diagnosis.json",
        metrics="results/weights/{training}/metrics.csv",
    log:
        "logs/finetune_gslrm/{training}.log",
    benchmark:
        "logs/finetune_gslrm/{training}.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: settings.compute.threads
    resources:
        **SHARED,
        gpu=SHARED_GPUS,
        mem_mb=2500,
        runtime=jobs.training_minutes,
    params:
        experiment=lambda w: plan.experiment_of(w.training),
        declared=lambda w: plan.start(plan.experiment_of(w.training)).model_dump_json(),
        domain=lambda w: plan.domain(plan.experiment_of(w.training)),
        views=of_training(lambda row: row.views.model_dump_json()),
        finetune=of_training(lambda row: row.finetune.model_dump_json()),
        contract=settings.camera_contract.model_dump_json(),
        allowed=of_training(lambda row: json.dumps(row.allow_broken_contract)),
        compute=settings.compute.model_dump_json(),
        code=code("gslrm", "training", "rendering", "formats.sample_folder", "formats.tensors"),
    shell:
        "trap '' TERM; "
        "shared_python -m workflow_scripts.finetune_gslrm --table {input.table:q} --checkpoint {input.checkpoint:q}"
        " --config {input.config:q} --declared {params.declared:q} --domain {params.domain:q}"
        " --weights {output.weights} --card {output.card} --diagnosis {output.diagnosis}"
        " --metrics {output.metrics}"
        " --state state/finetune_gslrm/{wildcards.training} --experiment {params.experiment:q}"
        " --views {params.views:q} --finetune {params.finetune:q} --contract {params.contract:q}"
        " --allow-broken-contract {params.allowed:q} --compute {params.compute:q} --code {params.code:q}"
        " --minutes {resources.runtime}"
        " 2>&1 | tee {log} >&2"


# Adapters also stand alone.
use rule finetune_gslrm as finetune_gslrm_lora with:
    output:
        weights="results/weights/{training}/weights.safetensors",
        card="results/weights/{training}/card.json",
        diagnosis="results/weights/{training}/diagnosis.json",
        metrics="results/weights/{training}/metrics.csv",
        adapters="results/weights/{training}/adapters.safetensors",
    wildcard_constraints:
        training=r"[\w.-]+\.lora-[0-9a-f]+",


ruleorder: finetune_gslrm_lora > finetune_gslrm


rule predict_gslrm:
    input:
        table=lambda w: plan.table(w.experiment),
        weights=lambda w: (plan.weights(w.experiment) if plan.training(w.experiment) else checkpoint("weights")(w)),
        config=checkpoint("config"),
    output:
        predictions="results/predictions/{experiment}/predictions.json",
    log:
        "logs/predict_gslrm/{experiment}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: settings.compute.threads
    resources:
        gpu=jobs.gpu,
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        declared=lambda w: plan.declared(w.experiment).model_dump_json(),
        views=lambda w: settings.rows[w.experiment].views.model_dump_json(),
        contract=settings.camera_contract.model_dump_json(),
        allowed=lambda w: json.dumps(settings.rows[w.experiment].allow_broken_contract),
        evaluation=settings.evaluation.evaluated.model_dump_json(),
        compute=settings.compute.model_dump_json(),
        code=code("gslrm", "rendering", "formats"),
    shell:
        "python -m workflow_scripts.predict_gslrm --table {input.table:q} --weights {input.weights:q}"
        " --config {input.config:q} --declared {params.declared:q} --predictions {output.predictions}"
        " --experiment {wildcards.experiment}"
        " --views {params.views:q} --contract {params.contract:q} --allow-broken-contract {params.allowed:q}"
        " --evaluation {params.evaluation:q} --compute {params.compute:q} 2>&1 | tee {log} >&2"


# Looks anew each time it is asked for. The table is a log: Snakemake would remove an output when something is wrong.
rule check_checkpoints:
    log:
        table="results/checkpoints.csv",
        words="logs/check_checkpoints.log",
    localrule: True
    conda:
        "../envs/pipeline.yaml"
    params:
        checkpoints=json.dumps({name: row.model_dump() for name, row in settings.checkpoints.items()}),
    shell:
        "python -m workflow_scripts.check_checkpoints --checkpoints {params.checkpoints:q} --table {log.table}"
        " 2>&1 | tee {log.words} >&2"


rule pretrain_gslrm:
    input:
        animals=plan.packs(),
    output:
        weights=PRETRAINED[0],
        config=PRETRAINED[1],
        card="results/pretraining/gslrm_small.card.json",
    log:
        "logs/pretrain_gslrm.log",
    benchmark:
        "logs/pretrain_gslrm.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: settings.compute.threads
    resources:
        gpu=jobs.gpu,
        mem_mb=4000,
        runtime=jobs.training_minutes,
        slurm_extra=LEAVE_IN_TIME,
    params:
        pretraining=settings.pretraining.model_dump_json(),
        contract=settings.camera_contract.model_dump_json(),
        compute=settings.compute.model_dump_json(),
        code=code("simulation", "gslrm", "training", "rendering", "formats.packs", "formats.tensors"),
    shell:
        "trap '' TERM; "
        "python -m workflow_scripts.pretrain_gslrm --animals $(dirname {input.animals[0]:q}) --weights {output.weights}"
        " --config {output.config} --card {output.card} --state state/pretrain_gslrm"
        " --pretraining {params.pretraining:q} --contract {params.contract:q} --compute {params.compute:q}"
        " --code {params.code:q} --minutes {resources.runtime} 2>&1 | tee {log} >&2"
