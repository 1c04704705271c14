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
        frames="results/frames/{capture}/manifest.json",
        verdict="results/{capture}/verdict.json",
    log:
        "logs/read_capture/{capture}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        capture=lambda w: plan.with_masks(w.capture).model_dump_json(),
        code=code("capture", "geometry", "imaging"),
    shell:
        "python -m workflow_scripts.read_capture --name {wildcards.capture} --capture {params.capture:q}"
        " --frames {output.frames} --verdict {output.verdict} 2>&1 | tee {log} >&2"


rule check_captures:
    input:
        expand("results/{capture}/verdict.json", capture=settings.captures),
    localrule: True
