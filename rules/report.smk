# All results of a run on one page.

REPORTED = plan.report()


rule write_report:
    input:
        summary="results/eval_psnr_summary.parquet",
        scores="results/eval_psnr.parquet",
        pairs="results/eval_psnr_pairs.parquet",
        plot="results/eval_psnr.png",
        files=REPORTED.all,
        configuration=workflow.configfiles,
    output:
        report=report("results/report.html", caption="captions/report.rst", category="Report"),
    log:
        "logs/write_report.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(30),
    params:
        files=REPORTED.model_dump_json(),
        code=code("evaluation.report", "pages"),
    shell:
        "python -m workflow_scripts.write_report --summary {input.summary:q} --scores {input.scores:q}"
        " --pairs {input.pairs:q} --plot {input.plot:q} --files {params.files:q}"
        " --configuration {input.configuration:q} --report {output.report} 2>&1 | tee {log} >&2"
