"""A capture, opened, looked through, measured and judged by the same functions as the workflow's rules."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mouse_facelift.capture.find_animal import find_animal
from mouse_facelift.capture.judge_capture import judge_capture
from mouse_facelift.capture.masks.make import make_masks
from mouse_facelift.capture.measure_capture import measure_capture
from mouse_facelift.capture.open_capture import open_capture
from mouse_facelift.formats.verdict import Found, RefusedVerdict, Verdict, read_verdict
from mouse_facelift.normalization.foresee import foresee_normalization
from mouse_facelift.plan import Plan
from mouse_facelift.rendering.backends import use_threads
from mouse_facelift.settings import Capture, MadeMasks, Normalization, Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Judged:
    """A capture's verdict, and what it is of."""

    found: Found
    verdict: Verdict | RefusedVerdict
    page: Path
    """HTML for people"""


def judge_configured(name: str, settings: Settings, folder: Path) -> Judged:
    """Judge a capture of the configuration as `snakemake check_capture` does, in a folder of its own.

    Raises:
        FileNotFoundError: lists every file of the recording that is missing.
        ValueError: masks that are to be made cannot be.
    """
    plan = Plan(settings)
    row = settings.captures[name]
    if isinstance(row.masks, MadeMasks):
        place = folder / "masks" / name
        for camera in row.cameras:
            files = [place / f"{camera}.{suffix}" for suffix in ("mp4", "csv", "png")]
            make_masks(row, camera, *files)
    return judge(name, plan.with_masks(name, str(folder)), plan.normalizations(name), settings, folder)


def judge(
    name: str, capture: Capture, normalizations: Mapping[str, Normalization], settings: Settings, folder: Path
) -> Judged:
    """Judge a capture whose masks are there.

    Args:
        name: of the capture.
        capture: where its files are.
        normalizations: whose effects are foreseen, by name.
        settings: limits, and how the animal is found.
        folder: for what is found; files of an earlier call are replaced.

    Raises:
        FileNotFoundError: lists every file of the recording that is missing.
    """
    use_threads(settings.compute.threads)
    opened, found, foreseen = (folder / f"{part}.json" for part in ("opened", "found", "foreseen"))
    open_capture(name, capture, opened)
    chunks = settings.animal.chunks(capture.frame_numbers)
    animals, masks = ([folder / f"chunk_{chunk}" / f"{kind}.npz" for chunk in chunks] for kind in ("animal", "masks"))
    for chunk in chunks:
        logger.info("%s: looking for the animal, chunk %d of %d", name, chunk + 1, len(chunks))
        find_animal(opened, capture, settings.animal, chunk, animals[chunk], masks[chunk])
    measure_capture(opened, animals, masks, capture, settings.animal, settings.verdict, found)
    foresee_normalization(found, dict(normalizations), settings.camera_contract, settings.normalization_work, foreseen)
    verdict, page = folder / "verdict.json", folder / "verdict.html"
    judge_capture(found, foreseen, capture, settings.verdict, verdict, page)
    return Judged(Found.read(found), read_verdict(verdict), page)
