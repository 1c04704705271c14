# A recording as its laboratory left it: cameras checked, masks measured, the animal found in every frame.


rule make_masks:
    input:
        pictures=lambda w: settings.captures[w.capture].pictures.format(camera=w.camera),
        key_masks=lambda w: plan.key_masks(w.capture, w.camera),
    output:
        masks="results/masks/{capture}/{camera}.mp4",
        table="results/masks/{capture}/{camera}.csv",
        sheet="results/masks/{capture}/{camera}.png",
    log:
        "logs/make_masks/{capture}.{camera}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        capture=lambda w: settings.captures[w.capture].model_dump_json(),
        code=code("capture.masks", "imaging"),
    shell:
        "python -m workflow_scripts.make_masks --capture {params.capture:q} --camera {wildcards.camera}"
        " --masks {output.masks} --table {output.table} --sheet {output.sheet} 2>&1 | tee {log} >&2"


rule read_capture:
    input:
        calibration=lambda w: settings.captures[w.capture].calibration.path,
        pictures=lambda w: plan.pictures(w.capture),
        masks=lambda w: plan.masks(w.capture),
    output:
        found="results/{capture}/found.json",
        verdict="results/{capture}/verdict.json",
        page="results/{capture}/verdict.html",
    log:
        "logs/read_capture/{capture}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=60,
    params:
        capture=lambda w: plan.with_masks(w.capture).model_dump_json(),
        work=settings.verdict.model_dump_json(),
        code=code("capture", "geometry", "imaging"),
    shell:
        "python -m workflow_scripts.read_capture --name {wildcards.capture} --capture {params.capture:q}"
        " --work {params.work:q} --found {output.found} --verdict {output.verdict} --page {output.page}"
        " 2>&1 | tee {log} >&2"


# Red stops the line here, after the verdict and its page are written.
rule admit_capture:
    input:
        found="results/{capture}/found.json",
        verdict="results/{capture}/verdict.json",
    output:
        frames="results/frames/{capture}/manifest.json",
    log:
        "logs/admit_capture/{capture}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=10,
    shell:
        "python -m workflow_scripts.admit_capture --found {input.found} --verdict {input.verdict}"
        " --frames {output.frames} 2>&1 | tee {log} >&2"


rule check_capture:
    input:
        expand("results/{capture}/verdict.html", capture=settings.captures),
    localrule: True
