"""The mouse: about 115 mm from nose to tail tip, 30 mm high at the back. Lengths in mm, forward +x at rest, z up."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mouse_facelift.simulation.builder import BodyBuilder, Skin, frame_along, random_waves
from mouse_facelift.simulation.ellipsoids import BLOTCHES, Animal, Coat, Pose
from mouse_facelift.simulation.motion import STRIDE, FloorPath, Step

BROWN, DARK_BROWN, CREAM, WHITE = (0.47, 0.34, 0.21), (0.25, 0.17, 0.11), (0.80, 0.73, 0.62), (0.93, 0.91, 0.87)
PINK, DARK_PINK, NEAR_BLACK = (0.86, 0.60, 0.56), (0.72, 0.45, 0.42), (0.03, 0.03, 0.04)

HIDE = Skin(
    BROWN, DARK_BROWN, CREAM, DARK_BROWN,
    mottle_amount=0.55, belly_amount=0.95, mark_amount=0.5, fur_amount=0.13, patch_amount=1.0,
)  # fmt: skip
FACE = Skin(
    BROWN, DARK_BROWN, CREAM, DARK_BROWN,
    mottle_amount=0.25, belly_amount=0.5, mark_amount=0.1, fur_amount=0.1, patch_amount=1.0,
)  # fmt: skip
LEG = Skin(BROWN, DARK_BROWN, CREAM, DARK_BROWN, mottle_amount=0.4, belly_amount=0.6, fur_amount=0.1, patch_amount=1.0)
SKIN = Skin(PINK, DARK_PINK, PINK, PINK, mottle_amount=0.5, fur_amount=0.05)
EAR = Skin(DARK_PINK, BROWN, PINK, PINK, mottle_amount=0.5, fur_amount=0.05)

# Asymmetric markings in the resting body, so that no two views look alike: center, radii, color.
PATCHES = (
    ((53.0, 0.0, 26.0), (9.5, 3.4, 9.0), WHITE),  # blaze
    ((13.0, 13.0, 18.0), (9.0, 9.0, 9.5), WHITE),  # left flank
    ((-2.0, -9.0, 26.0), (12.0, 9.0, 8.0), (0.13, 0.10, 0.08)),  # right rump
    ((27.0, -10.0, 22.0), (6.0, 8.0, 8.0), (0.78, 0.50, 0.22)),  # right shoulder
    ((-12.0, 5.0, 20.0), (6.0, 7.0, 8.0), (0.78, 0.50, 0.22)),  # left rump
)

# Along the spine: distance from the one before, radii, pitch of the link in walking and in rearing (radians).
SPINE = (
    (0.0, (15.5, 12.4, 13.4), 0.10, 0.95),  # pelvis
    (12.5, (17.0, 13.6, 14.4), 0.10, 0.95),  # torso
    (12.5, (14.0, 11.6, 12.8), -0.08, 1.15),  # chest
    (9.5, (10.0, 9.2, 9.8), 0.12, 1.0),  # neck
    (9.0, (11.5, 9.2, 8.8), 0.10, 0.65),  # head
)
KEY_POINTS = (
    "nose", "left_ear", "right_ear", "tail_base", "tail_tip",
    "left_front_paw", "right_front_paw", "left_hind_paw", "right_hind_paw",
)  # fmt: skip
TAIL_PIECES, TAIL_LENGTH = 12, 46.0


@dataclass(frozen=True)
class MousePose:
    """The mouse in one frame, in mm."""

    pose: Pose
    key_points: Float[np.ndarray, "key_point 3"]  # in the order of KEY_POINTS


def _aim(yaw: float, pitch: float) -> Float[np.ndarray, "3"]:
    return np.array([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)])


def _joint(
    start: Float[np.ndarray, "3"], end: Float[np.ndarray, "3"], bone: float, towards: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "3"]:
    """Where two bones of one length meet, bent towards a direction."""
    span = end - start
    aside = towards - span * (towards @ span) / (span @ span)
    reach = np.sqrt(max(bone**2 - span @ span / 4, 0.5))
    return np.asarray((start + end) / 2 + aside / np.linalg.norm(aside) * reach)


def _spine(step: Step, body: BodyBuilder) -> list[tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3 3"]]]:
    """Add pelvis to neck; return center and frame of each, the head's included."""
    placed = []
    upright = step.rearing
    at = np.array([*step.path.point(step.progress), 16.8 + step.bob + 1.5 * upright])
    ahead = 0.0
    for number, (link, radii, low, high) in enumerate(SPINE):
        pitch = low + upright * (high - low)
        ahead += link * np.cos(pitch)
        yaw = step.path.heading(step.progress + ahead)
        at = at + link * _aim(yaw, pitch)
        if number < len(SPINE) - 1:
            frame = frame_along(_aim(yaw, pitch * (0.8 if number == 0 else 1.0)))
            body.add(at, radii, HIDE, frame)
        else:
            look = _aim(yaw + step.head_yaw, -0.3 + 0.35 * upright + step.head_pitch)
            frame = frame_along(look)
            body.add(at, radii, FACE, frame)
        placed.append((at, frame))
    return placed


def _face(
    body: BodyBuilder, at: Float[np.ndarray, "3"], frame: Float[np.ndarray, "3 3"]
) -> list[Float[np.ndarray, "3"]]:
    """Snout, nose, eyes and ears; returns nose, left ear and right ear."""

    def place(forward: float, left: float, up: float) -> Float[np.ndarray, "3"]:
        return np.asarray(at + frame @ np.array([forward, left, up]))

    body.bone(place(5.0, 0.0, -1.0), place(12.5, 0.0, -2.2), 5.6, FACE)
    body.bone(place(9.0, 0.0, -2.0), place(16.0, 0.0, -3.0), 3.6, FACE.tinted(CREAM, 0.35))
    nose = place(18.0, 0.0, -2.7)
    body.add(nose, (1.6, 1.9, 1.5), SKIN, frame)
    tips = []
    for side in (1.0, -1.0):
        body.add(place(6.8, side * 6.1, 2.9), (2.1, 1.7, 2.1), Skin.plain(NEAR_BLACK), frame)
        root = place(-3.0, side * 6.2, 5.2)
        out = frame @ np.array([-0.35, side * 0.75, 0.85])
        out /= np.linalg.norm(out)
        facing = frame @ np.array([0.9, side * 0.35, 0.15])
        body.add(root + out * 5.8, (7.6, 6.2, 1.2), EAR, frame_along(out, facing))
        tips.append(root + out * 13.2)
    return [nose, *tips]


def _gait(step: Step, phase: float) -> tuple[float, float]:
    """How far a paw is ahead of its hip along the path, and how high (mm). It stands still for 0.6 of a cycle."""
    cycle = (step.progress / STRIDE + phase) % 1.0
    if cycle < 0.6:
        return STRIDE * (0.3 - cycle), 0.0
    swing = (cycle - 0.6) / 0.4
    return STRIDE * (-0.3 + 0.6 * swing * swing * (3 - 2 * swing)), 5.0 * np.sin(np.pi * swing)


def _legs(
    step: Step, body: BodyBuilder, spine: list[tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3 3"]]]
) -> list[Float[np.ndarray, "3"]]:
    """Four legs by where their paws stand; returns the paws: left and right front, left and right hind."""
    paws = []
    (pelvis, hips), (chest, shoulders) = spine[0], spine[2]
    for side, phase in ((1.0, 0.5), (-1.0, 0.0)):
        forward, lift = _gait(step, phase)
        at = step.progress + 26.0 + 0.85 * forward
        standing = np.array([*step.path.point(at, side * 8.5), 1.9 + lift])
        hanging = chest + shoulders @ np.array([9.0, side * 5.5, -12.0])
        paw = standing + step.rearing * (hanging - standing)
        shoulder = chest + shoulders @ np.array([3.0, side * 7.0, -4.0])
        ahead = _aim(step.path.heading(at), -0.6 * step.rearing)
        wrist = paw - 2.0 * ahead + np.array([0.0, 0.0, 1.2])
        elbow = _joint(shoulder, wrist, 8.0, -shoulders[:, 0] + 0.4 * side * shoulders[:, 1])
        body.bone(shoulder, elbow, 4.0, LEG)
        body.bone(elbow, wrist, 2.5, LEG)
        body.add(paw, (4.4, 2.5, 1.7), SKIN, frame_along(ahead))
        paws.append(paw)
    for side, phase in ((1.0, 0.0), (-1.0, 0.5)):
        forward, lift = _gait(step, phase)
        at = step.progress + 3.0 + 0.85 * forward + 4.0 * step.rearing
        paw = np.array([*step.path.point(at, side * 11.5), 1.9 + lift])
        ahead = _aim(step.path.heading(at), 0.0)
        hip = pelvis + hips @ np.array([-1.0, side * 8.0, -2.5])
        ankle = paw - 6.0 * ahead + np.array([0.0, 0.0, 2.2])
        knee = _joint(hip, ankle, 10.5, ahead + 0.5 * side * hips[:, 1])
        body.bone(hip, knee, 6.6, LEG)
        body.bone(knee, ankle, 3.3, LEG)
        body.add(paw - 1.0 * ahead, (7.4, 2.7, 1.7), SKIN, frame_along(ahead))
        paws.append(paw)
    return paws


def _tail(
    step: Step, body: BodyBuilder, pelvis: Float[np.ndarray, "3"], frame: Float[np.ndarray, "3 3"]
) -> list[Float[np.ndarray, "3"]]:
    """A tail that trails along the path and sways; returns its base and tip."""
    base = pelvis + frame @ np.array([-14.5, 0.0, 0.5])
    points, piece = [base], TAIL_LENGTH / TAIL_PIECES
    for number in range(TAIL_PIECES):
        share = (number + 0.5) / TAIL_PIECES
        back = step.path.heading(step.progress - 14.0 - share * TAIL_LENGTH) + np.pi
        yaw = back + step.tail_sway * share * np.sin(step.tail_phase - 3.0 * share)
        height = 1.7 + (base[2] - 1.7) * np.exp(-(number + 1) * piece / 9.0)
        drop = np.clip((height - points[-1][2]) / piece, -0.9, 0.9)
        points.append(points[-1] + piece * _aim(yaw, float(np.arcsin(drop))))
    body.chain(np.stack(points), np.linspace(2.5, 0.9, TAIL_PIECES + 1), SKIN)
    return [base, points[-1]]


def build_mouse(step: Step) -> tuple[BodyBuilder, MousePose]:
    """The mouse at one step of its motion."""
    body = BodyBuilder()
    spine = _spine(step, body)
    face = _face(body, *spine[-1])
    paws = _legs(step, body, spine)
    tail = _tail(step, body, *spine[0])
    return body, MousePose(body.pose(), np.stack([*face, *tail, *paws]))


def mouse_coat(seed: int) -> Coat:
    """Agouti fur, cream below, with markings that differ from side to side; the seed varies the fur's pattern."""
    along = np.array([-200.0, 200.0])
    straight = FloorPath(along, np.zeros(2), np.stack([along, np.zeros(2)], axis=1))
    body, rest = build_mouse(Step(straight, 0.0))
    waves = random_waves(np.random.default_rng((seed, 12)), (22.0, 4.5, 15.0))
    return body.coat(rest.pose, waves, (7.0, 14.0), (BLOTCHES, 0.45, 0.3), PATCHES)


def mouse_at(step: Step, coat: Coat) -> Animal:
    """The mouse, dressed."""
    return Animal(build_mouse(step)[1].pose, coat)


def volume_centroid(pose: Pose, spacing: float = 1.5) -> Float[np.ndarray, "3"]:
    """Center of the volume that the ellipsoids fill together, by counting points of a lattice (spacing in mm)."""
    reach = np.sqrt(np.einsum("pij,pj->pi", pose.rotations**2, pose.radii**2))
    low, high = (pose.centers - reach).min(axis=0), (pose.centers + reach).max(axis=0)
    axes = [np.arange(a + spacing / 2, b, spacing) for a, b in zip(low, high, strict=True)]
    lattice = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = np.zeros(len(lattice), dtype=bool)
    for center, rotation, radii in zip(pose.centers, pose.rotations, pose.radii, strict=True):
        near = np.nonzero((np.abs(lattice - center) <= radii.max()).all(axis=1) & ~inside)[0]
        local = (lattice[near] - center) @ rotation / radii
        inside[near[(local**2).sum(axis=1) <= 1]] = True
    return np.asarray(lattice[inside].mean(axis=0))
