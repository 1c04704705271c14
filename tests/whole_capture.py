"""All rules of a capture, one after the other, without Snakemake."""

from pathlib import Path

from mouse_facelift.capture.find_animal import find_animal
from mouse_facelift.capture.judge_capture import judge_capture
from mouse_facelift.capture.measure_capture import measure, measure_capture
from mouse_facelift.capture.open_capture import look_at_capture, open_capture
from mouse_facelift.capture.seen_chunks import SeenChunks
from mouse_facelift.formats.foreseen import Foreseen
from mouse_facelift.formats.frames import Frames
from mouse_facelift.formats.opened import Opened
from mouse_facelift.formats.verdict import Found, RefusedVerdict, Verdict, read_verdict
from mouse_facelift.settings import Capture, read_settings
from tests.conftest import REPOSITORY

SETTINGS = read_settings(REPOSITORY / "config.yaml")
ANIMAL = SETTINGS.animal.model_copy(update={"frames_per_chunk": 3, "hull_resolution": 48})


def run_capture(capture: Capture, out: Path, name: str = "ball") -> tuple[Frames | None, Verdict | RefusedVerdict]:
    """Open, find, measure and judge; what normalization will do is left out."""
    opened, animals, masks = _find(capture, out, name)
    measure_capture(opened, animals, masks, capture, ANIMAL, SETTINGS.verdict, out / "found.json")
    Foreseen(capture=name, frames=(), ways=()).write(out / "foreseen.json")
    verdict, page = out / "verdict.json", out / "verdict.html"
    judge_capture(out / "found.json", out / "foreseen.json", capture, SETTINGS.verdict, verdict, page)
    return Found.read(out / "found.json").frames, read_verdict(verdict)


def measure_here(capture: Capture, out: Path, name: str = "ball") -> Found:
    """As `run_capture` up to the measurements; what is refused is raised."""
    look_at_capture(name, capture)
    opened, animals, masks = _find(capture, out, name)
    return measure(Opened.read(opened), SeenChunks(animals, masks), capture, ANIMAL, SETTINGS.verdict)


def _find(capture: Capture, out: Path, name: str) -> tuple[Path, list[Path], list[Path]]:
    opened = out / "opened.json"
    open_capture(name, capture, opened)
    chunks = range(-(-len(capture.frame_numbers) // ANIMAL.frames_per_chunk))
    animals, masks = ([out / f"{kind}_{chunk}.npz" for chunk in chunks] for kind in ("animal", "masks"))
    for chunk in chunks:
        find_animal(opened, capture, ANIMAL, chunk, animals[chunk], masks[chunk])
    return opened, animals, masks
