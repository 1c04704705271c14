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
        mem_mb=1000,
        runtime=30,
    params:
        simulation=lambda w: settings.simulations[w.simulation].model_dump_json(),
        code=code("simulation"),
    shell:
        "python -m workflow_scripts.simulate_capture --calibration {output.calibration} --truth {output.truth}"
        " --simulation {params.simulation:q} --threads {threads} 2>&1 | tee {log} >&2"


rule simulate_animals:
    output:
        animals="results/pretraining/animals.json",
    log:
        "logs/simulate_animals.log",
    conda:
        "../envs/pipeline.yaml"
    threads: settings.compute.threads
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        animals=settings.pretraining.animals.model_dump_json(),
        contract=settings.camera_contract.model_dump_json(),
        code=code("simulation"),
    shell:
        "python -m workflow_scripts.simulate_animals --manifest {output.animals} --animals {params.animals:q}"
        " --contract {params.contract:q} 2>&1 | tee {log} >&2"
