"""Rule `simulate_capture`: what a laboratory with the reference rig would hand over, and the truth behind it."""

from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from mouse_facelift.formats.whole import whole_folder
from mouse_facelift.imaging.pictures import to_straight_alpha, write_rgba
from mouse_facelift.imaging.video import VideoWriter
from mouse_facelift.simulation.arena import expose, see_arena
from mouse_facelift.simulation.ellipsoids import default_lights
from mouse_facelift.simulation.motion import SequenceName, motion
from mouse_facelift.simulation.mouse import KEY_POINTS, build_mouse, mouse_coat, volume_centroid
from mouse_facelift.simulation.pretraining import look_at_origin
from mouse_facelift.simulation.raycast import Lenses, cast, trace_lenses
from mouse_facelift.simulation.reference_rig import ARENA_CENTER, Rig, reference_rig
from mouse_facelift.simulation.truth import Truth, write_truth

VIDEO_QUALITY, MASK_QUALITY = 17, 23  # constant rate factors
# Cameras of the truth, in gaps between the rig's: azimuth and elevation about the arena's center, in degrees.
EXTRA_VIEWS = {"Extra1": (63.0, 15.0), "Extra2": (129.0, 35.0), "Extra3": (-110.0, 12.0)}
EXTRA_DISTANCE, EXTRA_HEIGHT = 330.0, 18.0  # mm to the point looked at, and that point above the floor
EXTRA_SIZE, EXTRA_FOCAL = 256, 400.0  # px


def extra_cameras() -> Rig:
    """Pinhole cameras that only the truth knows."""
    angles = np.radians(list(EXTRA_VIEWS.values()))
    camera_to_world = look_at_origin(angles[:, 0], angles[:, 1], EXTRA_DISTANCE)
    camera_to_world[:, :3, 3] += ARENA_CENTER + np.array([0.0, 0.0, EXTRA_HEIGHT])
    half = EXTRA_SIZE / 2
    K = np.array([[EXTRA_FOCAL, 0.0, half], [0.0, EXTRA_FOCAL, half], [0.0, 0.0, 1.0]])
    views = len(EXTRA_VIEWS)
    return Rig(
        tuple(EXTRA_VIEWS),
        camera_to_world,
        np.repeat(K[None], views, axis=0),
        np.zeros((views, 5)),
        EXTRA_SIZE,
        EXTRA_SIZE,
    )


def true_motion(
    sequence: SequenceName, frames: int, seed: int, frames_per_second: int, rig: Rig, extra_every: int
) -> Truth:
    """Everything about a capture except its pictures."""
    poses = [build_mouse(step)[1] for step in motion(sequence, frames, seed, ARENA_CENTER[:2])]
    return Truth(
        sequence=sequence,
        seed=seed,
        frames_per_second=frames_per_second,
        rig=rig,
        extra=extra_cameras(),
        extra_frames=tuple(range(0, frames, extra_every)),
        centers=np.stack([p.pose.centers for p in poses]),
        rotations=np.stack([p.pose.rotations for p in poses]),
        radii=np.stack([p.pose.radii for p in poses]),
        coat=mouse_coat(seed),
        lights=default_lights(),
        centroids=np.stack([volume_centroid(p.pose) for p in poses]),
        key_points=np.stack([p.key_points for p in poses]),
        key_point_names=KEY_POINTS,
    )


def simulate_capture(
    capture: Path,
    truth: Path,
    sequence: SequenceName,
    frames: int,
    seed: int,
    frames_per_second: int = 50,
    scale: float = 0.25,
    samples: int = 3,
    extra_every: int = 8,
) -> None:
    """Film the procedural mouse with the reference rig, its pictures reduced by `scale` (0.25: 288 x 256 px).

    `capture` gets what a laboratory has: `videos/Camera1.mp4` ... `Camera6.mp4`, lossy mask videos of the same names in
    `masks/` (animal white), and `calibration.toml` in Anipose's format (mm, pixel centers at integers). `truth` gets
    truth.json and truth.npz (see `read_truth`), and every `extra_every`-th frame of the cameras that the laboratory
    never had as `extra/<camera>/frame_00000.png` (RGBA, straight alpha, animal only). The sequence takes `frames`
    evenly spread moments of one motion. The same seed gives the same bytes.

    Raises:
        ValueError: fewer than 2 frames, or a scale that makes pictures of odd sides.
    """
    rig = reference_rig(scale)
    facts = true_motion(sequence, frames, seed, frames_per_second, rig, extra_every)
    with whole_folder(truth) as folder:
        write_truth(facts, folder)
        _write_extra_pictures(facts, folder / "extra")
    with whole_folder(capture) as folder:
        (folder / "calibration.toml").write_text(anipose_toml(rig))
        lenses = trace_lenses(rig.intrinsics, rig.distortion, rig.width, rig.height, samples)
        _film(facts, lenses, folder)


def _film(facts: Truth, lenses: Lenses, folder: Path) -> None:
    """Draw all frames once, into a video and a mask video per camera."""
    rig = facts.rig
    arena = see_arena(rig.camera_to_world, lenses, facts.seed)
    noise = np.random.default_rng((facts.seed, 14))
    with ExitStack() as files:

        def open_videos(kind: str, quality: int) -> list[VideoWriter]:
            (folder / kind).mkdir()
            paths = [folder / kind / f"{name}.mp4" for name in rig.names]
            return [files.enter_context(VideoWriter(path, facts.frames_per_second, quality)) for path in paths]

        videos, masks = open_videos("videos", VIDEO_QUALITY), open_videos("masks", MASK_QUALITY)
        for frame in tqdm(range(facts.frames), disable=None, desc=facts.sequence):
            animal = facts.animal(frame)
            rgba, _ = cast(animal, facts.lights, rig.camera_to_world, lenses, bands=8)
            for video, picture in zip(videos, expose(arena, animal.pose, rgba, noise), strict=True):
                video.append(picture)
            for mask, covered in zip(masks, rgba[..., 3] >= 0.5, strict=True):
                mask.append(covered.astype(np.uint8) * 255)


def _write_extra_pictures(facts: Truth, folder: Path) -> None:
    extra = facts.extra
    lenses = trace_lenses(extra.intrinsics, None, extra.width, extra.height, 4)
    for name in extra.names:
        (folder / name).mkdir(parents=True)
    for frame in facts.extra_frames:
        rgba, _ = cast(facts.animal(frame), facts.lights, extra.camera_to_world, lenses, bands=4)
        for name, picture in zip(extra.names, to_straight_alpha(rgba), strict=True):
            write_rgba(folder / name / f"frame_{frame:05d}.png", picture)


def anipose_toml(rig: Rig) -> str:
    """The rig in Anipose's format: world to camera, Rodrigues rotation, pixel centers at integers."""

    def numbers(values: Float[np.ndarray, "number"]) -> str:
        return "[ " + ", ".join(repr(float(value)) for value in values) + ",]"

    sections = []
    for view, name in enumerate(rig.names):
        K = rig.intrinsics[view].copy()
        K[:2, 2] -= 0.5
        world_to_camera = np.linalg.inv(rig.camera_to_world[view])
        rotation, _ = cv2.Rodrigues(world_to_camera[:3, :3])
        sections.append(
            f"[cam_{view}]\n"
            f'name = "{name}"\n'
            f"size = [ {rig.width}, {rig.height},]\n"
            f"matrix = [ {', '.join(numbers(row) for row in K)},]\n"
            f"distortions = {numbers(rig.distortion[view])}\n"
            f"rotation = {numbers(rotation[:, 0])}\n"
            f"translation = {numbers(world_to_camera[:3, 3])}\n"
        )
    return "\n".join([*sections, "[metadata]\nadjusted = false\nerror = 0.0\n"])
