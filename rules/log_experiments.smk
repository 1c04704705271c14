# The research log's experiments, beside one another: `snakemake --cores 2 log_experiments`. Nothing else asks for them.


rule log_experiments:
    input:
        tables=of_log(lambda: sorted({plan.table(experiment) for experiment in settings.log_rows})),
        metrics=of_log(lambda: [plan.metrics(experiment) for experiment in settings.log_experiments.trained]),
        scores=of_log(lambda: plan.scores(settings.log_rows, TRIVIAL)),
        sheets=of_log(lambda: expand("results/contact_sheets/{experiment}.png", experiment=settings.log_rows)),
    output:
        table="results/log_experiments/table.csv",
        curves="results/log_experiments/curves.png",
        page=report(
            "results/log_experiments/page.html", caption="captions/log_experiments.rst", category="Research log"
        ),
    log:
        "logs/log_experiments.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        experiments="" if settings.log_experiments is None else settings.log_experiments.model_dump_json(),
        code=code("evaluation", "pages"),
    shell:
        "python -m workflow_scripts.log_experiments --experiments {params.experiments:q} --tables {input.tables:q}"
        " --metrics {input.metrics:q} --scores {input.scores:q} --sheets {input.sheets:q} --table {output.table} --curves {output.curves}"
        " --page {output.page} 2>&1 | tee {log} >&2"
