# Renderings to numbers and pictures, trivial answers beside them.

LPIPS = [] if settings.evaluation.lpips_weights is None else [settings.evaluation.lpips_weights]


rule predict_baselines:
    input:
        table="results/samples/{dataset}.{normalization}/table.json",
    output:
        white="results/baselines/{dataset}.{normalization}.{inputs}in/white_picture/predictions.json",
        hull="results/baselines/{dataset}.{normalization}.{inputs}in/visual_hull/predictions.json",
    log:
        "logs/predict_baselines/{dataset}.{normalization}.{inputs}in.log",
    conda:
        "../envs/pipeline.yaml"
    threads: settings.compute.threads
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        views=lambda w: json.dumps({"inputs": int(w.inputs)}),
        evaluation=settings.evaluation.evaluated.model_dump_json(),
        compute=settings.compute.model_dump_json(),
        code=code("evaluation", "rendering", "geometry", "formats"),
    shell:
        "python -m workflow_scripts.predict_baselines --table {input.table:q} --predictions-white {output.white}"
        " --predictions-hull {output.hull} --views {params.views:q} --evaluation {params.evaluation:q}"
        " --compute {params.compute:q} 2>&1 | tee {log} >&2"


rule fit_scenes:
    input:
        table="results/samples/{dataset}.{normalization}/table.json",
    output:
        equal_time="results/baselines/{dataset}.{normalization}.{inputs}in/scene_equal_time/predictions.json",
        converged="results/baselines/{dataset}.{normalization}.{inputs}in/scene_converged/predictions.json",
        seconds="results/baselines/{dataset}.{normalization}.{inputs}in/scene_seconds.csv",
    log:
        "logs/fit_scenes/{dataset}.{normalization}.{inputs}in.log",
    conda:
        "../envs/pipeline.yaml"
    threads: settings.compute.threads
    resources:
        gpu=jobs.gpu,
        mem_mb=growing(2000),
        runtime=growing(jobs.training_minutes),
    params:
        views=lambda w: json.dumps({"inputs": int(w.inputs)}),
        evaluation=settings.evaluation.evaluated.model_dump_json(),
        fitting=lambda w: plan.scene_fitting().model_dump_json(),
        compute=settings.compute.model_dump_json(),
        code=code("evaluation", "rendering", "geometry", "formats", "imaging.structure"),
    shell:
        "python -m workflow_scripts.fit_scenes --table {input.table:q}"
        " --predictions-equal-time {output.equal_time} --predictions-converged {output.converged}"
        " --seconds {output.seconds} --views {params.views:q} --evaluation {params.evaluation:q}"
        " --fitting {params.fitting:q} --compute {params.compute:q} 2>&1 | tee {log} >&2"


rule score_predictions:
    input:
        predictions="results/predictions/{experiment}/predictions.json",
        lpips=lambda w: recorded(LPIPS, "evaluation.lpips_weights"),
    output:
        scores="results/scores/{experiment}.csv",
    log:
        "logs/score_predictions/{experiment}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        evaluation=settings.evaluation.evaluated.model_dump_json(),
        lpips=" ".join(f"--lpips {shlex.quote(file)}" for file in LPIPS),
        code=code("evaluation", "rendering", "geometry", "formats"),
    shell:
        "python -m workflow_scripts.score_predictions --predictions {input.predictions:q} --scores {output.scores}"
        " --evaluation {params.evaluation:q} {params.lpips} 2>&1 | tee {log} >&2"


use rule score_predictions as score_baselines with:
    input:
        predictions="results/baselines/{dataset}.{normalization}.{inputs}in/{answer}/predictions.json",
        lpips=lambda w: recorded(LPIPS, "evaluation.lpips_weights"),
    output:
        scores="results/scores/baselines/{dataset}.{normalization}.{inputs}in/{answer}.csv",
    log:
        "logs/score_baselines/{dataset}.{normalization}.{inputs}in.{answer}.log",


rule score_true_views:
    input:
        predictions=["results/predictions/{experiment}/predictions.json"],
        true_views=lambda w: plan.true_views(settings.experiments[w.experiment]),
    output:
        scores="results/scores/truth/{experiment}.csv",
    log:
        "logs/score_true_views/{experiment}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(30),
    params:
        evaluation=settings.evaluation.evaluated.model_dump_json(),
        compute=settings.compute.model_dump_json(),
        code=code("evaluation", "rendering", "geometry", "formats"),
    shell:
        "python -m workflow_scripts.score_true_views --predictions {input.predictions:q}"
        " --true-views {input.true_views:q} --scores {output.scores} --evaluation {params.evaluation:q}"
        " --compute {params.compute:q} 2>&1 | tee {log} >&2"


use rule score_true_views as score_true_views_of_baselines with:
    input:
        predictions=expand(
            "results/baselines/{{dataset}}.{{normalization}}.{{inputs}}in/{answer}/predictions.json", answer=TRIVIAL
        ),
        true_views="results/truth/{dataset}.{normalization}/true_views.json",
    output:
        scores="results/scores/truth/baselines/{dataset}.{normalization}.{inputs}in.csv",
    log:
        "logs/score_true_views_of_baselines/{dataset}.{normalization}.{inputs}in.log",


rule eval_truth:
    input:
        scores=plan.true_scores(),
    output:
        table="results/eval_truth.csv",
        parquet="results/eval_truth.parquet",
    log:
        "logs/eval_truth.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        code=code("evaluation"),
    shell:
        "python -m workflow_scripts.eval_truth --scores {input.scores:q} --table {output.table} 2>&1 | tee {log} >&2"


rule draw_contact_sheet:
    input:
        predictions="results/predictions/{experiment}/predictions.json",
    output:
        sheet=report(
            "results/contact_sheets/{experiment}.png",
            caption="captions/contact_sheet.rst",
            category="Contact sheets",
            labels={"experiment": "{experiment}"},
        ),
    log:
        "logs/draw_contact_sheet/{experiment}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        evaluation=settings.evaluation.evaluated.model_dump_json(),
        code=code("evaluation", "formats"),
    shell:
        "python -m workflow_scripts.draw_contact_sheet --predictions {input.predictions:q} --sheet {output.sheet}"
        " --evaluation {params.evaluation:q} 2>&1 | tee {log} >&2"


rule eval_psnr:
    input:
        scores=plan.scores(settings.experiments, plan.answers()),
        truth=plan.truth_table(),
        sheets=expand("results/contact_sheets/{experiment}.png", experiment=settings.experiments),
    output:
        table="results/eval_psnr.csv",
        summary=report("results/eval_psnr_summary.csv", caption="captions/summary.rst", category="Experiments"),
        pairs="results/eval_psnr_pairs.csv",
        parquet=expand("results/eval_psnr{part}.parquet", part=["", "_summary", "_pairs"]),
        plot=report("results/eval_psnr.png", caption="captions/eval_psnr.rst", category="Experiments"),
    log:
        "logs/eval_psnr.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        intervals=settings.evaluation.intervals.model_dump_json(),
        truth=" ".join(f"--truth {shlex.quote(table)}" for table in plan.truth_table()),
        code=code("evaluation"),
    shell:
        "python -m workflow_scripts.eval_psnr --scores {input.scores:q} {params.truth}"
        " --intervals {params.intervals:q} --table {output.table} --summary {output.summary}"
        " --pairs {output.pairs} --plot {output.plot} 2>&1 | tee {log} >&2"


rule draw_line:
    input:
        frames=f"results/frames/{next(iter(settings.captures))}/manifest.json",
        masks=plan.animal_files(next(iter(settings.captures)), "masks"),
        predictions=f"results/predictions/{list(settings.experiments)[0]}/predictions.json",
    output:
        picture="results/line.png",
    log:
        "logs/draw_line.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        evaluation=settings.evaluation.evaluated.model_dump_json(),
        code=code("evaluation", "formats", "imaging"),
    shell:
        "python -m workflow_scripts.draw_line --frames {input.frames:q} --predictions {input.predictions:q}"
        " --picture {output.picture} --evaluation {params.evaluation:q} 2>&1 | tee {log} >&2"


rule proof_of_learning:
    input:
        scores=plan.scores(settings.experiments, plan.answers()),
        fitted=plan.fitting_seconds().values(),
    output:
        table="results/proof_of_learning.csv",
        plot=report("results/proof_of_learning.png", caption="captions/proof.rst", category="Does it learn"),
        page="results/proof_of_learning.md",
    log:
        "logs/proof_of_learning.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        groups=json.dumps(plan.trained_groups()),
        fitted=json.dumps(plan.fitting_seconds()),
        trained=json.dumps(plan.training_seconds()),
        code=code("evaluation"),
    shell:
        "python -m workflow_scripts.proof_of_learning --scores {input.scores:q} --groups {params.groups:q}"
        " --fitted {params.fitted:q} --trained {params.trained:q}"
        " --table {output.table} --plot {output.plot} --page {output.page} 2>&1 | tee {log} >&2"
