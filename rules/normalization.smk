# Raw frames to views on the camera contract, a chunk of frames a job.


rule normalize_views:
    input:
        frames="results/frames/{capture}/manifest.json",
    output:
        views="results/views/{capture}/{normalization}/chunk_{chunk}/manifest.json",
    log:
        "logs/normalize_views/{capture}.{normalization}.{chunk}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=60,
    params:
        normalization=lambda w: settings.normalizations[w.normalization].model_dump_json(),
        contract=settings.camera_contract.model_dump_json(),
        work=settings.normalization_work.model_dump_json(),
        code=code("normalization", "carving", "geometry", "imaging"),
    shell:
        "python -m workflow_scripts.normalize_views --frames {input.frames} --views {output.views}"
        " --chunk {wildcards.chunk} --normalization {params.normalization:q}"
        " --normalization-name {wildcards.normalization} --contract {params.contract:q} --work {params.work:q}"
        " 2>&1 | tee {log} >&2"
