"""Rule `draw_line`: one frame on its way from the raw pictures to the error of a held-out view."""

from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure

from mouse_facelift.evaluation.rendered_turns import Predictions, RenderedTurn
from mouse_facelift.formats.frames import Frames
from mouse_facelift.formats.mask_pack import MaskPack
from mouse_facelift.formats.whole import whole_file
from mouse_facelift.imaging.recordings import read_pictures
from mouse_facelift.settings import Evaluated

COLUMNS = 3
ERROR_RANGE = 0.5  # absolute difference of colors that is drawn black


def draw_line(frames: Path, predictions: Path, picture: Path, evaluation: Evaluated) -> None:
    """Draw the first predicted sample of a capture in four steps: recorded, normalized, predicted, compared.

    Raises:
        ValueError: none of the predicted samples is of the capture that `frames` describes.
    """
    capture = Frames.read(frames)
    turn, number = _first_of(capture.capture, Predictions.read(predictions))
    figure = Figure(figsize=(17, 3.9), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    steps = np.asarray(figure.subfigures(1, 4, width_ratios=[1.25, 1, 1, 1]), dtype=object)
    _grid(steps[0], "1  recorded: videos, masks, calibration", _recorded(capture, number))
    targets = turn.sample.over_white().permute(0, 2, 3, 1).numpy()
    _grid(steps[1], "2  normalized to the camera contract", list(targets))
    drawn = turn.renderings.rgb.clamp(0, 1).permute(0, 2, 3, 1).numpy()
    held_out = [view for view in range(len(targets)) if turn.row.role(view) == "held_out"]
    _grid(steps[2], "3  3D Gaussians, drawn (red: held out)", list(drawn), held_out)
    errors = 1 - np.clip(np.abs(drawn - targets).mean(axis=-1, keepdims=True) / ERROR_RANGE, 0, 1).repeat(3, axis=-1)
    score = np.mean([turn.score(view, evaluation.mask_threshold).psnr_foreground for view in held_out or [0]])
    _grid(steps[3], f"4  error: {score:.1f} dB on the unseen animal", list(errors), held_out)
    with whole_file(picture) as partial:
        figure.savefig(partial, dpi=100)


def _first_of(capture: str, predictions: Predictions) -> tuple[RenderedTurn, int]:
    frames = {row.name: row.frame for row in predictions.samples.samples if row.capture == capture}
    for turn in predictions.turns(predictions.table.rows):
        if turn.row.sample in frames:
            return turn, frames[turn.row.sample]
    raise ValueError(f"{predictions.path}: no sample of capture {capture}")


def _recorded(capture: Frames, frame: int) -> list[Float[np.ndarray, "height width 3"]]:
    """Raw pictures, what is no animal paled."""
    chunk = next(subject.chunk for subject in capture.subjects if subject.frame == frame)
    masks = MaskPack(Path(capture.chunks[chunk].masks)).masks(frame)
    pictures = []
    for camera, mask in zip(capture.cameras, masks, strict=True):
        _, pixels = next(iter(read_pictures(camera.pictures, [frame])))
        color = pixels.astype(np.float64) / 255
        pictures.append(np.where(mask[..., None], color, 0.45 * color + 0.55))
    return pictures


def _grid(
    step: SubFigure, title: str, pictures: list[Float[np.ndarray, "h w 3"]], framed: list[int] | None = None
) -> None:
    step.suptitle(title, fontsize=12)
    rows = -(-len(pictures) // COLUMNS)
    axes = np.atleast_1d(step.subplots(rows, COLUMNS)).ravel()
    for view, axis in enumerate(axes):
        axis.set_xticks([])
        axis.set_yticks([])
        marked = framed is not None and view in framed
        for spine in axis.spines.values():
            spine.set_color("#c0392b" if marked else "#d0d0d0")
            spine.set_linewidth(2.5 if marked else 0.8)
        if view < len(pictures):
            axis.imshow(pictures[view], interpolation="nearest")
        else:
            axis.set_visible(False)
