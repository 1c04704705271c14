"""What a simulated capture was made from, kept apart from what the laboratory gets."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from mouse_facelift.formats.arrays import Layout, read_arrays
from mouse_facelift.formats.manifest import Manifest, Matrix3, Matrix4, Record
from mouse_facelift.geometry.similarity import Similarity
from mouse_facelift.simulation.ellipsoids import Animal, Coat, Lights, Pose
from mouse_facelift.simulation.raycast import cast, trace_lenses
from mouse_facelift.simulation.reference_rig import Rig


class _StoredRig(Record):
    names: tuple[str, ...]
    camera_to_world: tuple[Matrix4, ...]
    intrinsics_from_outer_corner: tuple[Matrix3, ...]
    distortion: tuple[tuple[float, float, float, float, float], ...]
    width: int
    height: int

    def rig(self) -> Rig:
        return Rig(
            self.names,
            np.array(self.camera_to_world),
            np.array(self.intrinsics_from_outer_corner),
            np.array(self.distortion),
            self.width,
            self.height,
        )


class _About(Manifest):
    """What stands in `truth.json`."""

    sequence: str
    seed: int
    frames: int
    frames_per_second: int
    unit: Literal["mm"]
    key_points: tuple[str, ...]
    extra_frames: tuple[int, ...]
    ambient_light: float
    rig: _StoredRig
    extra: _StoredRig


_ARRAYS: Layout = {
    "centers": ("float64", ("frame", "part", 3)),
    "rotations": ("float64", ("frame", "part", 3, 3)),
    "radii": ("float64", ("frame", "part", 3)),
    "centroids": ("float64", ("frame", 3)),
    "key_points": ("float64", ("frame", "key_point", 3)),
    "light_directions": ("float64", ("light", 3)),
    "light_strengths": ("float64", ("light",)),
    "coat_rest_centers": ("float64", ("part", 3)),
    "coat_rest_rotations": ("float64", ("part", 3, 3)),
    "coat_rest_radii": ("float64", ("part", 3)),
    "coat_colors": ("float64", ("part", 4, 3)),
    "coat_amounts": ("float64", ("part", 5)),
    "coat_waves": ("float64", (3, 6, 4)),
    "coat_belly": ("float64", (2,)),
    "coat_mark": ("float64", (3,)),
    "coat_patch_centers": ("float64", ("patch", 3)),
    "coat_patch_radii": ("float64", ("patch", 3)),
    "coat_patch_colors": ("float64", ("patch", 3)),
}


@dataclass(frozen=True)
class Truth:
    """A whole capture in mm, z up: enough to draw the true animal from anywhere."""

    sequence: str
    seed: int
    frames_per_second: int
    rig: Rig  # the laboratory's cameras
    extra: Rig  # cameras that the laboratory never had
    extra_frames: tuple[int, ...]  # frames that extra pictures show
    centers: Float[np.ndarray, "frame part 3"]
    rotations: Float[np.ndarray, "frame part 3 3"]
    radii: Float[np.ndarray, "frame part 3"]
    coat: Coat
    lights: Lights
    centroids: Float[np.ndarray, "frame 3"]  # of the animal's volume
    key_points: Float[np.ndarray, "frame key_point 3"]
    key_point_names: tuple[str, ...]

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.centers)

    def animal(self, frame: int) -> Animal:
        """The animal of one frame, in mm."""
        return Animal(Pose(self.centers[frame], self.rotations[frame], self.radii[frame]), self.coat)


def render_truth(
    truth: Truth,
    frame: int,
    camera_to_world: Float[np.ndarray, "view 4 4"],
    intrinsics: Float[np.ndarray, "view 3 3"],
    width: int,
    height: int,
    distortion: Float[np.ndarray, "view 5"] | None = None,
    similarity: Similarity | None = None,
    samples: int = 4,
) -> tuple[Float[np.ndarray, "view height width 4"], Float[np.ndarray, "view height width"]]:
    """Draw the true animal over nothing through any cameras.

    Cameras are in mm, or in the world that `similarity` maps mm to. Intrinsics count pixels from the outer corner.
    Returns premultiplied RGBA in [0, 1] and depth along the axis in the cameras' unit (0 where there is no animal).

    Raises:
        ValueError: a skewed matrix or a lens that folds inside the picture.
        IndexError: a frame outside the capture.
    """
    animal, lights = truth.animal(frame), truth.lights
    if similarity is not None:
        rotation = similarity.rotation.numpy()
        pose = animal.pose.moved(similarity.scale, rotation, similarity.center.numpy())
        animal, lights = Animal(pose, animal.coat), lights.turned(rotation)
    lenses = trace_lenses(intrinsics, distortion, width, height, samples)
    return cast(animal, lights, camera_to_world, lenses, bands=4)


def write_truth(truth: Truth, folder: Path) -> None:
    """Write `truth.json` (names, cameras, settings) and `truth.npz` (arrays) into a folder that exists."""
    about = {
        "sequence": truth.sequence,
        "seed": truth.seed,
        "frames": truth.frames,
        "frames_per_second": truth.frames_per_second,
        "unit": "mm",
        "key_points": list(truth.key_point_names),
        "extra_frames": list(truth.extra_frames),
        "ambient_light": truth.lights.ambient,
        "rig": _rig_to_json(truth.rig),
        "extra": _rig_to_json(truth.extra),
    }
    (folder / "truth.json").write_text(json.dumps(about, indent=1) + "\n")
    np.savez_compressed(
        folder / "truth.npz",
        centers=truth.centers,
        rotations=truth.rotations,
        radii=truth.radii,
        centroids=truth.centroids,
        key_points=truth.key_points,
        light_directions=truth.lights.directions,
        light_strengths=truth.lights.strengths,
        **{f"coat_{name}": array for name, array in truth.coat._asdict().items()},
    )


def read_truth(folder: Path) -> Truth:
    """Read what `write_truth` wrote.

    Raises:
        FileNotFoundError: truth.json or truth.npz is missing.
        ValueError: names the file, which holds something else or is damaged.
    """
    about = _About.read(folder / "truth.json")
    arrays = read_arrays(folder / "truth.npz", _ARRAYS)
    return Truth(
        sequence=about.sequence,
        seed=about.seed,
        frames_per_second=about.frames_per_second,
        rig=about.rig.rig(),
        extra=about.extra.rig(),
        extra_frames=about.extra_frames,
        centers=arrays["centers"],
        rotations=arrays["rotations"],
        radii=arrays["radii"],
        coat=Coat(**{name: arrays[f"coat_{name}"] for name in Coat._fields}),
        lights=Lights(about.ambient_light, arrays["light_directions"], arrays["light_strengths"]),
        centroids=arrays["centroids"],
        key_points=arrays["key_points"],
        key_point_names=about.key_points,
    )


def _rig_to_json(rig: Rig) -> dict[str, object]:
    return {
        "names": list(rig.names),
        "camera_to_world": rig.camera_to_world.tolist(),
        "intrinsics_from_outer_corner": rig.intrinsics.tolist(),
        "distortion": rig.distortion.tolist(),
        "width": rig.width,
        "height": rig.height,
    }
