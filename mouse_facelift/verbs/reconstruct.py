"""`reconstruct`: pictures, a photograph or a sequence of them to Gaussians, and something to look at."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from tqdm import tqdm

from mouse_facelift.dataset.choose_views import choose_views
from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.licensed import once_each
from mouse_facelift.formats.verdict import Verdict
from mouse_facelift.formats.whole import sha256, whole_folder
from mouse_facelift.gslrm.declared import require_as_declared, require_size
from mouse_facelift.gslrm.loading import load_gslrm
from mouse_facelift.gslrm.network import Gslrm
from mouse_facelift.gslrm.reconstruct import reconstruct as predict
from mouse_facelift.provenance import commit
from mouse_facelift.rendering.backends import device_of, use_threads
from mouse_facelift.settings import VerdictLine
from mouse_facelift.training.trained import weights_behind
from mouse_facelift.verbs.choice import ChosenNetwork, choose_network
from mouse_facelift.verbs.configured import DEFAULT, read_configured
from mouse_facelift.verbs.given import tell_apart
from mouse_facelift.verbs.moments import Moment, Source
from mouse_facelift.verbs.outputs import GIF, Outputs
from mouse_facelift.verbs.reconstruction_page import write_reconstruction_page
from mouse_facelift.verbs.record import Reconstruction, UsedWeights
from mouse_facelift.verbs.sources import Options, open_source

RECORD, PAGE = "reconstruction.json", "viewer.html"

logger = logging.getLogger(__name__)


@torch.no_grad()
def reconstruct(
    inputs: Sequence[Path],
    out: Path,
    *,
    config: Path = DEFAULT,
    cameras: Path | None = None,
    format: str | None = None,
    up: tuple[float, float, float] | Literal["estimated"] | None = None,
    millimeters_per_unit: float | None = None,
    masks: Path | None = None,
    mask_threshold: int = 127,
    frames: tuple[int, int, int] | None = None,
    normalization: str | None = None,
    checkpoint: str | None = None,
    experiment: str | None = None,
    generator: str | None = None,
    white: float | None = None,
    views: int | None = None,
    accept_domains: Sequence[str] = (),
    accept_red: Sequence[VerdictLine] = (),
) -> Reconstruction:
    """Reconstruct Gaussians, and write them with the views that went in, a turntable, a page and a record.

    Args:
        inputs: sample folders, or a folder of them: they go in as they are. Pictures of one moment (or their folder)
            with `cameras`: judged, then normalized. One picture, a folder of pictures, or a video, without `cameras`:
            each is a photograph from which a generator draws views; it is taken to be made straight on, at elevation 0.
        out: folder to write, whole or not at all; only a reconstruction is replaced.
        config: the configuration.
        cameras: calibration of the pictures, whose stems are the cameras' names.
        format: of it; None: recognized from the content.
        up: in its world; None: as the capture of the configuration says that names the file; likewise below.
        millimeters_per_unit: of it.
        masks: of pictures: a folder with the same stems, or one file; of a video, a video. None: their alpha.
        mask_threshold: of 255; a pixel above it is animal.
        frames: of a video: start, stop and step; None: all.
        normalization: row of the configuration; of photographs one of mode `fill`, whose radius the animal gets.
        checkpoint: row of the configuration; None: the only one.
        experiment: in its place: of the configuration, whose trained weights are taken.
        generator: row of `generators:`, or of `generator_starts:` of kind `stored`.
        white: what a drawn pixel may lack of white and be background; None: as `generated_datasets:` say.
        views: of each frame so many go in at most, those that stand around the animal most evenly; None: all.
        accept_domains: what weights may have learned from; none: as the configuration's experiments and generators
            that use the same row accept.
        accept_red: lines of the verdict on the cameras that may be red.

    Returns:
        What was done, as `reconstruction.json` tells it.

    Raises:
        FileNotFoundError: a file, or the configuration, is absent.
        ValueError: names file or row: what was given is of no known kind, has no mask, breaks the contract, has a red
            verdict; weights are not as declared, or of a domain that nobody accepts; `out` holds something else.
    """
    settings = read_configured(config)
    _require_free(out, [config, *inputs, *(path for path in (cameras, masks) if path is not None)])
    if views is not None and views < 1:
        raise ValueError(f"views: found {views}, expected 1 or more")
    options = Options(
        cameras, format, up, millimeters_per_unit, masks, mask_threshold, frames, normalization, generator, white,
        accept_domains, accept_red,
    )  # fmt: skip
    chosen = choose_network(settings, checkpoint, experiment, accept_domains)
    logger.info("%s is of domain %s, accepted by %s", chosen.weights, chosen.declared.domain, chosen.accepted_by)
    use_threads(settings.compute.threads)
    opened = open_source(tell_apart(inputs), options, settings)
    card = require_as_declared(chosen.weights, chosen.config, chosen.declared)
    model = load_gslrm(chosen.weights, chosen.config).to(device_of(settings.compute.renderer))
    require_size(model.config, chosen.config, settings.camera_contract)
    network = _describe(chosen, card)
    behind = once_each(network.behind, [] if opened.generator is None else opened.generator.behind)
    with whole_folder(out.resolve()) as folder:
        outputs = Outputs(folder, settings.camera_contract, settings.exports, settings.compute, behind)
        verdict = _reconstruct(opened.source, views, model, outputs, out.name)
        outputs.draw_turntable()
        shown = write_reconstruction_page(
            folder / PAGE,
            folder / GIF,
            outputs.frames,
            out.resolve().name,
            outputs.radius,
            behind,
            settings.camera_contract,
            settings.exports,
        )
        record = Reconstruction(
            inputs={str(path): sha256(path) for path in opened.source.files},
            config=sha256(config),
            contract=settings.camera_contract.hash,
            camera=settings.camera_contract,
            normalization=opened.normalization,
            verdict=verdict,
            generator=opened.generator,
            network=network,
            exports=settings.exports,
            commit=commit(),
            frames=tuple(outputs.frames),
            shown_frames=shown,
        )
        record.write(folder / RECORD)
    return record


def _require_free(out: Path, read: Sequence[Path]) -> None:
    """Raise ValueError if writing `out` would remove something that is no reconstruction, or what is to be read."""
    place = out.resolve()
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out}: found a file, expected a folder that is empty or yet to be made")
    if out.is_dir() and any(out.iterdir()) and not (out / RECORD).is_file():
        raise ValueError(f"{out}: found files that are no reconstruction ({RECORD}); they would be removed")
    for path in [Path.cwd(), *read]:
        if path.resolve().is_relative_to(place):
            raise ValueError(f"{out}: holds {path}, which would be removed")


def _reconstruct(source: Source, most: int | None, model: Gslrm, outputs: Outputs, title: str) -> Verdict | None:
    """Predict every frame; returns the verdict on the cameras, if there is one."""
    verdict = None
    for moment in tqdm(source.moments(), desc=title, total=len(source), unit="frame", disable=None):
        moment = moment if most is None else moment.with_views(_most_even(moment, most))
        views = torch.arange(len(moment.sample.cameras))
        outputs.add(moment, predict(model, [moment.sample], [views])[0])
        verdict = moment.verdict
        for remark in moment.remarks:
            logger.info("%s: %s", outputs.frames[-1].name, remark)
    return verdict


def _most_even(moment: Moment, count: int) -> tuple[int, ...]:
    """Places of at most so many views of a frame."""
    x, y, _ = moment.sample.cameras.centers.double().unbind(-1)
    azimuths: list[float] = torch.rad2deg(torch.atan2(y, x)).tolist()
    return choose_views(azimuths, min(count, len(azimuths)))


def _describe(chosen: ChosenNetwork, card: WeightsCard | None) -> UsedWeights:
    itself, *origins = weights_behind(chosen.weights, card, chosen.declared)
    return UsedWeights(
        row=chosen.declared.row,
        weights=str(chosen.weights),
        sha256=itself.sha256,
        license=itself.license,
        origins=tuple(origins),
        domain=chosen.declared.domain,
        accepted_by=chosen.accepted_by,
        trained_on=None if card is None else card.trained_on,
        steps=None if card is None else card.steps,
        status=None if card is None else card.status,
        contract=None if card is None else card.contract,
    )
