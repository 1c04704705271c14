# Raw frames to views on the camera contract, a chunk of frames a job.


# Foreseen before anything red stops the line: the verdict tells of it.
rule foresee_normalization:
    input:
        found="results/{capture}/found.json",
        animals=lambda w: plan.animal_files(w.capture, "animal"),
        masks=lambda w: plan.animal_files(w.capture, "masks"),
    output:
        foreseen="results/{capture}/foreseen.json",
    log:
        "logs/foresee_normalization/{capture}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        normalizations=lambda w: json.dumps(
            {name: way.model_dump() for name, way in plan.normalizations(w.capture).items()}
        ),
        contract=settings.camera_contract.model_dump_json(),
        work=settings.normalization_work.model_dump_json(),
        code=code("normalization", "carving", "geometry", "imaging"),
    shell:
        "python -m workflow_scripts.foresee_normalization --found {input.found:q}"
        " --normalizations {params.normalizations:q} --contract {params.contract:q} --work {params.work:q}"
        " --foreseen {output.foreseen}"
        " 2>&1 | tee {log} >&2"


rule normalize_views:
    input:
        frames="results/frames/{capture}/manifest.json",
        animal="results/animal/{capture}/chunk_{chunk}/animal.npz",
        masks="results/animal/{capture}/chunk_{chunk}/masks.npz",
        videos=lambda w: plan.videos(w.capture),
    output:
        views="results/views/{capture}/{normalization}/chunk_{chunk}/manifest.json",
    log:
        "logs/normalize_views/{capture}.{normalization}.{chunk}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(60),
    params:
        normalization=lambda w: settings.normalizations[w.normalization].model_dump_json(),
        contract=settings.camera_contract.model_dump_json(),
        work=settings.normalization_work.model_dump_json(),
        code=code("normalization", "carving", "geometry", "imaging"),
    shell:
        "python -m workflow_scripts.normalize_views --frames {input.frames:q} --views {output.views}"
        " --chunk {wildcards.chunk} --normalization {params.normalization:q}"
        " --normalization-name {wildcards.normalization} --contract {params.contract:q} --work {params.work:q}"
        " 2>&1 | tee {log} >&2"
