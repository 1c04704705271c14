"""Rule `predict_gslrm`: samples to Gaussians, and each rendering beside its target."""

import os
from pathlib import Path

import torch
from tqdm import tqdm

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.licensed import once_each
from mouse_facelift.formats.ply import write_ply
from mouse_facelift.formats.predictions import (
    PredictionRow,
    PredictionTable,
    Renderings,
    chosen_samples,
    modeled_samples,
    turns,
)
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.formats.whole import sha256, whole_folder
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.gslrm.declared import require_as_declared, require_size
from mouse_facelift.gslrm.loading import load_gslrm
from mouse_facelift.gslrm.reconstruct import reconstruct
from mouse_facelift.rendering.backends import device_of, use_threads
from mouse_facelift.rendering.render import render
from mouse_facelift.settings import CameraContract, Compute, DeclaredWeights, Evaluated, InputViews
from mouse_facelift.training.honesty import load_honest_sample, require_honest, require_views
from mouse_facelift.training.trained import weights_behind

RENDERINGS, MODELS = "renderings", "models"  # folders beside the table


@torch.no_grad()
def predict_gslrm(
    table: Path,
    weights: Path,
    config: Path,
    declared: DeclaredWeights,
    predictions: Path,
    experiment: str,
    views: InputViews,
    contract: CameraContract,
    allow_broken_contract: bool,
    evaluation: Evaluated,
    compute: Compute,
) -> None:
    """Predict Gaussians for samples of a split, from the views of every turn, and render all views of each.

    Beside the table `predictions`, written last, stand `renderings/` (see `Renderings`) and `models/`: the first turn
    of the `modeled_samples` as .ply, without Gaussians that hardly show.

    Raises:
        ValueError: the data break the contract and the experiment does not allow it, or were made for another one, or
            have too few views; the split is empty; the weights are not as declared, or do not fit their configuration,
            or that the contract.
    """
    use_threads(compute.threads)
    samples = SampleTable.read(table)
    require_honest(samples, table, contract, allow_broken_contract, experiment)
    require_views(samples, table, f"experiments.{experiment}.views.inputs", views.most)
    try:
        chosen = chosen_samples(samples, evaluation.split, evaluation.samples)
        modeled = {
            row.name for row in modeled_samples(samples, evaluation.split, evaluation.samples, evaluation.models)
        }
    except ValueError as error:
        raise ValueError(f"{table}: {error}") from None
    card = require_as_declared(weights, config, declared)
    origins = once_each(weights_behind(weights, card, declared), samples.drawn_by)
    model = load_gslrm(weights, config).to(device_of(compute.renderer))
    require_size(model.config, config, contract)
    given = turns(samples.view_count, views.most)
    home = predictions.parent
    predictions.unlink(missing_ok=True)
    rows: list[PredictionRow] = []
    with whole_folder(home / RENDERINGS) as renderings, whole_folder(home / MODELS) as models:
        for row in tqdm(chosen, desc=experiment, unit="sample", disable=None):
            sample = load_honest_sample(samples, table, row)
            scenes = reconstruct(model, [sample] * len(given), [torch.tensor(inputs) for inputs in given])
            model_file = f"{row.name}.ply" if row.name in modeled else None
            if model_file:
                write_ply(models / model_file, _visible(scenes[0], evaluation.model_opacity), origins)
            for turn, inputs in enumerate(given):
                file = f"{row.name}_turn{turn}.npz"
                rendered = render(scenes[turn], sample.cameras, compute.renderer)
                Renderings(rendered.rgb, rendered.alpha, rendered.depth).write(renderings / file)
                rows.append(_prediction(row.name, turn, inputs, file, model_file if turn == 0 else None))
    PredictionTable(
        experiment=experiment,
        dataset=samples.dataset,
        normalization=samples.normalization,
        samples=os.path.relpath(table, home),
        view_count=samples.view_count,
        input_views=views.most,
        status=_status(card),
        weights=_origin(weights, card),
        origins=origins,
        rows=tuple(rows),
    ).write(predictions)


def _prediction(sample: str, turn: int, inputs: tuple[int, ...], file: str, model: str | None) -> PredictionRow:
    return PredictionRow(
        sample=sample,
        turn=turn,
        inputs=inputs,
        renderings=f"{RENDERINGS}/{file}",
        model=f"{MODELS}/{model}" if model else None,
    )


def _visible(gaussians: Gaussians, opacity: float) -> Gaussians:
    """The Gaussians above an opacity. FaceLift's own rules, in `filters`, are made for a bust."""
    return gaussians.select(gaussians.opacities > opacity)


def _status(card: WeightsCard | None) -> str:
    if card is None:
        return "complete"
    if card.status == "complete" and card.skipped_updates:
        return f"{card.skipped_updates} of {card.steps} updates skipped"
    return card.status


def _origin(weights: Path, card: WeightsCard | None) -> str:
    word = f"{card.steps} steps on {card.trained_on}" if card else "no card"
    return f"{weights} (sha256 {sha256(weights)}): {word}"
