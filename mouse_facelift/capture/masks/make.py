"""Rule `make_masks`: a mask video for one camera, how sure each mask is, and a picture of some of them."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
from jaxtyping import Bool, UInt8
from tqdm import tqdm

from mouse_facelift.capture.masks.background import EmptyCage
from mouse_facelift.capture.masks.propagate import carry_masks
from mouse_facelift.capture.masks.shapes import overlap
from mouse_facelift.formats.whole import whole_file
from mouse_facelift.imaging.pictures import read_gray, write_rgb
from mouse_facelift.imaging.recordings import fill_camera, frame_path
from mouse_facelift.imaging.video import VideoWriter, probe_video, read_frames
from mouse_facelift.settings import BackgroundMasks, Capture, CarriedMasks

LOSSLESS = 0  # crf
GAP_LIMIT = 600  # frames from one outlined frame to the next, which are in memory together
MARGIN = 0.5  # of the animal's size, around the masks at both ends: within it the animal must stay
SHOWN = 12  # masks in the picture
SHOWN_WIDTH = 320  # px
_COLOR = (255, 60, 60)

logger = logging.getLogger(__name__)


class Made(NamedTuple):
    frame: int
    mask: Bool[np.ndarray, "height width"]
    confidence: float
    """0 to 1: overlap of two masks that were found in different ways"""


def make_masks(capture: Capture, camera: str, masks: Path, table: Path, sheet: Path) -> None:
    """Make the masks of one camera for the capture's frames.

    Args:
        capture: its masks are of kind `background` or `carried`, its pictures videos.
        camera: whose masks.
        masks: video to write, without loss, as long as the camera's: 255 where the animal is, and black in frames
            that were not asked for.
        table: CSV to write: frame, area (px), confidence (0 to 1).
        sheet: PNG to write: outlines of some of the masks.

    Raises:
        FileNotFoundError: a key mask is not there.
        ValueError: names file, frame and camera: key masks too far apart or of another size, an animal that leaves
            the region of its key masks, a frame in which nothing was found.
    """
    video = Path(fill_camera(capture.pictures, camera))
    facts = probe_video(video)
    numbers = capture.frame_numbers
    rule = capture.masks
    if isinstance(rule, CarriedMasks):
        made: Iterable[Made] = _carried(video, camera, rule, numbers)
    elif isinstance(rule, BackgroundMasks):
        made = _before_background(video, rule, numbers, facts.frames)
    else:
        raise ValueError(f"masks: of kind {rule.kind}, which are given, not made")
    empty = np.zeros((facts.height, facts.width), np.uint8)
    rows, shown = [], set(np.unique(np.linspace(0, len(numbers) - 1, SHOWN).astype(int)).tolist())
    outlined: dict[int, Bool[np.ndarray, "height width"]] = {}
    with whole_file(masks) as partial, VideoWriter(partial, facts.rate, LOSSLESS) as writer:
        written = 0
        for count, one in enumerate(tqdm(made, total=len(numbers), desc=f"masks of {camera}", disable=None)):
            if not one.mask.any():
                raise ValueError(f"{video}: camera {camera}: frame {one.frame}: no animal was found")
            for _ in range(one.frame - written):
                writer.append(empty)
            writer.append(one.mask.astype(np.uint8) * 255)
            written = one.frame + 1
            rows.append({"frame": one.frame, "area": int(one.mask.sum()), "confidence": round(one.confidence, 4)})
            if count in shown:
                outlined[one.frame] = one.mask
        for _ in range(facts.frames - written):
            writer.append(empty)
    found = pd.DataFrame(rows)
    with whole_file(table) as partial:
        found.to_csv(partial, index=False)
    with whole_file(sheet) as partial:
        write_rgb(partial, _sheet(video, outlined))
    least = min(rows, key=lambda row: row["confidence"])
    logger.info(
        "%s: %d masks, confidence %.3f (median), %.3f (least, frame %d)",
        camera, len(found), found["confidence"].median(), least["confidence"], int(least["frame"]),
    )  # fmt: skip


def _before_background(video: Path, rule: BackgroundMasks, numbers: Sequence[int], frames: int) -> Iterator[Made]:
    spread = np.unique(np.linspace(0, frames - 1, rule.samples).astype(int)).tolist()
    cage = EmptyCage((picture for _, picture in read_frames(video, spread)), rule.threshold)
    for number, picture in read_frames(video, numbers):
        mask, sure = cage.masks(picture)
        yield Made(number, mask, overlap(mask, sure))


def _carried(video: Path, camera: str, rule: CarriedMasks, numbers: Sequence[int]) -> Iterator[Made]:
    """Masks in rising order of frames, each from the nearest key frame, checked by the one on its other side."""
    keys = list(rule.key_frames)
    given = {key: _key_mask(rule, camera, key) for key in keys}
    asked = set(numbers)
    for number, mask in given.items():
        if not mask.any():
            raise ValueError(f"{frame_path(fill_camera(rule.path, camera), number)}: the key mask is empty")
    bounds = [min(numbers[0], keys[0]), *keys, max(numbers[-1], keys[-1])]
    for begin, end in pairwise(sorted(set(bounds))):
        if end - begin > GAP_LIMIT:
            raise ValueError(
                f"{video}: camera {camera}: frames {begin} to {end}: more than {GAP_LIMIT} frames without a key mask"
            )
    pending = iter(sorted(set(bounds)))
    begin = next(pending)
    if begin in given and begin in asked:
        yield Made(begin, given[begin], 1.0)
    elif begin == numbers[-1]:
        return
    for end in pending:
        yield from (one for one in _between(video, camera, rule, begin, end, given) if one.frame in asked)
        begin = end


def _between(
    video: Path,
    camera: str,
    rule: CarriedMasks,
    begin: int,
    end: int,
    given: dict[int, Bool[np.ndarray, "height width"]],
) -> Iterator[Made]:
    """Masks of the frames after `begin` to `end`, and of `begin` too where it has no key mask."""
    ends = [given[number] for number in (begin, end) if number in given]
    rows, columns = _region(np.logical_or.reduce(ends))
    numbers = list(range(begin, end + 1))
    pictures = [picture[rows, columns].copy() for _, picture in read_frames(video, numbers)]
    forward = backward = None
    if begin in given:
        mask = given[begin][rows, columns]
        forward = [mask, *carry_masks(pictures, mask, rule.band)]
    if end in given:
        mask = given[end][rows, columns]
        backward = [mask, *carry_masks(pictures[::-1], mask, rule.band)][::-1]
    if forward is not None and backward is not None:
        middle = len(numbers) // 2
        logger.info(
            "%s: from frame %d on, masks of key frame %d take over from those of %d; there they overlap by %.3f",
            camera, begin + middle + 1, end, begin, overlap(forward[middle], backward[middle]),
        )  # fmt: skip
    for place, number in enumerate(numbers):
        if number == begin and forward is not None:
            continue  # the end of what came before
        sides = [side[place] for side in (forward, backward) if side is not None]
        nearest = sides[0] if place <= len(numbers) / 2 else sides[-1]
        if not nearest.any() or _touches_edge(nearest, rows, columns, ends[0].shape):
            raise ValueError(
                f"{video}: camera {camera}: frame {number}: the animal leaves the region about its key masks"
                f" (frames {list(rule.key_frames)}); outline a frame nearer by, or use masks of kind background"
            )
        mask = np.zeros(ends[0].shape, dtype=bool)
        mask[rows, columns] = nearest
        key = number in given
        yield Made(number, given[number] if key else mask, 1.0 if key else overlap(sides[0], sides[-1]))


def _key_mask(rule: CarriedMasks, camera: str, number: int) -> Bool[np.ndarray, "height width"]:
    return read_gray(frame_path(fill_camera(rule.path, camera), number)) > rule.threshold


def _region(mask: Bool[np.ndarray, "height width"]) -> tuple[slice, slice]:
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    margin = round(MARGIN * max(width, height))
    rows = slice(max(0, y - margin), min(mask.shape[0], y + height + margin))
    return rows, slice(max(0, x - margin), min(mask.shape[1], x + width + margin))


def _touches_edge(mask: Bool[np.ndarray, "height width"], rows: slice, columns: slice, shape: tuple[int, ...]) -> bool:
    """Whether a mask reaches an edge of its region that is none of the picture's."""
    edges = [
        (rows.start > 0, mask[0]),
        (rows.stop < shape[0], mask[-1]),
        (columns.start > 0, mask[:, 0]),
        (columns.stop < shape[1], mask[:, -1]),
    ]
    return any(inner and bool(edge.any()) for inner, edge in edges)


def _sheet(video: Path, outlined: dict[int, Bool[np.ndarray, "height width"]]) -> UInt8[np.ndarray, "rows columns 3"]:
    """Frames with their masks' outlines, cut to where the masks are, in rows of four."""
    rows, columns = _region(np.logical_or.reduce(list(outlined.values())))
    tiles = []
    for number, picture in read_frames(video, sorted(outlined)):
        lines, _ = cv2.findContours(outlined[number].astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        drawn = cv2.drawContours(picture.copy(), lines, -1, _COLOR, 1)[rows, columns]
        height = round(drawn.shape[0] * SHOWN_WIDTH / drawn.shape[1])
        tile = cv2.resize(drawn, (SHOWN_WIDTH, height), interpolation=cv2.INTER_AREA)
        tiles.append(cv2.putText(tile, str(number), (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _COLOR))
    blank = np.full_like(tiles[0], 255)
    tiles += [blank] * (-len(tiles) % 4)
    return np.concatenate([np.concatenate(tiles[i : i + 4], axis=1) for i in range(0, len(tiles), 4)], axis=0)
