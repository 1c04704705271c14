"""Time normalization of a six-camera recording at 1152 x 1024 px: decode, resample to the contract at 512 px, write.

Goals, on one thread, the animal's place and masks given:
- at least 0.8 of the speed of the same libraries' bare calls, made one after the other (`floor`);
- several times as fast as a script that seeks, undistorts, resizes, warps and writes each frame (`script`);
- memory that does not grow with the number of frames.

    python -m bench.normalization FOLDER --frames 24 --repetitions 5

The recording (the simulated rig at full scale) is made in FOLDER if it is not there: some seconds a frame. All take
turns, and the least time of each counts: what else the machine does only adds.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from bench.normalization_rivals import Lens, floor_seconds, script_seconds
from mouse_facelift.capture import read_calibration
from mouse_facelift.carving.pinholes import sampling_maps
from mouse_facelift.carving.viewpoints import Session, Viewpoints, place_views
from mouse_facelift.formats.sample_folder import Sample, write_sample
from mouse_facelift.formats.whole import sha256, whole_folder
from mouse_facelift.geometry.cameras import invert_poses
from mouse_facelift.imaging.recordings import read_masks, read_pictures
from mouse_facelift.imaging.resample import resample
from mouse_facelift.normalization.viewpoints import measure_residuals
from mouse_facelift.settings import CameraContract, Contract
from mouse_facelift.simulation.laboratory import simulate_capture
from mouse_facelift.simulation.truth import Truth, read_truth

REPOSITORY = Path(__file__).resolve().parents[1]
CONTRACT = CameraContract(
    image_size=512, focal=548.9937438964844, distance=2.7, distance_range=(1.8, 3.6), subject_radius=1.0
)
WAY = Contract(mode="contract", center="frame", rectify=False, residual_limit=100.0)
LENGTH = 120  # frames of the recording
SPACING = 3.0  # mm, of points on the animal


@dataclass(frozen=True)
class Recording:
    videos: list[Path]
    masks: list[Path]
    names: list[str]
    session: Session
    truth: Truth

    def place(self, frame: int) -> Viewpoints:
        return place_views(self.session, torch.from_numpy(self.truth.centroids[frame]), 60.0, WAY, CONTRACT)

    def surface(self, frame: int) -> torch.Tensor:
        """Points on the animal's ellipsoids, mm."""
        ball = np.random.default_rng(0).normal(size=(16, 3))
        ball /= np.linalg.norm(ball, axis=1, keepdims=True)
        parts = zip(self.truth.centers[frame], self.truth.rotations[frame], self.truth.radii[frame], strict=True)
        return torch.from_numpy(np.concatenate([center + (ball * radii) @ R.T for center, R, radii in parts]))


def main() -> None:
    parser = argparse.ArgumentParser(description="Time normalization.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--memory-of", type=int, help="print the peak memory of so many frames, and nothing else")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    recording = _recording(arguments.folder)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
        if arguments.memory_of:
            _normalize(recording, _masks(recording, arguments.memory_of), Path(scratch))
            print(_peak_megabytes())
            return
        _compare(recording, arguments.frames, arguments.repetitions, Path(scratch))
    for frames in (30, 120):
        command = [sys.executable, "-m", "bench.normalization", str(arguments.folder), "--memory-of", str(frames)]
        fresh = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
        print(f"peak memory, {frames} frames: {float(fresh.stdout.split()[-1]):.0f} MB")


def _peak_megabytes() -> float:
    """Largest memory that this process had so far (Linux, proc(5))."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024 / 1e6


def _recording(folder: Path) -> Recording:
    laboratory, truth = folder / "laboratory", folder / "truth"
    if not laboratory.is_dir():
        simulate_capture(laboratory, truth, "walk", frames=LENGTH, seed=1, scale=1.0, samples=2, extra_every=LENGTH)
    calibration = read_calibration(laboratory / "calibration.toml")
    facts = read_truth(truth)
    centroids = torch.from_numpy(facts.centroids)
    scale = CONTRACT.distance / float(torch.cdist(calibration.centers, centroids).mean())
    session = Session(calibration, torch.eye(3, dtype=torch.float64), scale, centroids.mean(dim=0))
    videos, masks = ([laboratory / kind / f"{name}.mp4" for name in calibration.names] for kind in ("videos", "masks"))
    return Recording(videos, masks, list(calibration.names), session, facts)


def _masks(recording: Recording, frames: int) -> Iterator[list[np.ndarray]]:
    """Masks of one frame after the other."""
    views = [read_masks(str(path), "video", 127, range(frames)) for path in recording.masks]
    for together in zip(*views, strict=True):
        yield [mask for _, mask in together]


def _normalize(
    recording: Recording, masks: Iterator[list[np.ndarray]] | list[list[np.ndarray]], out: Path
) -> dict[str, float]:
    """Normalize frames from the first on; return the seconds that each step took."""
    seconds: dict[str, float] = defaultdict(float)
    numbers = range(len(masks)) if isinstance(masks, list) else range(recording.truth.frames)
    readers = [read_pictures(str(video), numbers) for video in recording.videos]
    for frame, shown in enumerate(masks):
        start = time.perf_counter()
        pictures = [next(reader)[1] for reader in readers]
        decoded = time.perf_counter()
        placed = recording.place(frame)
        similarity = placed.similarity
        measure_residuals(placed, similarity.points(recording.surface(frame)), SPACING * similarity.scale)
        maps = sampling_maps(recording.session.calibration, similarity, placed.taken, shown)
        mapped = time.perf_counter()
        images = [resample(*view) for view in zip(pictures, shown, maps, strict=True)]
        resampled = time.perf_counter()
        with whole_folder(out / f"frame_{frame:06d}") as folder:
            write_sample(folder, Sample(str(frame), placed.told, torch.from_numpy(np.stack(images))), recording.names)
            for path in folder.rglob("*.*"):
                sha256(path)
        written = time.perf_counter()
        seconds["decode"] += decoded - start
        seconds["place"] += mapped - decoded
        seconds["resample"] += resampled - mapped
        seconds["write"] += written - resampled
    return seconds


def _lenses(recording: Recording, frame: int) -> list[Lens]:
    """The same views as OpenCV's functions want them."""
    placed, calibration = recording.place(frame), recording.session.calibration
    raw_poses = placed.similarity.poses(invert_poses(calibration.world_to_camera))
    turns = placed.taken.camera_to_world[:, :3, :3].mT @ raw_poses[:, :3, :3]
    new_Ks = placed.taken.intrinsics.clone()
    new_Ks[:, :2, 2] -= 0.5
    lenses = zip(calibration.intrinsics, calibration.distortion, turns, new_Ks, strict=True)
    return [(K.numpy(), D.numpy(), R.numpy(), new_K.numpy()) for K, D, R, new_K in lenses]


def _compare(recording: Recording, frames: int, repetitions: int, scratch: Path) -> None:
    masks = list(_masks(recording, frames))
    lenses = [_lenses(recording, frame) for frame in range(frames)]
    least: dict[str, dict[str, float]] = {}

    def record(name: str, seconds: dict[str, float]) -> None:
        known = least.setdefault(name, dict.fromkeys(seconds, float("inf")))
        least[name] = {step: min(known[step], value) for step, value in seconds.items()}

    for _ in range(repetitions):
        for name in ("project", "floor", "script"):
            out = scratch / name
            out.mkdir()
            if name == "project":
                record(name, _normalize(recording, masks, out))
            elif name == "floor":
                record(name, floor_seconds(recording.videos, masks, lenses, CONTRACT.image_size, out))
            else:
                record(name, {"all": script_seconds(recording.videos, masks, lenses, CONTRACT.image_size, out)})
            shutil.rmtree(out)
    rates = {name: frames / sum(seconds.values()) for name, seconds in least.items()}
    print(f"least of {repetitions} repetitions over {frames} frames of six views, one thread")
    print("| | frames a second | ms a frame |\n|---|---|---|")
    for name, seconds in least.items():
        steps = ", ".join(f"{step} {1000 * value / frames:.1f}" for step, value in seconds.items())
        print(f"| {name} | {rates[name]:.2f} | {steps} |")
    ratios = {name: rates["project"] / rates[name] for name in ("floor", "script")}
    print(f"project / floor {ratios['floor']:.2f}, project / script {ratios['script']:.1f}")


if __name__ == "__main__":
    main()
