"""Rule `draw_turntable`: a camera circles every model of an experiment, and all of them in time."""

import logging
from pathlib import Path

from tqdm import tqdm

from mouse_facelift.evaluation.rendered_turns import Predictions
from mouse_facelift.formats.models import ModelTable
from mouse_facelift.formats.ply import read_ply
from mouse_facelift.formats.sample_table import SampleRow, load_cameras
from mouse_facelift.formats.whole import whole_folder
from mouse_facelift.rendering.backends import use_threads
from mouse_facelift.settings import CameraContract, Compute, Exports
from mouse_facelift.viewing.orbit import Orbit, contract_orbit, orbit_of
from mouse_facelift.viewing.turntable import turn, write_turn

logger = logging.getLogger(__name__)

SAMPLES = "samples"  # folder beside the experiment's own turntable


def draw_turntable(
    models: Path, mp4: Path, gif: Path, contract: CameraContract, exports: Exports, compute: Compute
) -> None:
    """Draw one turn around each model of a table, and one in which all of them follow in time.

    The camera stands at the contract's distance; where the data break the contract, at their cameras' mean distance
    from what they look at. Those of single models stand in `samples/` beside `mp4`, named as the sample.

    Raises:
        FileNotFoundError: a table or a model is absent.
        ValueError: a file is not what it should be.
    """
    use_threads(compute.threads)
    table = ModelTable.read(models)
    found = Predictions.read(models.parent / table.predictions)
    scenes = [read_ply(models.parent / row.ply) for row in table.rows]
    samples = [found.sample_row(row.sample) for row in table.rows]
    orbits = [_orbit(found, sample, contract) for sample in samples]
    radius = max(sample.subject_radius for sample in samples)
    captions = [f"{table.experiment}  {sample.capture}  frame {sample.frame}" for sample in samples]
    settings = exports.turntable
    with whole_folder(mp4.parent / SAMPLES) as folder:
        each = zip(samples, scenes, captions, orbits, strict=True)
        for sample, scene, caption, orbit in tqdm(each, desc=table.experiment, total=len(samples), disable=None):
            frames = list(turn([scene], [caption], orbit, radius, settings, compute.renderer))
            write_turn(folder / f"{sample.name}.mp4", folder / f"{sample.name}.gif", frames, settings.rate)
    together = list(turn(scenes, captions, orbits[0], radius, settings, compute.renderer))
    write_turn(mp4, gif, together, settings.rate)
    logger.info("%s: %d turns", table.experiment, len(samples) + 1)


def _orbit(found: Predictions, sample: SampleRow, contract: CameraContract) -> Orbit:
    return orbit_of(load_cameras(found.samples_path, sample)) if found.samples.violations else contract_orbit(contract)
