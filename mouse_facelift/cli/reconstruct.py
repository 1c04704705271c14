"""`mouse-facelift reconstruct INPUT ... --out FOLDER`: to Gaussians, and something to look at."""

import logging
from pathlib import Path
from typing import Annotated, Literal

import tyro

from mouse_facelift.settings import CalibrationFormat, VerdictLine
from mouse_facelift.verbs.reconstruct import PAGE
from mouse_facelift.verbs.reconstruct import reconstruct as reconstruct_inputs

logger = logging.getLogger(__name__)


def reconstruct(
    inputs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="INPUT ...")],
    /,
    out: Path,
    config: Path = Path("config.yaml"),
    cameras: Path | None = None,
    format: CalibrationFormat | None = None,
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
    accept_domains: tuple[str, ...] = (),
    accept_red: tuple[VerdictLine, ...] = (),
) -> None:
    """Make 3D Gaussians of pictures: those of several cameras, or a single photograph, or a sequence of them.

    INPUT is one of
      pictures of one moment, a camera each (stems are the cameras' names), with --cameras CALIBRATION
      a sample folder (images/ and opencv_cameras.json), or a folder of them: a sequence
      a photograph (RGBA, or with --masks), a folder of them, or a video: a generator draws six views of each, as if
      it had been made straight on, at elevation 0

    Try
      mouse-facelift reconstruct frame/*.png --cameras calibration.toml --normalization fill --out mouse
      mouse-facelift reconstruct results/views/walk/fill/chunk_0 --out walk
      mouse-facelift reconstruct mouse.png --generator view_index --normalization fill --out mouse

    FOLDER gets, whole or not at all: gaussians/ (.ply, .spz), views/ (what went in), turntable.mp4, turntable.gif,
    viewer.html (to open in a browser) and reconstruction.json (what was done, of what, by which weights).

    Args:
        inputs: what to reconstruct.
        out: folder to write; only an earlier reconstruction is replaced.
        config: the configuration with contract, limits, normalizations and checkpoints.
        cameras: calibration of the pictures, in any format that `check` reads.
        format: of it; else it is recognized from the content.
        up: what points up in its world, X Y Z; else as the capture of the configuration says that names the file.
        millimeters_per_unit: of its world; else likewise.
        masks: folder of masks with the stems of the pictures; of a video, a video; else their alpha.
        mask_threshold: of 255; a pixel above it is animal.
        frames: of a video, START STOP STEP; else all.
        normalization: row of the configuration; of photographs one of mode fill, whose radius the animal gets.
        checkpoint: row of the configuration; else the only one.
        experiment: of the configuration, whose trained weights are taken in place of a checkpoint.
        generator: row of generators:, or of generator_starts: of kind stored, which draws views of photographs.
        white: what a drawn pixel may lack of white and be background; else as generated_datasets: say.
        views: of each frame so many go in at most, those that stand around the animal most evenly; else all.
        accept_domains: what weights may have learned from; else what rows of the configuration that use them accept.
        accept_red: lines of the verdict on pictures and cameras that may be red.
    """
    record = reconstruct_inputs(
        list(inputs),
        out,
        config=config,
        cameras=cameras,
        format=format,
        up=up,
        millimeters_per_unit=millimeters_per_unit,
        masks=masks,
        mask_threshold=mask_threshold,
        frames=frames,
        normalization=normalization,
        checkpoint=checkpoint,
        experiment=experiment,
        generator=generator,
        white=white,
        views=views,
        accept_domains=accept_domains,
        accept_red=accept_red,
    )
    kept = sum(frame.kept for frame in record.frames)
    logger.info("%s: %d Gaussians in %d frames; open %s", out, kept, len(record.frames), out / PAGE)
