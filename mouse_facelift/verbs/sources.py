"""A source of frames, made of what was given and of the rows of the configuration that it takes."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from mouse_facelift.settings import Fill, Settings, VerdictLine
from mouse_facelift.verbs.choice import choose_calibration, choose_generator, choose_normalization
from mouse_facelift.verbs.drawing import load_drawing
from mouse_facelift.verbs.given import (
    Given,
    GivenPictures,
    GivenSamples,
    GivenVideo,
    masks_of,
    read_filmed,
    read_photographs,
    require_alpha,
    video_frames,
)
from mouse_facelift.verbs.moments import Source
from mouse_facelift.verbs.photographs import Photographs
from mouse_facelift.verbs.posed_pictures import PosedPictures
from mouse_facelift.verbs.record import UsedGenerator, UsedNormalization
from mouse_facelift.verbs.stored_samples import StoredSamples

POSING = ("cameras", "format", "up", "millimeters_per_unit", "accept_red")
"""options for pictures with cameras"""


logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """How what was given is to be read; see `reconstruct`."""

    cameras: Path | None
    format: str | None
    up: tuple[float, float, float] | Literal["estimated"] | None
    millimeters_per_unit: float | None
    masks: Path | None
    mask_threshold: int
    frames: tuple[int, int, int] | None
    normalization: str | None
    generator: str | None
    white: float | None
    accept_domains: Sequence[str]
    accept_red: Sequence[VerdictLine]


@dataclass(frozen=True)
class OpenedSource:
    """Frames, and the rows that they take."""

    source: Source
    normalization: UsedNormalization | None
    """None: sample folders go in as they are"""
    generator: UsedGenerator | None
    """None: nothing is drawn"""


def open_source(given: Given, options: Options, settings: Settings) -> OpenedSource:
    """Make a source of what was given.

    Raises:
        FileNotFoundError: masks or a generator's file are absent.
        ValueError: options without effect on what was given, pictures without masks, rows of the configuration that
            do not serve.
    """
    contract = settings.camera_contract
    if isinstance(given, GivenSamples):
        _refuse(
            options,
            "sample folders go in as they are",
            *POSING,
            "masks",
            "frames",
            "normalization",
            "generator",
            "white",
        )
        return OpenedSource(
            StoredSamples(given.folders, contract, settings.normalization_work.hull_resolution), None, None
        )
    if isinstance(given, GivenPictures) and options.cameras is not None:
        _refuse(
            options, "pictures with cameras are of one moment, and nothing is drawn", "frames", "generator", "white"
        )
        return _posed(given, options.cameras, options, settings)
    _refuse(options, "photographs have no cameras", *POSING)
    if isinstance(given, GivenPictures) and not given.sequence and len(given.pictures) > 1:
        raise ValueError(
            f"{len(given.pictures)} pictures without cameras: give their calibration (--cameras); or, if each is a"
            " photograph of its own, their folder"
        )
    name, rule = choose_normalization(settings, options.normalization, drawn=True)
    assert isinstance(rule, Fill)
    chosen = choose_generator(settings, options.generator, options.white, options.accept_domains)
    logger.info("%s is of domain %s, accepted by %s", chosen.row, chosen.domain, chosen.accepted_by)
    logger.info("a photograph is taken to be made straight on, at elevation 0: nothing tells otherwise")
    if isinstance(given, GivenVideo):
        numbers = video_frames(given.video, options.frames)
        files, count = (given.video, *([] if options.masks is None else [options.masks])), len(numbers)
        read = partial(read_filmed, given.video, options.masks, options.mask_threshold, numbers)
    else:
        _refuse(options, "pictures of a folder are all taken", "frames")
        masks = masks_of(given.pictures, options.masks)
        if masks is None:
            require_alpha(given.pictures[:1])
        files, count = (*given.pictures, *(masks or ())), len(given.pictures)
        read = partial(read_photographs, given.pictures, masks, options.mask_threshold)
    drawing = load_drawing(chosen, contract, settings.compute)
    source = Photographs(files, count, read, drawing, rule.radius)
    return OpenedSource(source, UsedNormalization(name=name, rule=rule), drawing.used)


def _posed(given: GivenPictures, cameras: Path, options: Options, settings: Settings) -> OpenedSource:
    name, rule = choose_normalization(settings, options.normalization, drawn=False)
    masks = masks_of(given.pictures, options.masks)
    if masks is None:
        require_alpha(given.pictures)
    source = PosedPictures(
        pictures=given.pictures,
        masks=masks,
        threshold=options.mask_threshold,
        calibration=choose_calibration(settings, cameras, options.format, options.up, options.millimeters_per_unit),
        normalization_name=name,
        normalization=rule,
        accept_red=tuple(options.accept_red),
        settings=settings,
    )
    return OpenedSource(source, UsedNormalization(name=name, rule=rule), None)


def _refuse(options: Options, why: str, *names: str) -> None:
    """Raise ValueError for options that would have no effect."""
    if idle := [name for name in names if getattr(options, name) not in (None, (), [])]:
        raise ValueError(f"{', '.join(idle)}: of no use here: {why}")
