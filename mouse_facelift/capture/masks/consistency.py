"""Raw masks of one frame to silhouettes of one animal, and which views may be trusted.

The views judge one another. Right masks of one body have a hull that covers each of them, however few or many they
are; so if the hull of all views covers every mask, nothing is wrong. If it does not, the view is sought without which
the others agree: a mask that is too large is itself uncovered, and one that is too small, or lies elsewhere, leaves
the others uncovered. This needs no guess of how much larger than the animal the hull of a few views is.

Source: E. Boyer, On using silhouettes for camera calibration, ACCV 2006 (silhouette consistency).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mouse_facelift.capture.masks.local_hulls import OWN, LocalHulls, Window, open_window
from mouse_facelift.capture.masks.meeting import Candidates, Meeting, find_candidates, meet, meet_elsewhere, nearest_to
from mouse_facelift.capture.masks.parts import Parts, find_parts, keep_parts
from mouse_facelift.formats.animal import ViewState
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.lenses import project
from mouse_facelift.imaging.resample import resample_mask
from mouse_facelift.settings import MaskCleaning

MARGIN = 1.1  # of the animal's reach in the pictures: what the views are compared in
STRETCH = 2.0  # times the median reach over the views: no view's mask makes the animal larger
MOSTLY = 0.5  # of a piece: inside a hull, it belongs to it
DRAW = 0.02  # of cover: with one of two views left out, the others agree equally well
_NOWHERE = "no two other views agree on where the animal is"
_DISPUTE = "the views contradict one another, and there are too few to tell which is wrong"


@dataclass(frozen=True)
class Cleaned:
    """The masks of one frame after their views judged one another."""

    masks: list[Bool[np.ndarray, "_ _"]]
    """per view, as large as the raw one; a doubtful view keeps its likeliest part"""
    confidence: Float[np.ndarray, "view"]
    """0 to 1, the product of three: the part of the mask that the hull of the views that agree covers; the part of the
    raw mask that was kept; and the least part of another view's mask that this one leaves covered, of what is covered
    without it (1 where there is no second other view). 0 for views without a mask, and where no two views agree."""
    state: list[ViewState]
    """missing: the raw mask is empty; cut: it reaches the picture's edge; doubtful: the other views contradict it"""
    why: list[str | None]
    """for missing and doubtful views"""
    point: Float[Tensor, "3"] | None
    """where the rays through the masks' centers meet, mm; None if fewer than two views agree"""


def clean_views(
    masks: Sequence[Bool[np.ndarray, "_ _"]],
    calibration: Calibration,
    rule: MaskCleaning,
    near: Float[Tensor, "3"] | None = None,
) -> Cleaned:
    """Find the animal in the masks of one frame, leave out what is none of it, and say which views agree.

    Args:
        masks: raw, in the order of the calibration's cameras; a view without the animal has an empty one.
        calibration: in mm.
        near: about where the animal was a moment ago, mm; settles which of two is the animal and which its mirror
            image where the masks alone do not.
    """
    assert len(masks) == len(calibration)
    parts = [find_parts(mask, rule.speck) for mask in masks]
    centers = calibration.centers.numpy()
    candidates = find_candidates(parts, calibration, centers, rule)
    meeting = meet(candidates, rule, None if near is None else near.numpy())
    if meeting is None:
        return _apart(masks, parts, rule)
    frame = _Frame(masks, parts, calibration, candidates, meeting, rule)
    frame.add_pieces()
    return frame.judge()


class _Frame:
    """One frame whose animal was found: `chosen` parts of each mask, seen through windows."""

    def __init__(
        self,
        masks: Sequence[Bool[np.ndarray, "_ _"]],
        parts: Sequence[Parts],
        calibration: Calibration,
        candidates: Candidates,
        meeting: Meeting,
        rule: MaskCleaning,
    ) -> None:
        self.raw, self.parts, self.rule = masks, parts, rule
        self.candidates, self.meeting = candidates, meeting
        self.shown = [view for view, own in enumerate(parts) if len(own)]
        self.agreeing = sorted(meeting.labels)
        self.main = {view: candidates.likeliest(view, meeting) for view in self.shown}
        self.chosen = {view: _with_tail(parts[view], self.main[view], rule) for view in self.shown}
        reaches = [_reach(parts[view], self.chosen[view], calibration, view, meeting.point) for view in self.agreeing]
        self.radius = MARGIN * min(max(reaches), STRETCH * float(np.median(reaches)))
        side = 2 * rule.resolution
        self.windows = [
            open_window(calibration, view, meeting.point, self.radius, side, mask.shape)
            for view, mask in enumerate(masks)
        ]
        self.masks = [keep_parts(own, self.chosen.get(v, []), masks[v].shape, rule) for v, own in enumerate(parts)]
        self.alphas = [
            resample_mask(mask, window.sampling) if view in self.shown else None
            for view, (mask, window) in enumerate(zip(self.masks, self.windows, strict=True))
        ]

    def hulls(self, trusted: list[int], spared: int = 1) -> LocalHulls:
        return LocalHulls(
            self.windows, self.alphas, trusted, self.meeting.point, self.radius, self.rule.resolution, spared
        )

    def add_pieces(self) -> None:
        """Add parts of masks that other views confirm, cut off by a bar; leave out near ones that they contradict.

        A part is confirmed if most of it lies inside the hull of the other views, of which one may be wrong where at
        least three are left (a bar before the animal in two views hides a piece from the hulls of both). It is
        contradicted if it lies outside this hull even without any one of the other views, where two are left.
        """
        apart = [view for view in self.shown if len(self.parts[view]) > 1]
        if len(self.agreeing) < 3 or not apart:
            return
        hulls = self.hulls(self.agreeing, spared=2)  # a view's own mask still lacks its pieces
        elsewhere = meet_elsewhere(self.candidates, self.meeting, self.rule)
        for view in apart:
            others = [other for other in self.agreeing if other != view]
            seen = _see_labels(self.parts[view], self.windows[view])
            confirmed = _inside(seen, hulls.silhouette(others, view, but=1 if len(others) >= 4 else 0))
            possible = _inside(seen, hulls.silhouette(others, view, but=1)) if len(others) >= 3 else self.chosen[view]
            near = set(self.chosen[view]) & set(possible)
            added = sorted({self.main[view], *near, *(part for part in confirmed if (view, part) not in elsewhere)})
            if added != self.chosen[view]:
                self.chosen[view] = added
                self.masks[view] = keep_parts(self.parts[view], added, self.raw[view].shape, self.rule)
                self.alphas[view] = resample_mask(self.masks[view], self.windows[view].sampling)

    def judge(self) -> Cleaned:
        """Settle which views agree, and measure each against the others of them."""
        agreed, hulls, undecided = self._agree()
        for view in sorted(set(self.shown) - set(agreed) - set(undecided)):
            both = [*agreed, view]
            if len(agreed) > 1 and all(hulls.cover(both, of) >= self.rule.cover for of in both):
                agreed = sorted(both)
        states: list[ViewState] = []
        why: list[str | None] = []
        confidence = np.zeros(len(self.raw))
        for view, mask in enumerate(self.masks):
            if view not in self.shown:
                states.append(ViewState.missing)
                why.append("the mask is empty")
                continue
            kept = float(self.parts[view].areas[np.array(self.chosen[view]) - 1].sum()) / self.parts[view].raw_area
            if not agreed:
                states.append(ViewState.doubtful)
                why.append(_DISPUTE if view in undecided else _NOWHERE)
                continue
            others = [other for other in agreed if other != view]
            cover, left = hulls.cover(others, view), _left(hulls, others, view)
            confidence[view] = cover * left * kept
            if view in agreed:
                states.append(ViewState.cut if _touches_edge(mask) else ViewState.seen)
                why.append(None)
            else:
                states.append(ViewState.doubtful)
                why.append(_reason(cover, left, self.rule.cover))
        return Cleaned(self.masks, confidence, states, why, self._point(agreed))

    def _agree(self) -> tuple[list[int], LocalHulls, list[int]]:
        """The views whose hull covers all their masks; and those of which it cannot be told which is wrong."""
        trusted = list(self.agreeing)
        if len(trusted) == 2:  # any two rays may happen to meet: whoever has a mask near there is heard
            trusted = [view for view, alpha in enumerate(self.alphas) if alpha is not None and (alpha > OWN).any()]
        while True:
            hulls = self.hulls(trusted)
            covers = [hulls.cover(trusted, view) for view in trusted]
            if min(covers) >= self.rule.cover:
                return trusted, hulls, []
            if len(trusted) == 2:
                return [], hulls, trusted
            without = {
                view: float(np.mean([hulls.cover(others, of) for of in others]))
                for view in trusted
                if (others := [other for other in trusted if other != view])
            }
            ranked = sorted(trusted, key=lambda view: -without[view])
            if len(trusted) == 3 and without[ranked[0]] - without[ranked[1]] < DRAW:
                return [], hulls, trusted
            trusted.remove(ranked[0])

    def _point(self, agreed: list[int]) -> Float[Tensor, "3"] | None:
        if len(agreed) < 2:
            return None
        moved = nearest_to(self.candidates, {view: self.main[view] for view in agreed})
        return torch.from_numpy(self.meeting.point if moved is None else moved)


def _apart(masks: Sequence[np.ndarray], parts: Sequence[Parts], rule: MaskCleaning) -> Cleaned:
    """No two views agree: every mask keeps its largest part."""
    kept = [
        keep_parts(own, _with_tail(own, 1, rule) if len(own) else [], mask.shape, rule)
        for mask, own in zip(masks, parts, strict=True)
    ]
    shown = [len(own) > 0 for own in parts]
    alone = "no other view shows the animal" if sum(shown) == 1 else _NOWHERE
    return Cleaned(
        kept,
        np.zeros(len(masks)),
        [ViewState.doubtful if seen else ViewState.missing for seen in shown],
        [alone if seen else "the mask is empty" for seen in shown],
        None,
    )


def _with_tail(parts: Parts, main: int, rule: MaskCleaning) -> list[int]:
    """A part, and small ones near it: a thin tail comes apart from the body."""
    reach = rule.reach * float(parts.boxes[main - 1, 2:].max())
    area = parts.areas[main - 1]
    return sorted([main, *(near for near in parts.near(main, reach) if parts.areas[near - 1] <= rule.piece * area)])


def _reach(
    parts: Parts, chosen: list[int], calibration: Calibration, view: int, point: Float[np.ndarray, "3"]
) -> float:
    """How far from a point chosen parts reach, mm at its distance."""
    lens = calibration.intrinsics[view], calibration.distortion[view], calibration.world_to_camera[view]
    middle = project(torch.from_numpy(point)[None], *lens)[0].numpy()
    boxes = parts.boxes[np.array(chosen) - 1]
    low, high = boxes[:, :2].min(axis=0), (boxes[:, :2] + boxes[:, 2:]).max(axis=0)
    furthest = np.linalg.norm(np.maximum(high - middle, middle - low))
    distance = float(np.linalg.norm(point - calibration.centers[view].numpy()))
    return float(furthest) * distance / float(lens[0].diagonal()[:2].mean())


def _see_labels(parts: Parts, window: Window) -> Int[np.ndarray, "side side"]:
    """The parts' labels in a window."""
    left, top = parts.corner
    x, y = window.sampling.x - np.float32(left), window.sampling.y - np.float32(top)
    seen = cv2.remap(parts.labels.astype(np.float32), x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(seen).astype(np.int64)


def _inside(seen: Int[np.ndarray, "side side"], hull: Bool[np.ndarray, "side side"]) -> list[int]:
    """Labels of the parts of which most lies inside a hull."""
    counts = np.bincount(seen.ravel())
    within = np.bincount(seen[hull], minlength=len(counts))
    return [label for label in np.flatnonzero((counts > 0) & (within > MOSTLY * counts)).tolist() if label]


def _left(hulls: LocalHulls, others: list[int], view: int) -> float:
    """Least part of another view's mask that stays covered when this view joins the others."""
    if len(others) < 2:
        return 1.0
    return min(hulls.cover([*others, view], of) / max(hulls.cover(others, of), 1e-9) for of in others)


def _reason(cover: float, left: float, limit: float) -> str:
    beyond, lacking = f"{1 - cover:.0%} of the mask lies outside the hull of the other views", f"{1 - left:.0%}"
    if cover < MOSTLY:
        return f"the mask misses the animal: {beyond}"
    if cover >= limit:
        return f"the mask is too small: it takes {lacking} of another view's mask away"
    if left >= limit:
        return f"the mask is too large: {beyond}"
    return f"the mask lies beside the animal: {beyond}, and it takes {lacking} of another view's mask away"


def _touches_edge(mask: Bool[np.ndarray, "height width"]) -> bool:
    return bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())
