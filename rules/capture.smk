# A recording as its laboratory left it: cameras checked, masks measured, the animal found in every frame.


rule make_masks:
    input:
        pictures=lambda w: recorded(
            [settings.captures[w.capture].pictures.format(camera=w.camera)], f"captures.{w.capture}.pictures"
        ),
        key_masks=lambda w: recorded(plan.key_masks(w.capture, w.camera), f"captures.{w.capture}.masks"),
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
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        capture=lambda w: settings.captures[w.capture].model_dump_json(),
        code=code("capture.masks", "imaging"),
    shell:
        "python -m workflow_scripts.make_masks --capture {params.capture:q} --camera {wildcards.camera}"
        " --masks {output.masks} --table {output.table} --sheet {output.sheet} 2>&1 | tee {log} >&2"


rule open_capture:
    input:
        calibration=lambda w: recorded(plan.calibration(w.capture), f"captures.{w.capture}.calibration"),
        pictures=lambda w: recorded(plan.pictures(w.capture), f"captures.{w.capture}.pictures"),
        masks=lambda w: recorded(plan.masks(w.capture), f"captures.{w.capture}.masks"),
    output:
        opened="results/animal/{capture}/opened.json",
    log:
        "logs/open_capture/{capture}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        capture=lambda w: plan.with_masks(w.capture).model_dump_json(),
        code=code("capture.calibration", "capture.open_capture", "capture.recording", "imaging.video"),
    shell:
        "python -m workflow_scripts.open_capture --name {wildcards.capture} --capture {params.capture:q}"
        " --opened {output.opened} 2>&1 | tee {log} >&2"


rule find_animal:
    input:
        opened="results/animal/{capture}/opened.json",
        pictures=lambda w: plan.videos(w.capture),
        masks=lambda w: plan.mask_videos(w.capture),
    output:
        animal="results/animal/{capture}/chunk_{chunk}/animal.npz",
        masks="results/animal/{capture}/chunk_{chunk}/masks.npz",
    log:
        "logs/find_animal/{capture}.{chunk}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(120),
    params:
        capture=lambda w: plan.with_masks(w.capture).model_dump_json(),
        work=settings.animal.model_dump_json(),
        code=code("capture", "carving", "geometry", "imaging"),
    shell:
        "python -m workflow_scripts.find_animal --opened {input.opened:q} --capture {params.capture:q}"
        " --work {params.work:q} --chunk {wildcards.chunk} --animal {output.animal} --masks {output.masks}"
        " 2>&1 | tee {log} >&2"


rule measure_capture:
    input:
        opened="results/animal/{capture}/opened.json",
        animals=lambda w: plan.animal_files(w.capture, "animal"),
        masks=lambda w: plan.animal_files(w.capture, "masks"),
        key_points=lambda w: recorded(plan.key_points(w.capture), f"captures.{w.capture}.key_points"),
    output:
        found="results/{capture}/found.json",
    log:
        "logs/measure_capture/{capture}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        capture=lambda w: plan.with_masks(w.capture).model_dump_json(),
        animal=settings.animal.model_dump_json(),
        verdict=settings.verdict.model_dump_json(),
        code=code("capture", "carving", "geometry", "imaging"),
    shell:
        "python -m workflow_scripts.measure_capture --opened {input.opened:q} --animals {input.animals:q}"
        " --masks {input.masks:q} --capture {params.capture:q} --animal {params.animal:q}"
        " --verdict {params.verdict:q} --found {output.found} 2>&1 | tee {log} >&2"


rule judge_capture:
    input:
        found="results/{capture}/found.json",
        foreseen="results/{capture}/foreseen.json",
        masks=lambda w: plan.animal_files(w.capture, "masks"),
        pictures=lambda w: plan.videos(w.capture),
    output:
        verdict="results/{capture}/verdict.json",
        page=report(
            "results/{capture}/verdict.html",
            caption="captions/verdict.rst",
            category="Captures",
            labels={"capture": "{capture}"},
        ),
    log:
        "logs/judge_capture/{capture}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        capture=lambda w: plan.with_masks(w.capture).model_dump_json(),
        work=settings.verdict.model_dump_json(),
        code=code("capture", "formats.verdict", "formats.foreseen", "pages"),
    shell:
        "python -m workflow_scripts.judge_capture --found {input.found:q} --foreseen {input.foreseen:q}"
        " --capture {params.capture:q} --work {params.work:q} --verdict {output.verdict} --page {output.page}"
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
        mem_mb=growing(1000),
        runtime=growing(10),
    shell:
        "python -m workflow_scripts.admit_capture --found {input.found:q} --verdict {input.verdict:q}"
        " --frames {output.frames} 2>&1 | tee {log} >&2"


rule check_capture:
    input:
        expand("results/{capture}/verdict.html", capture=settings.captures),
    localrule: True
