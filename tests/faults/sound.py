"""A whole file for every reader, made by this project's own writers and a tiny run; what tests then damage."""

import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import scipy.io
import torch
import yaml
from safetensors.torch import load_file
from torch import nn

from mouse_facelift.formats.drawn import DrawnPictures, DrawnRow, DrawnTable
from mouse_facelift.formats.models import ModelRow, ModelTable
from mouse_facelift.formats.packs import Pack, write_pack
from mouse_facelift.formats.ply import read_ply
from mouse_facelift.formats.spz import write_spz
from mouse_facelift.formats.tensors import write_tensors
from mouse_facelift.formats.views import Views, write_depths
from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.mvdiffusion.prompts import write_prompt_embeddings
from mouse_facelift.normalization.kept import keep
from tests.faults.damage import Must
from tests.faults.readers import CAMERAS, TINY, Nothing, state_folder
from tests.unit.capture import lab_files
from tests.unit.capture.matlab_hdf5_files import save_matlab_73
from tests.unit.capture.test_calibration_formats import LENS, WRITE
from tests.unit.capture.test_key_points import WRITE as KEY_POINTS
from tests.unit.capture.test_key_points import cell, write_dannce_com
from tests.workflow import Workflow, tiny_config


class Sound(NamedTuple):
    """A whole file, and what may be asked of those who read it once it is damaged."""

    reader: str
    folder: Path
    """all that goes with it"""
    read: str
    """what the reader is given, relative to the folder"""
    file: str
    """what is damaged, likewise"""
    flips: Must = "be refused or equal"
    """where a bit is turned: `end` where nothing in the format tells, as there is no checksum"""
    cuts: Must = "be refused"
    """where it is cut: `end` where a part of it looks whole, as a table with fewer rows does"""
    lost: Must = "be refused"
    """where it is not there, or is no file: `end` where the others beside it do without"""


# Fields of a calibration are checked, but a focal length of 1501 px in place of 1500 is as plausible.
UNSURE: Must = "end"


def sound_files(finished: Workflow, project: Path, folder: Path) -> Iterator[Sound]:
    """Write or copy everything below `folder`.

    Args:
        finished: a tiny run.
        project: with a view generator under `results/generator_starts/tiny/pipeckpts`.
        folder: empty.
    """
    yield from _calibrations(folder)
    yield from _key_points(folder)
    yield from _of_the_run(finished.folder, folder)
    yield from _made(finished.folder, folder)
    yield from _networks(finished.folder, project, folder)


def _new(folder: Path, name: str) -> Path:
    made = folder / name.replace(" ", "_")
    made.mkdir()
    return made


def _dannce(rig: Calibration, folder: Path) -> Path:
    params = cell([lab_files.dannce_lens(rig, view) for view in range(len(rig))])
    scipy.io.savemat(folder / "label3d_dannce.mat", {"params": params, "camnames": cell(list(rig.names))})
    return folder / "label3d_dannce.mat"


def _facelift(rig: Calibration, folder: Path) -> Path:
    """As `writers.write_facelift` does, which refuses numbers that are not finite."""
    frames = []
    for view, name in enumerate(rig.names):
        (fx, _, cx), (_, fy, cy), _ = rig.intrinsics[view].tolist()
        lens = {"w": lab_files.WIDTH, "h": lab_files.HEIGHT, "fx": fx, "fy": fy, "cx": cx + 0.5, "cy": cy + 0.5}
        frames.append(lens | {"w2c": rig.world_to_camera[view].tolist(), "view_name": name})
    (folder / "opencv_cameras.json").write_text(json.dumps({"frames": frames}))
    return folder / "opencv_cameras.json"


def _mammal(rig: Calibration, folder: Path) -> Path:
    """Without its maps of pixels, which take megabytes."""
    cameras = [{key: camera[key] for key in "KRT"} for camera in lab_files.mammal_cameras(rig)]
    (folder / "new_cam.pkl").write_bytes(pickle.dumps(cameras, 4))
    return folder / "new_cam.pkl"


CALIBRATIONS: dict[str, Callable[[Calibration, Path], Path]] = {
    **WRITE,
    "dannce": _dannce,
    "facelift": _facelift,
    "mammal": _mammal,
}


def _calibrations(folder: Path) -> Iterator[Sound]:
    rig = lab_files.make_rig(CAMERAS, LENS)
    for name, write in CALIBRATIONS.items():
        home = _new(folder, f"calibration {name}")
        path = write(rig, home)
        read = "." if path.is_dir() else path.name
        files = sorted(file.name for file in home.iterdir())
        yield from (Sound(f"calibration {name}", home, read, file, UNSURE) for file in files[:2])
    home = _new(folder, "calibration of any kind")
    yield Sound("calibration of any kind", home, "calibration.toml", WRITE["anipose"](rig, home).name, UNSURE)


def _key_points(folder: Path) -> Iterator[Sound]:
    for name, write in KEY_POINTS.items():
        home = _new(folder, f"key points {name}")
        cuts: Must = "end" if name == "anipose" else "be refused"
        yield Sound(f"key points {name}", home, (file := write(home).name), file, UNSURE, cuts)
    home = _new(folder, "key points of any kind")
    path = write_dannce_com(home, save_matlab_73)
    yield Sound("key points of any kind", home, path.name, path.name, UNSURE, UNSURE)


# Reader, file of a tiny run, whether a turned bit cannot go unnoticed.
_RUN: tuple[tuple[str, str, Must], ...] = (
    ("opened", "results/animal/tiny/opened.json", "end"),
    ("found", "results/tiny/found.json", "end"),
    ("foreseen", "results/tiny/foreseen.json", "end"),
    ("verdict", "results/tiny/verdict.json", "end"),
    ("frames", "results/frames/tiny/manifest.json", "end"),
    ("views", "results/views/tiny/contract/chunk_0/manifest.json", "end"),
    ("predictions", "results/predictions/full/predictions.json", "end"),
    ("true views", "results/truth/real.contract/true_views.json", "end"),
    ("animal", "results/animal/tiny/chunk_0/animal.npz", "be refused or equal"),
    ("mask pack", "results/animal/tiny/chunk_0/masks.npz", "be refused or equal"),
    ("scores", "results/scores/full.csv", "end"),
    ("true scores", "results/scores/truth/full.csv", "end"),
    ("video", "results/simulated/tiny/videos/Camera1.mp4", "end"),
    ("video as recorded", "results/simulated/tiny/videos/Camera2.mp4", "end"),
    ("mask video", "results/simulated/tiny/masks/Camera1.mp4", "end"),
)


def _of_the_run(run: Path, folder: Path) -> Iterator[Sound]:
    for reader, file, flips in _RUN:
        home = _new(folder, reader)
        shutil.copy2(run / file, home)
        cuts: Must = "end" if file.endswith(".csv") else "be refused"
        yield Sound(reader, home, Path(file).name, Path(file).name, flips, cuts)
    for reader, pattern in (
        ("diagnosis", "results/weights/*/diagnosis.json"),
        ("card", "results/weights/*/card.json"),
        ("renderings", "results/predictions/full/renderings/*.npz"),
        ("ply", "results/predictions/full/models/*.ply"),
        ("surface", "results/truth/real.contract/**/surface.npz"),
    ):
        home = _new(folder, reader)
        file = sorted(run.glob(pattern))[0]
        shutil.copy2(file, home)
        yield Sound(reader, home, file.name, file.name, "end" if reader == "ply" else "be refused or equal")
    home = _new(folder, "weights with their card")
    weights = sorted(run.glob("results/weights/*/weights.safetensors"))[0]
    for file in (weights, weights.with_name("card.json")):
        shutil.copy2(file, home)
    yield Sound("weights with their card", home, weights.name, weights.name)
    home = _new(folder, "truth")
    shutil.copytree(run / "results/truth/tiny", home / "truth")
    yield from (Sound("truth", home, "truth", f"truth/truth.{kind}") for kind in ("json", "npz"))
    views = run / "results/views/tiny/contract/chunk_0"
    home = _new(folder, "picture")
    shutil.copy2(sorted(views.glob("frame_*/images/*.png"))[0], home / "a b ü.png")
    yield Sound("picture", home, "a b ü.png", "a b ü.png")
    home = _new(folder, "opaque picture")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    (home / "a.jpg").write_bytes(cv2.imencode(".jpg", noise)[1].tobytes())
    yield Sound("opaque picture", home, "a.jpg", "a.jpg", UNSURE)
    home = _new(folder, "sample folder")
    shutil.copytree(sorted(views.glob("frame_*"))[0], home / "s")
    yield from (
        Sound("sample folder", home, "s", f"s/{file}") for file in ("opencv_cameras.json", "images/cam_002.png")
    )
    home = _new(folder, "sample table")
    _copy_table(run / "results/samples/real.contract/table.json", home)
    sample = json.loads((home / "table.json").read_text())["samples"][0]["folder"]
    yield from (
        Sound("sample table", home, "table.json", file)
        for file in ("table.json", f"{sample}/opencv_cameras.json", f"{sample}/images/cam_001.png")
    )


def _copy_table(table: Path, home: Path) -> None:
    """One sample of a table, with its folder."""
    content = json.loads(table.read_text())
    content["samples"] = content["samples"][:1]
    (row,) = content["samples"]
    shutil.copytree(table.parent / row["folder"], home / "sample")
    row["folder"] = "sample"
    (home / "table.json").write_text(json.dumps(content))


def _made(run: Path, folder: Path) -> Iterator[Sound]:
    chance = np.random.default_rng(5)
    home = _new(folder, "spz")
    write_spz(home / "a.spz", read_ply(sorted(run.glob("results/predictions/full/models/*.ply"))[0]))
    yield Sound("spz", home, "a.spz", "a.spz")
    home = _new(folder, "pack")
    pack = Pack(
        chance.integers(0, 256, (2, 3, 8, 8, 4), np.uint8),
        chance.random((2, 3, 8, 8)).astype(np.float16),
        chance.random((2, 3, 4, 4)).astype(np.float32),
        chance.random((2, 3, 4)).astype(np.float32),
    )
    write_pack(home / "animals_000.npz", pack)
    yield Sound("pack", home, "animals_000.npz", "animals_000.npz")
    home = _new(folder, "drawn pictures")
    DrawnPictures(torch.from_numpy(chance.integers(0, 256, (2, 6, 3, 8, 8), np.uint8))).write(home / "drawn.npz")
    yield Sound("drawn pictures", home, "drawn.npz", "drawn.npz")
    home = _new(folder, "depths")
    write_depths(home, torch.from_numpy(chance.random((6, 16, 16))))
    yield Sound("depths", home, "depths.npz", "depths.npz")
    for reader, table in (("drawn table", _drawn_table()), ("model table", _model_table())):
        home = _new(folder, reader)
        table.write(home / "table.json")
        yield Sound(reader, home, "table.json", "table.json", UNSURE)
    home = _new(folder, "kept sample")
    views = Views.read(run / "results/views/tiny/contract/chunk_0/manifest.json")
    keep(home / "s", "0" * 64, views.samples[0], ())
    yield Sound("kept sample", home, ".s.kept.json", ".s.kept.json", UNSURE)
    home = _new(folder, "configuration")
    (home / "config.yaml").write_text(yaml.safe_dump(tiny_config(), sort_keys=False))
    yield Sound("configuration", home, "config.yaml", "config.yaml", UNSURE)


def _drawn_table() -> DrawnTable:
    row = DrawnRow(sample="s", reference=0, azimuths=(0.0, 60.0), from_prompts=(0.0, 1.5))
    return DrawnTable(
        generator="g", conditioning="plucker", references="fixed", left_out_views=("Camera1",), samples="table.json",
        pictures="drawn.npz", status="complete", origins=(), rows=(row, row),
    )  # fmt: skip


def _model_table() -> ModelTable:
    row = ModelRow(sample="s", turn=0, inputs=(0, 1), ply="a.ply", spz="a.spz", predicted=9, faint=1, outside=2, kept=6)
    return ModelTable(
        experiment="full", predictions="p.json", origins=(), opacity=0.1, hull_margin=None, pixel_blur=0.3, rows=(row,)
    )


def _networks(run: Path, project: Path, folder: Path) -> Iterator[Sound]:
    tensors = {"a": torch.arange(600.0).reshape(20, 30), "b": torch.ones(40, dtype=torch.float16)}
    home = _new(folder, "recipe")
    write_tensors(home / "adapters.safetensors", tensors, {TINY: {"rank": 2}})
    yield Sound("recipe", home, "adapters.safetensors", "adapters.safetensors", UNSURE)
    home = _new(folder, "plain .pt")
    torch.save({"model": tensors}, home / "a.pt")
    yield Sound("plain .pt", home, "a.pt", "a.pt")
    home = _new(folder, "prompts")
    write_prompt_embeddings(home / "prompts.pt", torch.randn(6, 7, 4, generator=torch.Generator().manual_seed(0)))
    yield Sound("prompts", home, "prompts.pt", "prompts.pt")
    home = _new(folder, "training state")
    torch.manual_seed(0)
    state_folder(home).save(3, nn.Linear(3, 2), Nothing(), [{"step": 1, "loss": 0.5}])
    yield Sound("training state", home, "step_00000003.pt", "step_00000003.pt", lost="end")  # then it starts anew
    home = _new(folder, "network")
    shutil.copy2(run / "weights/tiny.safetensors", home / "network.safetensors")
    shutil.copy2(run / "weights/tiny.json", home / "network.json")
    yield from (Sound("network", home, ".", f"network.{kind}", UNSURE) for kind in ("safetensors", "json"))
    beside = _new(folder, "network .pt")
    shutil.copy2(home / "network.json", beside)
    torch.save({"model": load_file(home / "network.safetensors")}, beside / "network.pt")
    yield Sound("network .pt", beside, ".", "network.pt")
    home = _new(folder, "pipeckpts")
    shutil.copytree(project / "results/generator_starts/tiny/pipeckpts", home / "pipeckpts")
    for file in (
        "model_index.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "image_encoder/config.json",
        "scheduler/scheduler_config.json",
        "feature_extractor/preprocessor_config.json",
    ):
        yield Sound("pipeckpts", home, "pipeckpts", f"pipeckpts/{file}", UNSURE)
