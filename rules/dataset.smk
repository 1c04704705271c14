# Posed views to a sample table, split by blocks of time.


rule assemble_dataset:
    input:
        views=lambda w: plan.views(w.dataset, w.normalization),
    output:
        table="results/samples/{dataset}.{normalization}/table.json",
        residuals="results/samples/{dataset}.{normalization}/residuals.csv",
    log:
        "logs/assemble_dataset/{dataset}.{normalization}.log",
    wildcard_constraints:
        dataset=among(settings.datasets),
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        dataset=lambda w: settings.datasets[w.dataset].model_dump_json(),
        contract=settings.camera_contract.model_dump_json(),
        code=code("dataset", "formats"),
    shell:
        "python -m workflow_scripts.assemble_dataset --views {input.views:q} --table {output.table} --residuals {output.residuals}"
        " --dataset-name {wildcards.dataset} --dataset {params.dataset:q}"
        " --normalization-name {wildcards.normalization} --contract {params.contract:q} 2>&1 | tee {log} >&2"
