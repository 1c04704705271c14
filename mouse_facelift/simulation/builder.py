"""Put an animal together part by part."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from mouse_facelift.simulation.ellipsoids import Coat, Pose

Vector = Float[np.ndarray, "3"] | tuple[float, float, float]


@dataclass(frozen=True)
class Skin:
    """Colors and how much of each pattern a part wears; amounts are in [0, 1]."""

    base: Vector
    mottle: Vector
    belly: Vector
    mark: Vector
    mottle_amount: float = 0.0
    belly_amount: float = 0.0
    mark_amount: float = 0.0
    fur_amount: float = 0.0
    patch_amount: float = 0.0

    @classmethod
    def plain(cls, color: Vector, fur_amount: float = 0.0) -> "Skin":
        """One color all over."""
        return cls(color, color, color, color, fur_amount=fur_amount)

    def tinted(self, color: Vector, share: float) -> "Skin":
        """The same skin with its base and mottle drawn towards a color."""

        def towards(old: Vector) -> Vector:
            return (1 - share) * np.asarray(old) + share * np.asarray(color)

        return replace(self, base=towards(self.base), mottle=towards(self.mottle))


def _cross(a: Vector, b: Vector) -> Float[np.ndarray, "3"]:
    """np.cross of two vectors, which takes ten times as long."""
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])


def frame_along(direction: Vector, up: Vector = (0.0, 0.0, 1.0)) -> Float[np.ndarray, "3 3"]:
    """Rotation whose columns are: `direction`, left of it, and what is nearest to `up`."""
    forward = np.asarray(direction, dtype=np.float64)
    forward = forward / np.linalg.norm(forward)
    side = _cross(up, forward)
    if np.linalg.norm(side) < 1e-6:
        side = _cross((0.0, 1.0, 0.0) if abs(forward[1]) < 0.9 else (1.0, 0.0, 0.0), forward)
    side = side / np.linalg.norm(side)
    return np.stack([forward, side, _cross(forward, side)], axis=1)


@dataclass
class BodyBuilder:
    """Collects ellipsoids and their skins."""

    centers: list[np.ndarray] = field(default_factory=list)
    rotations: list[np.ndarray] = field(default_factory=list)
    radii: list[np.ndarray] = field(default_factory=list)
    skins: list[Skin] = field(default_factory=list)

    def add(self, center: Vector, radii: Vector, skin: Skin, frame: Float[np.ndarray, "3 3"] | None = None) -> None:
        """One ellipsoid; `frame` has its axes as columns, the world's by default."""
        self.centers.append(np.asarray(center, dtype=np.float64))
        self.radii.append(np.asarray(radii, dtype=np.float64))
        self.rotations.append(np.eye(3) if frame is None else frame)
        self.skins.append(skin)

    def bone(self, start: Vector, end: Vector, radius: float, skin: Skin, flat: float = 1.0, over: float = 0.5) -> None:
        """One ellipsoid from start to end, longer than that by `over` radii at each end; `flat` scales its height."""
        a, b = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
        length = float(np.linalg.norm(b - a))
        self.add((a + b) / 2, (length / 2 + over * radius, radius, radius * flat), skin, frame_along(b - a))

    def chain(self, points: Float[np.ndarray, "point 3"], radii: Float[np.ndarray, "point"], skin: Skin) -> None:
        """Bones through points, thick as the mean of their ends."""
        for i in range(len(points) - 1):
            self.bone(points[i], points[i + 1], float(radii[i] + radii[i + 1]) / 2, skin)

    def pose(self) -> Pose:
        """Where the parts are."""
        return Pose(np.stack(self.centers), np.stack(self.rotations), np.stack(self.radii))

    def coat(
        self,
        rest: Pose,
        waves: Float[np.ndarray, "3 6 4"],
        belly: tuple[float, float],
        mark: tuple[int, float, float],
        patches: Sequence[tuple[Vector, Vector, Vector]],
    ) -> Coat:
        """The coat of the parts; `patches` are (rest center, radii, color)."""
        colors = np.array([[s.base, s.mottle, s.belly, s.mark] for s in self.skins], dtype=np.float64)
        amounts = [[s.mottle_amount, s.belly_amount, s.mark_amount, s.fur_amount, s.patch_amount] for s in self.skins]
        spots = np.array(patches, dtype=np.float64).reshape(-1, 3, 3)
        return Coat(
            rest.centers,
            rest.rotations,
            rest.radii,
            colors,
            np.array(amounts, dtype=np.float64),
            waves,
            np.array(belly, dtype=np.float64),
            np.array(mark, dtype=np.float64),
            *(np.ascontiguousarray(spots[:, i]) for i in range(3)),
        )


def random_waves(rng: np.random.Generator, lengths: tuple[float, float, float]) -> Float[np.ndarray, "3 6 4"]:
    """Wave vectors in random directions, of about the given wavelengths (rest units), with random phases."""
    waves = np.empty((3, 6, 4))
    for i, length in enumerate(lengths):
        direction = rng.normal(size=(6, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        waves[i, :, :3] = direction * (2 * np.pi / length) * rng.uniform(0.7, 1.5, size=(6, 1))
        waves[i, :, 3] = rng.uniform(0, 2 * np.pi, size=6)
    return waves
