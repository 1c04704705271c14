# One picture to several views: training of view generators, and datasets that they draw.


rule write_fresh_generator:
    output:
        folder=directory("results/generator_starts/{start}/pipeckpts"),
        prompts="results/generator_starts/{start}/prompts.pt",
    log:
        "logs/write_fresh_generator/{start}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    params:
        size=lambda w: settings.generator_starts[w.start].model_dump_json(),
        picture_size=settings.camera_contract.image_size,
        code=code("mvdiffusion.fresh", "mvdiffusion.codec"),
    shell:
        "python -m workflow_scripts.write_fresh_generator --folder {output.folder} --prompts {output.prompts}"
        " --size {params.size:q} --picture-size {params.picture_size:q} 2>&1 | tee {log} >&2"


rule write_prompts:
    input:
        lambda w: plan.generators.text_files(w.start),
    output:
        prompts="results/generator_starts/{start}/prompts.pt",
    log:
        "logs/write_prompts/{start}.log",
    wildcard_constraints:
        start=among(plan.generators.without_prompts()),
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(10),
    params:
        folder=lambda w: settings.generator_starts[w.start].folder,
        code=code("mvdiffusion.prompts"),
    shell:
        "python -m workflow_scripts.write_prompts --folder {params.folder:q} --prompts {output.prompts}"
        " 2>&1 | tee {log} >&2"


ruleorder: write_prompts > write_fresh_generator


rule pretrain_mvdiffusion:
    input:
        animals=plan.packs(),
    output:
        generator=directory("results/pretraining/generator"),
    log:
        "logs/pretrain_mvdiffusion.log",
    benchmark:
        "logs/pretrain_mvdiffusion.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: settings.compute.threads
    resources:
        gpu=jobs.gpu,
        mem_mb=4000,
        runtime=jobs.training_minutes,
        slurm_extra=LEAVE_IN_TIME,
    params:
        pretraining=lambda w: plan.generators.pretraining().model_dump_json(),
        held_out=settings.pretraining.animals.held_out,
        contract=settings.camera_contract.model_dump_json(),
        compute=settings.compute.model_dump_json(),
        code=code("mvdiffusion", "training", "formats.packs", "formats.tensors"),
    shell:
        "trap '' TERM; "
        "python -m workflow_scripts.pretrain_mvdiffusion --animals $(dirname {input.animals[0]:q})"
        " --generator {output.generator} --state state/pretrain_mvdiffusion --held-out {params.held_out:q}"
        " --pretraining {params.pretraining:q} --contract {params.contract:q} --compute {params.compute:q}"
        " --code {params.code:q} --minutes {resources.runtime} 2>&1 | tee {log} >&2"


rule train_mvdiffusion:
    input:
        table=lambda w: plan.generators.table(w.generator),
        start=generator_start("folder"),
        prompts=generator_start("prompts"),
        stored=lambda w: plan.generators.stored_ray_film(w.generator),
    output:
        weights="results/generators/{generator}/unet/diffusion_pytorch_model.safetensors",
        config="results/generators/{generator}/unet/config.json",
        card="results/generators/{generator}/card.json",
        diagnosis="results/generators/{generator}/diagnosis.json",
        metrics="results/generators/{generator}/metrics.csv",
    log:
        "logs/train_mvdiffusion/{generator}.log",
    benchmark:
        "logs/train_mvdiffusion/{generator}.benchmark.tsv"
    conda:
        "../envs/pipeline.yaml"
    threads: settings.compute.threads
    resources:
        **SHARED,
        gpu=SHARED_GPUS,
        mem_mb=3000,
        runtime=jobs.training_minutes,
    params:
        stored=lambda w, input: f"--ray-film {shlex.quote(input.stored[0])}" if input.stored else "",
        declared=lambda w: plan.generators.declared(w.generator).model_dump_json(),
        domain=lambda w: settings.domain_of(settings.generators[w.generator].dataset),
        generator=lambda w: settings.generators[w.generator].model_dump_json(),
        contract=settings.camera_contract.model_dump_json(),
        compute=settings.compute.model_dump_json(),
        code=code("mvdiffusion", "training", "formats.sample_folder", "formats.tensors"),
    shell:
        "trap '' TERM; "
        "shared_python -m workflow_scripts.train_mvdiffusion --table {input.table:q} --start {input.start:q}"
        " --prompts {input.prompts:q} {params.stored} --declared {params.declared:q} --domain {params.domain:q}"
        " --unet $(dirname {output.weights}) --card {output.card} --diagnosis {output.diagnosis}"
        " --metrics {output.metrics} --state state/train_mvdiffusion/{wildcards.generator}"
        " --name {wildcards.generator} --generator {params.generator:q} --contract {params.contract:q}"
        " --compute {params.compute:q} --code {params.code:q} --minutes {resources.runtime} 2>&1 | tee {log} >&2"


# What reads rays is a file of its own.
use rule train_mvdiffusion as train_mvdiffusion_plucker with:
    output:
        weights="results/generators/{generator}/unet/diffusion_pytorch_model.safetensors",
        config="results/generators/{generator}/unet/config.json",
        card="results/generators/{generator}/card.json",
        diagnosis="results/generators/{generator}/diagnosis.json",
        metrics="results/generators/{generator}/metrics.csv",
        ray_film="results/generators/{generator}/ray_film.safetensors",
    wildcard_constraints:
        generator=among(plan.generators.with_rays()),


ruleorder: train_mvdiffusion_plucker > train_mvdiffusion


rule generate_views:
    input:
        unpack(lambda w: plan.generators.files(settings.generated_datasets[w.dataset].generator)),
        samples=lambda w: f"results/samples/{settings.generated_datasets[w.dataset].of}.{w.normalization}/table.json",
        start=lambda w: plan.generators.start(settings.generated_datasets[w.dataset].generator)["folder"],
        prompts=lambda w: plan.generators.start(settings.generated_datasets[w.dataset].generator)["prompts"],
    output:
        table="results/samples/{dataset}.{normalization}/table.json",
    log:
        "logs/generate_views/{dataset}.{normalization}.log",
    wildcard_constraints:
        dataset=among(settings.generated_datasets),
    conda:
        "../envs/pipeline.yaml"
    threads: settings.compute.threads
    resources:
        gpu=jobs.gpu,
        mem_mb=growing(2500),
        runtime=growing(jobs.training_minutes),
    params:
        ray_film=lambda w, input: f"--ray-film {shlex.quote(input.ray_film)}" if "ray_film" in input.keys() else "",
        dataset=of_generated(lambda row: row.model_dump_json()),
        sampling=of_generated(lambda row: settings.generators[row.generator].sampling.model_dump_json()),
        contract=settings.camera_contract.model_dump_json(),
        compute=settings.compute.model_dump_json(),
        code=code("mvdiffusion", "formats"),
    shell:
        "python -m workflow_scripts.generate_views --samples {input.samples:q} --start {input.start:q}"
        " --prompts {input.prompts:q} --unet $(dirname {input.unet:q}) {params.ray_film} --card {input.card:q}"
        " --table {output.table} --dataset-name {wildcards.dataset} --dataset {params.dataset:q}"
        " --sampling {params.sampling:q} --contract {params.contract:q} --compute {params.compute:q}"
        " 2>&1 | tee {log} >&2"


rule draw_outside_views:
    input:
        files=lambda w: plan.generators.outside_files(w.dataset),
        samples=lambda w: f"results/samples/{settings.outside_datasets[w.dataset].of}.{w.normalization}/table.json",
    output:
        table="results/samples/{dataset}.{normalization}/table.json",
        residuals="results/samples/{dataset}.{normalization}/residuals.csv",
    log:
        "logs/draw_outside_views/{dataset}.{normalization}.log",
    wildcard_constraints:
        dataset=among(settings.outside_datasets),
    conda:
        "../envs/pipeline.yaml"
    threads: settings.compute.threads
    resources:
        gpu=jobs.gpu,
        mem_mb=growing(8000),
        runtime=growing(jobs.training_minutes),
    params:
        folder=lambda w: settings.outside_datasets[w.dataset].folder,
        dataset=lambda w: settings.outside_datasets[w.dataset].model_dump_json(),
        normalization=lambda w: settings.normalizations[w.normalization].model_dump_json(),
        hull_resolution=settings.normalization_work.hull_resolution,
        contract=settings.camera_contract.model_dump_json(),
        compute=settings.compute.model_dump_json(),
        code=code("mvdiffusion.outside", "mvdiffusion.generators", "mvdiffusion.drawn_sample", "carving", "formats"),
    shell:
        "python -m workflow_scripts.draw_outside_views --samples {input.samples:q} --folder {params.folder:q}"
        " --table {output.table} --residuals {output.residuals} --dataset-name {wildcards.dataset}"
        " --dataset {params.dataset:q} --normalization {params.normalization:q}"
        " --hull-resolution {params.hull_resolution:q} --contract {params.contract:q} --compute {params.compute:q}"
        " 2>&1 | tee {log} >&2"


rule draw_views:
    input:
        unpack(lambda w: plan.generators.files(w.generator)),
        samples=lambda w: plan.generators.table(w.generator),
        start=generator_start("folder"),
        prompts=generator_start("prompts"),
    output:
        drawn="results/generators/{generator}/drawn/drawn.json",
        pictures="results/generators/{generator}/drawn/drawn.npz",
    log:
        "logs/draw_views/{generator}.log",
    conda:
        "../envs/pipeline.yaml"
    threads: settings.compute.threads
    resources:
        gpu=jobs.gpu,
        mem_mb=growing(2500),
        runtime=growing(60),
    params:
        ray_film=lambda w, input: f"--ray-film {shlex.quote(input.ray_film)}" if "ray_film" in input.keys() else "",
        generator=lambda w: settings.generators[w.generator].model_dump_json(),
        evaluation=settings.evaluation.evaluated.model_dump_json(),
        contract=settings.camera_contract.model_dump_json(),
        compute=settings.compute.model_dump_json(),
        code=code("mvdiffusion", "formats"),
    shell:
        "python -m workflow_scripts.draw_views --samples {input.samples:q} --start {input.start:q}"
        " --prompts {input.prompts:q} --unet $(dirname {input.unet:q}) {params.ray_film} --card {input.card:q}"
        " --drawn {output.drawn} --name {wildcards.generator} --generator {params.generator:q}"
        " --evaluation {params.evaluation:q} --contract {params.contract:q} --compute {params.compute:q}"
        " 2>&1 | tee {log} >&2"


rule view_generation:
    input:
        drawn=[f"results/generators/{name}/drawn/drawn.json" for name in settings.generators],
    output:
        scores="results/view_generation/scores.csv",
        summary="results/view_generation/summary.csv",
        page="results/view_generation/page.md",
    log:
        "logs/view_generation.log",
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    params:
        evaluation=settings.evaluation.evaluated.model_dump_json(),
        code=code("evaluation.generation", "evaluation.metrics", "formats"),
    shell:
        "python -m workflow_scripts.view_generation --drawn {input.drawn:q} --scores {output.scores}"
        " --summary {output.summary} --page {output.page} --evaluation {params.evaluation:q} 2>&1 | tee {log} >&2"


rule mix_datasets:
    input:
        tables=lambda w: [
            f"results/samples/{part}.{w.normalization}/table.json" for part in settings.mixed_datasets[w.dataset].of
        ],
    output:
        table="results/samples/{dataset}.{normalization}/table.json",
    log:
        "logs/mix_datasets/{dataset}.{normalization}.log",
    wildcard_constraints:
        dataset=among(settings.mixed_datasets),
    conda:
        "../envs/pipeline.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        code=code("dataset.mix", "formats"),
    shell:
        "python -m workflow_scripts.mix_datasets --tables {input.tables:q} --table {output.table}"
        " --dataset-name {wildcards.dataset} 2>&1 | tee {log} >&2"


ruleorder: simulate_posed_animals > generate_views > draw_outside_views > mix_datasets > assemble_dataset
