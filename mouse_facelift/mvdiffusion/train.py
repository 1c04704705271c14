"""Rule `train_mvdiffusion`: a view generator learns from a sample table."""

from pathlib import Path

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.licensed import licenses_of, once_each
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.formats.whole import sha256, write_text_whole
from mouse_facelift.mvdiffusion.causes import causes
from mouse_facelift.mvdiffusion.generator import Generator, load_start
from mouse_facelift.mvdiffusion.held_out import drawn_views
from mouse_facelift.mvdiffusion.loading import find_weights, write_unet
from mouse_facelift.mvdiffusion.lora import add_attention_lora, write_attention_lora
from mouse_facelift.mvdiffusion.pipeline import Pipeline
from mouse_facelift.mvdiffusion.ray_film import RayFilm, fresh_ray_film, load_ray_film, write_ray_film
from mouse_facelift.mvdiffusion.step import GenerationStep, learned_views
from mouse_facelift.provenance import commit
from mouse_facelift.rendering.backends import device_of, use_threads
from mouse_facelift.settings import (
    AttentionLora,
    CameraContract,
    Compute,
    DeclaredWeights,
    Plucker,
    ViewGenerator,
    digest,
)
from mouse_facelift.training.diagnose import diagnose
from mouse_facelift.training.guard import Guard
from mouse_facelift.training.honesty import require_contract_kept
from mouse_facelift.training.leaving import Deadline
from mouse_facelift.training.loop import train
from mouse_facelift.training.lora import merge_lora
from mouse_facelift.training.precision import require_precision
from mouse_facelift.training.processes import Processes, joined_processes, require_shares, threads_of_each
from mouse_facelift.training.samples import TableSource
from mouse_facelift.training.state import StateFolder, metrics_csv
from mouse_facelift.training.trained import last_psnr, require_checksum, skipped_updates, weights_behind

FILM_FILE, LORA_FILE = "ray_film.safetensors", "lora.safetensors"  # beside the UNet's folder, where there are any


def train_mvdiffusion(
    table: Path,
    start: Path,
    prompts: Path,
    declared: DeclaredWeights,
    domain: str,
    unet: Path,
    card: Path,
    diagnosis: Path,
    metrics: Path,
    state: Path,
    name: str,
    generator: ViewGenerator,
    contract: CameraContract,
    compute: Compute,
    code: str,
    minutes: int,
    ray_film: Path | None = None,
) -> None:
    """Train the view generator of the folder `start` on the training split of `table`.

    Where rays are told, `ray_film` is what reads them, trained before; without it, it is fresh.

    Writes the UNet in the released layout, the folder `unet`; beside it what reads rays, and low-rank additions alone,
    where there are any; `card`, `diagnosis` and `metrics` as `finetune_gslrm` does. A training that the guard stopped
    is no failure: its best weights are written, and the card says so.

    `state` is a folder outside the declared outputs; an interrupted run goes on from it to the same numbers. Processes
    started by `torch.distributed.run` share the work; the first of them writes.

    Raises:
        FileNotFoundError: a file of `start`, or `prompts`, is absent.
        ValueError: the data break the contract, or were made for another one, or have too few views; `start` is not as
            declared, or does not fit the contract; the precision does not fit the device, or the batch the number of
            processes.
        SystemExit: with code 75 a little before `minutes` are over; the same call goes on.
    """
    deadline = Deadline.in_minutes(minutes)
    where = f"generators.{name}"
    plan = generator.training
    with joined_processes() as processes:
        use_threads(threads_of_each(compute.threads))
        samples = SampleTable.read(table)
        require_contract_kept(samples, table, contract, where)
        require_shares(f"{where}.training.batch", plan.batch, processes)
        device = device_of(compute.renderer)
        require_precision(device, plan.precision, f"{where}.training.precision")
        weights = find_weights(start / "unet")
        require_checksum(weights, declared)
        pipeline, embeddings = load_start(start, prompts, contract)
        film = None
        if isinstance(generator.conditioning, Plucker):
            film = _film(pipeline, ray_film, plan.seed, generator.conditioning.width, where)
        if isinstance(generator.trained, AttentionLora):
            add_attention_lora(pipeline.unet, generator.trained.rank, generator.trained.alpha, plan.seed)
        if plan.checkpoint_activations:
            pipeline.unet.enable_gradient_checkpointing()
        pipeline.to(device)
        whole = Generator(pipeline, embeddings, film if film is None else film.to(device), contract)
        source = TableSource(samples, table)
        views = learned_views([row.view_names for row in source.rows], generator.left_out_views, plan, where)
        step = GenerationStep(whole, source, views, plan, generator.references, generator.conditioning)
        parts = step.shares(processes.count * plan.accumulate)[processes.rank :: processes.count]
        guard = _guard(whole, samples, table, generator, where, processes)
        parent = sha256(weights)
        origins = once_each(weights_behind(weights, None, declared), samples.drawn_by)
        reads_rays = "fresh" if ray_film is None else sha256(ray_film)
        identity = digest(generator, contract, sha256(table), parent, sha256(prompts), reads_rays, code)
        networks = whole.trained.train()
        folder = StateFolder(state, identity)
        rows = train(networks, parts, plan, folder, deadline, processes, guard)
    if not processes.writes:
        return
    found = diagnose(guard, rows, name, lambda guard: causes(samples, table, generator, guard, rows))
    kept = rows if found.stopped is None else rows[: found.stopped.kept_step]
    found.write(diagnosis)
    write_text_whole(metrics, metrics_csv(rows))
    adapters = "none"
    if isinstance(generator.trained, AttentionLora):
        alone = unet.with_name(LORA_FILE)
        write_attention_lora(alone, pipeline.unet, generator.trained.rank, generator.trained.alpha)
        adapters = sha256(alone)
        merge_lora(pipeline.unet)
    if film is not None:
        write_ray_film(unet.with_name(FILM_FILE), film)
    write_unet(unet, pipeline.unet)
    WeightsCard(
        weights_sha256=sha256(find_weights(unet)),
        domain=domain,
        license=licenses_of(origins),
        origins=origins,
        network=pipeline.unet.released_config.model_dump_json(by_alias=True),
        parent=parent,
        trained_on=f"{samples.dataset}.{samples.normalization}: {len(samples.of_split('train'))} samples",
        contract=samples.contract,
        violations=samples.violations,
        settings=generator.model_dump_json(),
        steps=len(kept),
        skipped_updates=skipped_updates(kept),
        status=found.status,
        adapters=adapters,
        code=code,
        commit=commit(),
        metrics=last_psnr(kept),
    ).write(card)
    folder.finish()


def _film(pipeline: Pipeline, stored: Path | None, seed: int, width: int, where: str) -> RayFilm:
    if stored is None:
        return fresh_ray_film(pipeline.unet, seed, width)
    film = load_ray_film(stored, pipeline.unet)
    if film.width != width:
        raise ValueError(f"{where}.conditioning.width: found {width}, but {stored} has {film.width}")
    return film


def _guard(
    whole: Generator, samples: SampleTable, table: Path, row: ViewGenerator, where: str, processes: Processes
) -> Guard | None:
    policy = row.training.guard
    if policy is None:
        return None
    assert policy.held_out is not None, "the settings ask for it"
    field = f"{where}.training.guard.held_out"
    return Guard(policy, drawn_views(whole, samples, table, policy.held_out, row, field), processes)
