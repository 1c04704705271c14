"""All readers of files, by name: a path goes in; `python -m tests.faults.readers` asks them.

The process is what stands between a hostile file and the tests: it has a limit of memory, and every file is read in a
child of its own with a limit of time.
"""

import dataclasses
import hashlib
import json
import os
import resource
import select
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel
from torch import Tensor, nn

from mouse_facelift.capture.calibration.completion import read_stated_calibration
from mouse_facelift.capture.calibration.readers import FORMATS as CALIBRATIONS
from mouse_facelift.capture.key_points.readers import FORMATS as KEY_POINTS
from mouse_facelift.capture.key_points.readers import read_key_points
from mouse_facelift.evaluation.score_tables import read_scores, read_true_scores
from mouse_facelift.formats.animal import read_animal, read_shapes, read_surfaces
from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.diagnosis import TrainingDiagnosis
from mouse_facelift.formats.drawn import DrawnPictures, DrawnTable
from mouse_facelift.formats.foreseen import Foreseen
from mouse_facelift.formats.frames import Frames
from mouse_facelift.formats.mask_pack import MaskPack
from mouse_facelift.formats.models import ModelTable
from mouse_facelift.formats.opened import Opened
from mouse_facelift.formats.packs import read_pack
from mouse_facelift.formats.ply import read_ply
from mouse_facelift.formats.predictions import PredictionTable, Renderings
from mouse_facelift.formats.sample_folder import read_sample
from mouse_facelift.formats.sample_table import SampleTable, load_cameras, load_sample
from mouse_facelift.formats.spz import read_spz
from mouse_facelift.formats.tensors import read_recipe, read_torch_file
from mouse_facelift.formats.true_views import TrueViewsTable, read_surface
from mouse_facelift.formats.verdict import Found, read_verdict
from mouse_facelift.formats.views import Views, read_depths
from mouse_facelift.gslrm import load_gslrm
from mouse_facelift.imaging.pictures import picture_size, read_alpha, read_gray, read_rgba
from mouse_facelift.imaging.recordings import read_masks, read_pictures
from mouse_facelift.imaging.video import probe_video, read_frames
from mouse_facelift.mvdiffusion.loading import load_pipeline
from mouse_facelift.mvdiffusion.prompts import read_prompt_embeddings
from mouse_facelift.normalization.kept import KeptSample
from mouse_facelift.settings import CalibrationFile, read_settings
from mouse_facelift.simulation.truth import read_truth
from mouse_facelift.training.guard import Stateful
from mouse_facelift.training.state import StateFolder
from mouse_facelift.training.trained import read_card_of

Answer = dict[str, str]
"""`outcome`: read, refused, crashed or hung; and what was said, of what was read a digest"""
SECONDS = 20.0  # a file's share; the slowest sound one takes a tenth
MEMORY = 6_000_000_000  # bytes of addresses; torch, with all its libraries, takes about two thirds of them
CAMERAS = ("cam_8", "cam_9", "cam_10")
TINY = "tiny"  # name of the recipe in a file of tensors


class Nothing(Stateful):
    """An optimizer without a state."""

    def state_dict(self) -> dict[str, Any]:
        return {"nothing": 0}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state != self.state_dict():
            raise ValueError(f"state: found {state}")


def state_folder(path: Path) -> StateFolder:
    return StateFolder(path, "this")


def _calibration(path: Path, format: str | None) -> object:
    """As the line reads it, which asks for cameras by their names."""
    file = CalibrationFile.model_validate(
        {"path": str(path), "format": format, "names": CAMERAS if format == "mammal" else None, "image_sizes": None,
         "millimeters_per_unit": 1.0, "up": [0, 0, 1]}
    )  # fmt: skip
    return read_stated_calibration(file, CAMERAS, {})


def _video(path: Path) -> object:
    facts = probe_video(path)
    return facts, list(read_frames(path, range(facts.frames)))


def _video_as_recorded(path: Path) -> object:
    """As the line reads one whose length the other cameras tell."""
    return list(read_pictures(str(path), range(12)))


def _mask_video(path: Path) -> object:
    return list(read_masks(str(path), "video", 127, range(12)))


def _picture(path: Path) -> object:
    return picture_size(path), read_rgba(path), read_gray(path), read_alpha(path)


def _table(path: Path) -> object:
    table = SampleTable.read(path)
    return table, [(load_sample(path, row), load_cameras(path, row)) for row in table.samples]


def _mask_pack(path: Path) -> object:
    pack = MaskPack(path)
    return pack.frames, [pack.masks(frame) for frame in pack.frames]


def _state(path: Path) -> object:
    model = nn.Linear(3, 2)
    step, metrics = state_folder(path.parent).resume(model, Nothing())
    return step, metrics, model


def _card(path: Path) -> object:
    return read_card_of(path, path.with_name("card.json"))


READERS: Mapping[str, Callable[[Path], object]] = {
    **{f"calibration {name}": partial(_calibration, format=name) for name in CALIBRATIONS},
    **{f"key points {name}": partial(read_key_points, format=name) for name in KEY_POINTS},
    "calibration of any kind": partial(_calibration, format=None),
    "key points of any kind": read_key_points,
    "picture": _picture,
    "opaque picture": lambda path: (picture_size(path), read_rgba(path)),
    "video": _video,
    "video as recorded": _video_as_recorded,
    "mask video": _mask_video,
    "sample folder": read_sample,
    "sample table": _table,
    "opened": Opened.read,
    "found": Found.read,
    "foreseen": Foreseen.read,
    "verdict": read_verdict,
    "frames": Frames.read,
    "views": Views.read,
    "kept sample": KeptSample.read,
    "predictions": PredictionTable.read,
    "drawn table": DrawnTable.read,
    "model table": ModelTable.read,
    "true views": TrueViewsTable.read,
    "diagnosis": TrainingDiagnosis.read,
    "card": WeightsCard.read,
    "weights with their card": _card,
    "animal": lambda path: (read_animal(path), read_shapes(path), read_surfaces(path)),
    "mask pack": _mask_pack,
    "pack": read_pack,
    "renderings": Renderings.read,
    "drawn pictures": partial(DrawnPictures.read, rows=2),
    "depths": lambda path: read_depths(path.parent),
    "surface": lambda path: read_surface(path.parent),
    "truth": read_truth,
    "ply": read_ply,
    "spz": read_spz,
    "network": lambda path: load_gslrm(path / "network.safetensors", path / "network.json"),
    "network .pt": lambda path: load_gslrm(path / "network.pt", path / "network.json"),
    "plain .pt": read_torch_file,
    "recipe": partial(read_recipe, name=TINY, keys=("rank",)),
    "training state": _state,
    "prompts": partial(read_prompt_embeddings, views=6, width=4),
    "pipeckpts": load_pipeline,
    "configuration": read_settings,
    "scores": read_scores,
    "true scores": read_true_scores,
}


def digest(value: object) -> str:
    """The same for what is the same, wherever it was read from."""
    told = hashlib.sha256()
    _feed(told.update, value)
    return told.hexdigest()


def _feed(update: Callable[[bytes], None], value: object) -> None:
    match value:
        case Tensor():
            _feed(update, value.detach().contiguous().numpy())
        case np.ndarray():
            update(f"{value.dtype} {value.shape}".encode())
            update(np.ascontiguousarray(value).tobytes())
        case nn.Module():
            _feed(update, value.state_dict())
        case BaseModel():
            update(value.model_dump_json().encode())
        case Mapping():
            for key in value:
                update(repr(key).encode())
                _feed(update, value[key])
        case str() | bytes() | int() | float() | None | Path():
            update(repr(value).encode())
        case _ if dataclasses.is_dataclass(value):
            _feed(update, [getattr(value, field.name) for field in dataclasses.fields(value)])
        case Iterable():
            for part in value:
                _feed(update, part)
        case _ if hasattr(value, "to_csv"):
            update(value.to_csv().encode())
        case _:
            _feed(update, vars(value))


def answer(reader: str, path: Path) -> Answer:
    """Read one file; say what came of it."""
    try:
        return {"outcome": "read", "says": digest(READERS[reader](path))}
    except (ValueError, OSError) as error:
        return {"outcome": "refused", "says": f"{type(error).__name__}: {error}"}
    except BaseException as error:
        return {"outcome": "crashed", "says": f"{type(error).__name__}: {error}"[:600]}


def ask(asked: list[tuple[str, Path]]) -> list[Answer]:
    """Read files in a child, and those behind one that hangs or ends the process in another."""
    answers: list[Answer] = []
    while len(answers) < len(asked):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            for reader, path in asked[len(answers) :]:
                os.write(writing, json.dumps(answer(reader, path)).encode() + b"\n")
            os._exit(0)
        os.close(writing)
        told, ended = _listen(reading)
        answers += told
        if len(answers) < len(asked):
            os.kill(child, signal.SIGKILL)
            answers.append({"outcome": "crashed" if ended else "hung", "says": ""})
        os.close(reading)
        os.waitpid(child, 0)
    return answers


def _listen(reading: int) -> tuple[list[Answer], bool]:
    """Answers up to the end, or to one that takes too long; and whether it is the end."""
    told = b""
    while select.select([reading], [], [], SECONDS)[0]:
        part = os.read(reading, 1 << 20)
        if not part:
            return _lines(told), True
        told += part
    return _lines(told), False


def _lines(told: bytes) -> list[Answer]:
    return [json.loads(line) for line in told[: told.rfind(b"\n") + 1].splitlines()]


def main() -> None:
    """Read lines of [reader, path] and answer each by a line."""
    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    asked = [json.loads(line) for line in sys.stdin]
    for told in ask([(reader, Path(path)) for reader, path in asked]):
        print(json.dumps(told))


if __name__ == "__main__":
    main()
