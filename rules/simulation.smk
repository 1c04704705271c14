# Simulated recordings, written as a laboratory would have them, and procedural animals to pretrain on.

from mouse_facelift.plan import SIMULATED_CAMERAS


rule simulate_capture:
    output:
        calibration="results/simulated/{simulation}/calibration.toml",
        videos=expand(
            "results/simulated/{{simulation}}/videos/{camera}.mp4",
            camera=SIMULATED_CAMERAS,
        ),
        masks=expand(
            "results/simulated/{{simulation}}/masks/{camera}.mp4",
            camera=SIMULATED_CAMERAS,
        ),
        truth="results/truth/{simulation}/truth.json",  # apart: for tests, never read by the line
    log:
        "logs/simulate_capture/{simulation}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: settings.compute.threads
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        sequence=lambda w: settings.simulations[w.simulation].sequence,
        frames=lambda w: settings.simulations[w.simulation].frames,
        seed=lambda w: settings.simulations[w.simulation].seed,
        scale=lambda w: settings.simulations[w.simulation].frame_scale,
        code=code("simulation", "imaging.pictures", "imaging.video"),
    shell:
        "python -m workflow_scripts.simulate_capture --capture results/simulated/{wildcards.simulation}"
        " --truth results/truth/{wildcards.simulation} --sequence {params.sequence:q} --frames {params.frames:q}"
        " --seed {params.seed:q} --scale {params.scale:q} 2>&1 | tee {log} >&2"


rule simulate_animals:
    output:
        animals=plan.packs(),
    log:
        "logs/simulate_animals.log",
    conda:
        "../envs/pipeline.yaml"
    threads: settings.compute.threads
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        animals=settings.pretraining.animals.count,
        views=settings.pretraining.animals.views,
        seed=settings.pretraining.animals.seed,
        contract=settings.camera_contract.model_dump_json(),
        code=code("simulation", "imaging.pictures", "geometry.contract", "formats.packs"),
    shell:
        "python -m workflow_scripts.simulate_animals --animals $(dirname {output.animals[0]})"
        " --count {params.animals:q} --views {params.views:q} --contract {params.contract:q} --seed {params.seed:q}"
        " 2>&1 | tee {log} >&2"


rule simulate_posed_animals:
    output:
        table="results/samples/{dataset}.{normalization}/table.json",
    log:
        "logs/simulate_posed_animals/{dataset}.{normalization}.log",
    wildcard_constraints:
        dataset=among(settings.posed_datasets),
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        dataset=lambda w: settings.posed_datasets[w.dataset].model_dump_json(),
        normalization=lambda w: settings.normalizations[w.normalization].model_dump_json(),
        contract=settings.camera_contract.model_dump_json(),
        code=code("simulation", "imaging.pictures", "geometry.contract", "formats.sample_folder"),
    shell:
        "python -m workflow_scripts.simulate_posed_animals --table {output.table}"
        " --dataset-name {wildcards.dataset} --dataset {params.dataset:q}"
        " --normalization-name {wildcards.normalization} --normalization {params.normalization:q}"
        " --contract {params.contract:q} 2>&1 | tee {log} >&2"


rule draw_true_views:
    input:
        table="results/samples/{dataset}.{normalization}/table.json",
        views=lambda w: plan.posed_with_truth(w.dataset, w.normalization),
        truths=lambda w: plan.truths(w.dataset).values(),
    output:
        true_views="results/truth/{dataset}.{normalization}/true_views.json",  # apart, as all that is true
    log:
        "logs/draw_true_views/{dataset}.{normalization}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(30),
    params:
        truths=lambda w: json.dumps(plan.truths(w.dataset)),
        evaluation=settings.evaluation.evaluated.model_dump_json(),
        asked=settings.evaluation.true_views.model_dump_json(),
        contract=settings.camera_contract.model_dump_json(),
        code=code("simulation", "formats", "geometry", "imaging.pictures"),
    shell:
        "python -m workflow_scripts.draw_true_views --table {input.table:q} --views {input.views:q}"
        " --truths {params.truths:q} --evaluation {params.evaluation:q} --asked {params.asked:q}"
        " --contract {params.contract:q} --true-views {output.true_views} 2>&1 | tee {log} >&2"


rule measure_normalizations:
    input:
        views=lambda w: plan.measured_views(),
        frames=expand(
            "results/frames/{capture}/manifest.json",
            capture=settings.normalization_modes.captures,
        ),
        truths=lambda w: [
            f"results/truth/{plan.simulation_of(capture)}/truth.json"
            for capture in settings.normalization_modes.captures
        ],
    output:
        table="results/normalization_modes.csv",
        plot=report(
            "results/normalization_modes.png", caption="captions/normalization_modes.rst", category="Normalization"
        ),
    log:
        "logs/measure_normalizations.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(60),
    params:
        modes=settings.normalization_modes.model_dump_json(),
        contract=settings.camera_contract.model_dump_json(),
        code=code("simulation", "formats", "geometry"),
    shell:
        "python -m workflow_scripts.measure_normalizations --views {input.views:q} --frames {input.frames:q}"
        " --truths {input.truths:q} --modes {params.modes:q} --contract {params.contract:q} --table {output.table}"
        " --plot {output.plot} 2>&1 | tee {log} >&2"
