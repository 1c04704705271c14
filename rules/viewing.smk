# Predicted Gaussians for other programs, and to look at: `snakemake --cores 2 viewers`.

from mouse_facelift.formats.whole import sha256
from mouse_facelift.provenance import PACKAGE


rule export_models:
    input:
        predictions="results/predictions/{experiment}/predictions.json",
    output:
        models="results/models/{experiment}/models.json",
    log:
        "logs/export_models/{experiment}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        exports=settings.exports.model_dump_json(),
        code=code("evaluation.export_models", "viewing", "geometry", "formats"),
    shell:
        "python -m workflow_scripts.export_models --predictions {input.predictions:q} --models {output.models}"
        " --exports {params.exports:q} 2>&1 | tee {log} >&2"


rule draw_turntable:
    input:
        models="results/models/{experiment}/models.json",
    output:
        mp4=report(
            "results/turntables/{experiment}/sequence.mp4",
            caption="captions/turntable.rst",
            category="Turntables",
            labels={"experiment": "{experiment}"},
        ),
        gif="results/turntables/{experiment}/sequence.gif",
    log:
        "logs/draw_turntable/{experiment}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: settings.compute.threads
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        contract=settings.camera_contract.model_dump_json(),
        exports=settings.exports.model_dump_json(),
        compute=settings.compute.model_dump_json(),
        code=code("evaluation.draw_turntable", "viewing", "rendering", "formats"),
    shell:
        "python -m workflow_scripts.draw_turntable --models {input.models:q} --mp4 {output.mp4} --gif {output.gif}"
        " --contract {params.contract:q} --exports {params.exports:q} --compute {params.compute:q}"
        " 2>&1 | tee {log} >&2"


rule build_viewer:
    input:
        models="results/models/{experiment}/models.json",
        scores=lambda w: plan.scores({w.experiment: settings.rows[w.experiment]}, plan.answers()),
        turntable="results/turntables/{experiment}/sequence.gif",
    output:
        viewer=report(
            "results/viewers/{experiment}.html",
            caption="captions/viewer.rst",
            category="In three dimensions",
            labels={"experiment": "{experiment}"},
        ),
    log:
        "logs/build_viewer/{experiment}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        contract=settings.camera_contract.model_dump_json(),
        exports=settings.exports.model_dump_json(),
        code=code("evaluation.build_viewer", "viewing", "formats"),
        bundle=settings.jobs.pinned_code or sha256(PACKAGE / "viewing/bundle/sources.json"),
    shell:
        "python -m workflow_scripts.build_viewer --models {input.models:q} --scores {input.scores:q}"
        " --turntable {input.turntable:q} --viewer {output.viewer} --contract {params.contract:q}"
        " --exports {params.exports:q} 2>&1 | tee {log} >&2"


rule viewers:
    input:
        viewers=expand("results/viewers/{experiment}.html", experiment=settings.experiments),
    localrule: True
