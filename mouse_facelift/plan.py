"""Which files follow from a configuration: names that several rules need. Torch-free, as `settings` is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from mouse_facelift.settings import (
    AlphaMasks,
    Capture,
    CarriedMasks,
    DeclaredWeights,
    Experiment,
    MadeMasks,
    NoFinetune,
    Normalization,
    Settings,
    digest,
)

PACK_SIZE = 500  # animals a file
SIMULATED_CAMERAS = tuple(f"Camera{number}" for number in range(1, 7))


class Baseline(NamedTuple):
    """Trivial answers are the same for all experiments that share these."""

    dataset: str
    normalization: str
    inputs: int

    @property
    def folder(self) -> str:
        return f"{self.dataset}.{self.normalization}.{self.inputs}in"


@dataclass(frozen=True)
class Plan:
    """Files of one run. Outputs are named after what they depend on, so experiments share what they can."""

    settings: Settings

    def calibration(self, capture: str) -> list[str]:
        """The calibration's file, or all files of its folder."""
        path = Path(self.settings.captures[capture].calibration.path)
        return sorted(map(str, filter(Path.is_file, path.rglob("*")))) if path.is_dir() else [str(path)]

    def pictures(self, capture: str, chunk: int | None = None) -> list[str]:
        """Raw videos, or raw pictures of the chosen frames, or of those of one chunk."""
        row = self.settings.captures[capture]
        return _files(row.pictures, row, self._frames(row, chunk))

    def masks(self, capture: str, chunk: int | None = None) -> list[str]:
        """Mask videos or pictures; none where masks are the pictures' own alpha."""
        row = self.with_masks(capture)
        masks = row.given_masks
        return [] if isinstance(masks, AlphaMasks) else _files(masks.path, row, self._frames(row, chunk))

    def _frames(self, row: Capture, chunk: int | None) -> Sequence[int]:
        return row.frame_numbers if chunk is None else self.settings.animal.chunk_of(row.frame_numbers, chunk)

    def with_masks(self, capture: str) -> Capture:
        """The capture as it is once masks that are to be made have been made."""
        row = self.settings.captures[capture]
        if not isinstance(row.masks, MadeMasks):
            return row
        made = {"kind": "video", "path": f"results/masks/{capture}/{{camera}}.mp4", "threshold": 127}
        return Capture.model_validate(row.model_dump() | {"masks": made})

    def key_points(self, capture: str) -> list[str]:
        """The laboratory's points in space, if it has any."""
        file = self.settings.captures[capture].key_points
        return [] if file is None else [file.path]

    def key_masks(self, capture: str, camera: str) -> list[str]:
        """Outlined frames that masks are made from, if any."""
        masks = self.settings.captures[capture].masks
        if not isinstance(masks, CarriedMasks):
            return []
        return [masks.path.format(camera=camera, frame=frame) for frame in masks.key_frames]

    def chunks(self, capture: str) -> range:
        """Numbers of the chunks of frames, each of which is looked through, and normalized, in one job."""
        frames = len(self.settings.captures[capture].frame_numbers)
        return range(-(-frames // self.settings.animal.frames_per_chunk))

    def animal_files(self, capture: str, kind: Literal["animal", "masks"]) -> list[str]:
        """What was found of the animal in each chunk."""
        return [f"results/animal/{capture}/chunk_{chunk}/{kind}.npz" for chunk in self.chunks(capture)]

    def normalizations(self, capture: str) -> dict[str, Normalization]:
        """Ways to the contract that experiments on this capture take; all of them where there is no experiment."""
        used = {
            experiment.normalization
            for experiment in self.settings.experiments.values()
            if capture in self.settings.datasets[experiment.dataset].captures
        }
        return {name: way for name, way in self.settings.normalizations.items() if name in used or not used}

    def simulation_of(self, capture: str) -> str:
        """The simulation whose pictures a capture reads.

        Raises:
            ValueError: it reads others, of which no truth is known.
        """
        pictures = self.settings.captures[capture].pictures
        for simulation in self.settings.simulations:
            if pictures.startswith(f"results/simulated/{simulation}/"):
                return simulation
        raise ValueError(
            f"captures.{capture}.pictures: {pictures!r} is of no simulation;"
            f" defined: {sorted(self.settings.simulations)}"
        )

    def measured_views(self) -> list[str]:
        """Manifests of all chunks of the captures and normalizations that are measured against the truth."""
        modes = self.settings.normalization_modes
        if not modes.captures or not modes.normalizations:
            raise ValueError("normalization_modes: captures and normalizations must name what is to be measured")
        return [
            f"results/views/{capture}/{normalization}/chunk_{chunk}/manifest.json"
            for capture in modes.captures
            for normalization in modes.normalizations
            for chunk in self.chunks(capture)
        ]

    def views(self, dataset: str, normalization: str) -> list[str]:
        """Manifests of all chunks of a dataset's captures."""
        return [
            f"results/views/{capture}/{normalization}/chunk_{chunk}/manifest.json"
            for capture in self.settings.datasets[dataset].captures
            for chunk in self.chunks(capture)
        ]

    def table(self, experiment: str) -> str:
        row = self.settings.experiments[experiment]
        return f"results/samples/{row.dataset}.{row.normalization}/table.json"

    def training(self, experiment: str) -> str | None:
        """Name of the training behind an experiment; rows that differ in evaluation alone share it."""
        row = self.settings.experiments[experiment]
        if isinstance(row.finetune, NoFinetune):
            return None
        told_apart = digest(row.finetune, row.views)
        return f"{row.dataset}.{row.normalization}.{row.checkpoint}.{row.finetune.method}-{told_apart}"

    def experiment_of(self, training: str) -> str:
        """The first experiment that a training serves."""
        return next(name for name in self.settings.experiments if self.training(name) == training)

    def weights(self, experiment: str) -> str:
        """The weights that an experiment predicts with: trained here, or its checkpoint as it is."""
        training = self.training(experiment)
        if training is None:
            return self.settings.checkpoints[self.settings.experiments[experiment].checkpoint].weights
        return f"results/weights/{training}/weights.safetensors"

    def start(self, experiment: str) -> DeclaredWeights:
        """What is declared of the weights that an experiment starts from."""
        name = self.settings.experiments[experiment].checkpoint
        return self.settings.checkpoints[name].declared(name)

    def declared(self, experiment: str) -> DeclaredWeights:
        """What is declared of the weights an experiment predicts with; those trained here take the data's domain."""
        if self.training(experiment) is None:
            return self.start(experiment)
        dataset = self.settings.experiments[experiment].dataset
        return DeclaredWeights(row=f"datasets.{dataset}", domain=self.domain(experiment), sha256=None)

    def domain(self, experiment: str) -> str:
        """What an experiment's pictures show."""
        return self.settings.datasets[self.settings.experiments[experiment].dataset].domain

    def baseline(self, experiment: Experiment) -> Baseline:
        return Baseline(experiment.dataset, experiment.normalization, experiment.views.most)

    def baselines(self) -> list[Baseline]:
        return sorted({self.baseline(experiment) for experiment in self.settings.experiments.values()})

    def scores(self) -> list[str]:
        """Score tables of all experiments, then of the trivial answers beside them."""
        rows = [f"results/scores/{experiment}.csv" for experiment in self.settings.experiments]
        return rows + [
            f"results/scores/baselines/{baseline.folder}/{answer}.csv"
            for baseline in self.baselines()
            for answer in ("white_picture", "visual_hull")
        ]

    def packs(self) -> list[str]:
        """Packs of procedural animals to pretrain on."""
        count = -(-self.settings.pretraining.animals.count // PACK_SIZE)
        return [f"results/pretraining/animals/animals_{number:03d}.npz" for number in range(count)]

    def missing_checkpoints(self, made_here: Iterable[str]) -> list[str]:
        """One line for each file of a checkpoint that an experiment names, is absent, and no rule makes."""
        made = set(made_here)
        lines = []
        for name, checkpoint in self.settings.checkpoints.items():
            users = [row for row, experiment in self.settings.experiments.items() if experiment.checkpoint == name]
            for field, path in (("weights", checkpoint.weights), ("config", checkpoint.config)):
                if users and path not in made and not Path(path).is_file():
                    lines.append(f"checkpoints.{name}.{field}: no file {path}; needed by experiments {users}")
        return lines


def _files(pattern: str, capture: Capture, frames: Sequence[int]) -> list[str]:
    if "{frame" not in pattern:
        return [pattern.format(camera=camera) for camera in capture.cameras]
    return [pattern.format(camera=camera, frame=frame) for camera in capture.cameras for frame in frames]
