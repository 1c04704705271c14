"""Animals that are not the mouse, and pictures of them, to pretrain on."""

import numpy as np
from jaxtyping import Float

from mouse_facelift.simulation.builder import BodyBuilder, Skin, random_waves
from mouse_facelift.simulation.ellipsoids import BLOTCHES, NO_MARK, SPOTS, STRIPES, Animal, Pose
from mouse_facelift.simulation.quadruped import Palette, quadruped

# Hue, saturation and value of fur as it is found: browns, greys, black, white, ginger, cream.
NATURAL = np.array(
    [
        [0.07, 0.45, 0.45], [0.08, 0.35, 0.65], [0.06, 0.6, 0.3], [0.0, 0.0, 0.5], [0.0, 0.0, 0.15], [0.1, 0.1, 0.9],
        [0.06, 0.75, 0.75], [0.11, 0.3, 0.85], [0.6, 0.1, 0.4],
    ]
)  # fmt: skip


def _rgb(hue: float, saturation: float, value: float) -> Float[np.ndarray, "3"]:
    """Source: A. R. Smith, Color gamut transform pairs, SIGGRAPH 1978 (HSV)."""
    k = (np.array([5.0, 3.0, 1.0]) + hue * 6) % 6
    return np.asarray(value - value * saturation * np.clip(np.minimum(k, 4 - k), 0, 1))


def _color(rng: np.random.Generator, natural: bool) -> Float[np.ndarray, "3"]:
    if natural:
        hue, saturation, value = NATURAL[rng.integers(len(NATURAL))] + rng.normal(size=3) * np.array(
            [0.015, 0.06, 0.08]
        )
        return _rgb(hue % 1, float(np.clip(saturation, 0, 1)), float(np.clip(value, 0.08, 0.95)))
    return _rgb(rng.random(), rng.uniform(0.2, 1.0), rng.uniform(0.25, 0.95))


def _palette(rng: np.random.Generator) -> Palette:
    natural = bool(rng.random() < 0.65)
    base, mottle, belly, mark, bare = (_color(rng, natural) for _ in range(5))
    if rng.random() < 0.5:  # near relatives: a quiet coat
        mottle = np.clip(base * rng.uniform(0.5, 1.5), 0, 0.95)
    if rng.random() < 0.4:
        belly = np.clip(base * 0.4 + 0.55, 0, 0.95)
    if rng.random() < 0.4:
        bare = np.array([0.85, 0.6, 0.55]) * rng.uniform(0.7, 1.1)
    hide = Skin(
        base, mottle, belly, mark,
        mottle_amount=rng.uniform(0.2, 1.0), belly_amount=float(rng.choice([0.0, 0.6, 0.95])),
        mark_amount=rng.uniform(0.5, 1.0), fur_amount=rng.uniform(0.0, 0.25), patch_amount=float(rng.random() < 0.6),
    )  # fmt: skip
    face = hide.tinted(_color(rng, natural), float(rng.choice([0.0, 0.3, 0.9])))
    limb = hide.tinted(_color(rng, natural), float(rng.choice([0.0, 0.3, 0.9])))
    eye = Skin.plain(np.full(3, 0.04) if rng.random() < 0.7 else _color(rng, False))
    return Palette(hide, face, limb, Skin.plain(bare, fur_amount=0.05), eye)


def _placed(pose: Pose, rng: np.random.Generator) -> Pose:
    """Turn, scale and move an animal to where normalized captures have theirs.

    A mouse on the reference rig reaches 0.4 to 0.5 units; larger animals, as filled pictures have them, teach more a
    picture, so most are larger.
    """
    turn, tilt, roll = rng.uniform(0, 2 * np.pi), *(rng.normal(size=2) * (0.15 if rng.random() < 0.85 else 0.8))
    c, s = np.cos([turn, tilt, roll]), np.sin([turn, tilt, roll])
    yaw = np.array([[c[0], -s[0], 0], [s[0], c[0], 0], [0, 0, 1]])
    pitch = np.array([[c[1], 0, s[1]], [0, 1, 0], [-s[1], 0, c[1]]])
    sideways = np.array([[1, 0, 0], [0, c[2], -s[2]], [0, s[2], c[2]]])
    points = pose.surface_points().reshape(-1, 3)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    radius = float(np.linalg.norm(points - middle, axis=1).max())
    wanted = rng.uniform(0.7, 1.0) if rng.random() < 0.75 else rng.uniform(0.45, 0.7)
    moved = pose.moved(wanted / radius, yaw @ pitch @ sideways, middle)
    offset = np.clip(rng.normal(size=3) * 0.03, -0.06, 0.06) * wanted / 0.5
    return moved._replace(centers=moved.centers + offset)


def random_animal(seed: int | np.random.SeedSequence) -> Animal:
    """One animal about the origin (z up): its farthest point lies 0.4 to 1.2 units away, mostly 0.65 to 1.1."""
    rng = np.random.default_rng(seed)
    palette = _palette(rng)
    body = BodyBuilder()
    quadruped(body, rng, palette)
    rest = body.pose()
    points = rest.surface_points()
    low, high = points[:, :, 2].min(), points[:, :, 2].max()
    belly = low + (high - low) * rng.uniform(0.2, 0.5)
    kind = int(rng.choice([NO_MARK, NO_MARK, STRIPES, SPOTS, BLOTCHES]))
    waves = random_waves(rng, (rng.uniform(0.25, 0.8), rng.uniform(0.05, 0.15), rng.uniform(0.12, 0.5)))
    patches = []
    for _ in range(int(rng.integers(0, 4))):
        center = rest.centers[rng.integers(len(rest.centers))] + rng.normal(size=3) * 0.15
        patches.append((center, rng.uniform(0.1, 0.35, size=3), _color(rng, bool(rng.random() < 0.7))))
    mark = (kind, rng.uniform(-0.3, 0.5), rng.uniform(0.08, 0.4))
    coat = body.coat(rest, waves, (belly, belly + rng.uniform(0.05, 0.3)), mark, patches)
    return Animal(_placed(rest, rng), coat)
