"""Which files follow from a configuration: names that several rules need. Torch-free, as `settings` is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Literal, NamedTuple

from mouse_facelift.plan.generators import GeneratorPlan
from mouse_facelift.plan.report import reported_files
from mouse_facelift.settings import (
    FRAME_FIELD,
    AlphaMasks,
    Capture,
    CarriedMasks,
    DeclaredWeights,
    Experiment,
    MadeMasks,
    NoFinetune,
    Normalization,
    ReportedFiles,
    SceneFitting,
    Settings,
    digest,
)

PACK_SIZE = 500  # animals a file
TRIVIAL = ("white_picture", "visual_hull")
FITTED = ("scene_equal_time", "scene_converged")
"""3D Gaussian Splatting of each scene alone"""
SIMULATED_CAMERAS = tuple(f"Camera{number}" for number in range(1, 7))


class Baseline(NamedTuple):
    """Answers that need no network are the same for all experiments that share these."""

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

    def pictures(self, capture: str) -> list[str]:
        """Raw videos, or raw pictures of the chosen frames."""
        row = self.settings.captures[capture]
        return _files(row.pictures, row)

    def masks(self, capture: str) -> list[str]:
        """Mask videos or pictures; none where masks are the pictures' own alpha."""
        row = self.with_masks(capture)
        masks = row.given_masks
        return [] if isinstance(masks, AlphaMasks) else _files(masks.path, row)

    def videos(self, capture: str) -> list[str]:
        """Raw videos. At single pictures `open_capture` alone looks: they are so many that planning takes long."""
        return [] if FRAME_FIELD.search(self.settings.captures[capture].pictures) else self.pictures(capture)

    def mask_videos(self, capture: str) -> list[str]:
        """Mask videos, likewise."""
        masks = self.with_masks(capture).given_masks
        single = isinstance(masks, AlphaMasks) or FRAME_FIELD.search(masks.path)
        return [] if single else self.masks(capture)

    def with_masks(self, capture: str, results: str = "results") -> Capture:
        """The capture as it is once masks that are to be made have been made, in a folder `results`."""
        row = self.settings.captures[capture]
        if not isinstance(row.masks, MadeMasks):
            return row
        made = {"kind": "video", "path": f"{results}/masks/{capture}/{{camera}}.mp4", "threshold": 127}
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
        return self.settings.animal.chunks(self.settings.captures[capture].frame_numbers)

    def animal_files(self, capture: str, kind: Literal["animal", "masks"]) -> list[str]:
        """What was found of the animal in each chunk."""
        return [f"results/animal/{capture}/chunk_{chunk}/{kind}.npz" for chunk in self.chunks(capture)]

    def normalizations(self, capture: str) -> dict[str, Normalization]:
        """Ways to the contract that experiments on this capture take; all of them where there is no experiment."""
        used = self._normalizations.get(capture, set())
        return {name: way for name, way in self.settings.normalizations.items() if name in used or not used}

    @cached_property
    def _normalizations(self) -> dict[str, set[str]]:
        """Those that experiments take, by the capture."""
        used: dict[str, set[str]] = {}
        for experiment in self.settings.experiments.values():
            for capture in self.captures_behind(experiment):
                used.setdefault(capture, set()).add(experiment.normalization)
        return used

    def simulation_of(self, capture: str) -> str:
        """The simulation whose pictures a capture reads.

        Raises:
            ValueError: it reads others, of which no truth is known.
        """
        for simulation in self.settings.simulations:
            if self._is_of(capture, simulation):
                return simulation
        raise ValueError(
            f"captures.{capture}.pictures: {self.settings.captures[capture].pictures!r} is of no simulation;"
            f" defined: {sorted(self.settings.simulations)}"
        )

    def _is_of(self, capture: str, simulation: str) -> bool:
        return self.settings.captures[capture].pictures.startswith(f"results/simulated/{simulation}/")

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

    @property
    def generators(self) -> GeneratorPlan:
        """Files of view generators."""
        return GeneratorPlan(self.settings)

    def captures_behind(self, experiment: Experiment) -> set[str]:
        """Captures that an experiment measures, or learns from."""
        names = {experiment.dataset}
        if not isinstance(experiment.finetune, NoFinetune) and experiment.finetune.learns_from is not None:
            names.add(experiment.finetune.learns_from)
        parts = {part for name in names for part in self.settings.parts_of(name)}
        return {capture for part in parts for capture in self.settings.datasets[part].captures}

    def table(self, experiment: str) -> str:
        """The samples of which an experiment's results are told."""
        row = self.settings.rows[experiment]
        return f"results/samples/{row.dataset}.{row.normalization}/table.json"

    def report(self) -> ReportedFiles:
        """What the report of all experiments is made of."""
        return reported_files(self)

    def teaching(self, experiment: str) -> str:
        """The dataset from which an experiment learns; its own, where it learns nothing."""
        row = self.settings.rows[experiment]
        if isinstance(row.finetune, NoFinetune) or row.finetune.learns_from is None:
            return row.dataset
        return row.finetune.learns_from

    def teaching_table(self, experiment: str) -> str:
        """The samples from which an experiment learns."""
        return f"results/samples/{self.teaching(experiment)}.{self.settings.rows[experiment].normalization}/table.json"

    def training(self, experiment: str) -> str | None:
        """Name of the training behind an experiment; rows that differ in evaluation alone share it."""
        return self._trainings[experiment]

    @cached_property
    def _trainings(self) -> dict[str, str | None]:
        """By the experiment: they are asked for by every job of each, and have much to digest."""
        return {name: _training(row) for name, row in self.settings.rows.items()}

    @cached_property
    def _first_experiments(self) -> dict[str, str]:
        """By the training."""
        return {training: name for name, training in reversed(self._trainings.items()) if training is not None}

    def experiment_of(self, training: str) -> str:
        """The first experiment that a training serves."""
        return self._first_experiments[training]

    def weights(self, experiment: str) -> str:
        """The weights that an experiment predicts with: trained here, or its checkpoint as it is."""
        training = self.training(experiment)
        if training is None:
            return self.settings.checkpoints[self.settings.rows[experiment].checkpoint].weights
        return f"results/weights/{training}/weights.safetensors"

    def metrics(self, experiment: str) -> str:
        """What was measured in the training behind an experiment in which something learns, a row a step."""
        return str(Path(self.weights(experiment)).with_name("metrics.csv"))

    def start(self, experiment: str) -> DeclaredWeights:
        """What is declared of the weights that an experiment starts from."""
        name = self.settings.rows[experiment].checkpoint
        return self.settings.checkpoints[name].declared(name)

    def declared(self, experiment: str) -> DeclaredWeights:
        """What is declared of the weights an experiment predicts with; those trained here take the data's domain."""
        if self.training(experiment) is None:
            return self.start(experiment)
        dataset = self.settings.rows[experiment].dataset
        return DeclaredWeights(row=f"datasets.{dataset}", domain=self.domain(experiment), license=None, sha256=None)

    def domain(self, experiment: str) -> str:
        """What an experiment's pictures show."""
        return self.settings.domain_of(self.settings.rows[experiment].dataset)

    def baseline(self, experiment: Experiment) -> Baseline:
        return Baseline(experiment.dataset, experiment.normalization, experiment.views.most)

    def baselines(self) -> list[Baseline]:
        return sorted({self.baseline(experiment) for experiment in self.settings.experiments.values()})

    def scores(self, experiments: Mapping[str, Experiment], answers: Sequence[str]) -> list[str]:
        """Score tables of experiments, then of the answers without a network beside them."""
        rows = [f"results/scores/{experiment}.csv" for experiment in experiments]
        return rows + [
            f"results/scores/baselines/{baseline.folder}/{answer}.csv"
            for baseline in sorted({self.baseline(experiment) for experiment in experiments.values()})
            for answer in answers
        ]

    def truths(self, dataset: str) -> dict[str, str]:
        """What is true of the captures behind a dataset that are simulated, capture by capture; of others, nothing.

        Captured views, and those that a generator drew of them, stand in a world that follows from the capture's.
        """
        if dataset not in {**self.settings.datasets, **self.settings.generated_datasets}:
            return {}
        return {
            capture: f"results/truth/{simulation}/truth.json"
            for part in sorted(self.settings.parts_of(dataset))
            for capture in self.settings.datasets[part].captures
            for simulation in self.settings.simulations
            if self._is_of(capture, simulation)
        }

    def posed_with_truth(self, dataset: str, normalization: str) -> list[str]:
        """Manifests of all chunks of these captures."""
        return [
            f"results/views/{capture}/{normalization}/chunk_{chunk}/manifest.json"
            for capture in self.truths(dataset)
            for chunk in self.chunks(capture)
        ]

    def true_views(self, experiment: Experiment) -> str:
        """What is true of the samples of which an experiment's results are told."""
        return f"results/truth/{experiment.dataset}.{experiment.normalization}/true_views.json"

    def true_scores(self) -> list[str]:
        """Score tables against the truth, of experiments whose captures have any, then of the trivial answers."""
        known = {name: row for name, row in self.settings.experiments.items() if self.truths(row.dataset)}
        rows = [f"results/scores/truth/{experiment}.csv" for experiment in known]
        tasks = sorted({self.baseline(experiment) for experiment in known.values()})
        return rows + [f"results/scores/truth/baselines/{task.folder}.csv" for task in tasks]

    def truth_table(self) -> list[str]:
        """The table of all of these, if there is any."""
        return ["results/eval_truth.csv"] if self.true_scores() else []

    def beside(self, experiment: str) -> Mapping[str, Experiment]:
        """The rows of the section of the configuration in which an experiment stands."""
        return self.settings.experiments if experiment in self.settings.experiments else self.settings.log_rows

    def answers(self) -> tuple[str, ...]:
        """Answers without a network that experiments are compared with."""
        return TRIVIAL if self.settings.scene_fitting is None else TRIVIAL + FITTED

    def scene_fitting(self) -> SceneFitting:
        """How scenes are fitted.

        Raises:
            ValueError: they are not to be.
        """
        if self.settings.scene_fitting is None:
            raise ValueError("scene_fitting: null, so that no scene is fitted; config/learning.yaml has it")
        return self.settings.scene_fitting

    def fitting_seconds(self) -> dict[str, str]:
        """What fitting took, scene by scene, where scenes are fitted; by what the scenes share."""
        folders = [] if self.settings.scene_fitting is None else [baseline.folder for baseline in self.baselines()]
        return {folder: f"results/baselines/{folder}/scene_seconds.csv" for folder in folders}

    def trained_groups(self) -> dict[str, list[str]]:
        """Experiments that train, those together that differ in nothing but the seed.

        A group is called by what its members' names have in common at their beginnings, less a number or sign at the
        end; by all their names, where that is nothing or another's.
        """
        groups: dict[str, list[str]] = {}
        for name, row in self.settings.experiments.items():
            if not isinstance(row.finetune, NoFinetune):
                alike = row.model_copy(update={"finetune": row.finetune.model_copy(update={"seed": 0})})
                groups.setdefault(digest(alike), []).append(name)
        named: dict[str, list[str]] = {}
        for members in groups.values():
            short = _common_name(members)
            taken = short in named or (short in self.settings.experiments and short not in members)
            named["+".join(members) if taken or not short else short] = members
        return named

    def training_seconds(self) -> dict[str, str]:
        """What Snakemake notes of each experiment's training, while logs are kept."""
        trainings = {name: self.training(name) for name in self.settings.experiments}
        return {
            name: f"logs/finetune_gslrm/{training}.benchmark.tsv" for name, training in trainings.items() if training
        }

    def packs(self) -> list[str]:
        """Packs of procedural animals to pretrain on."""
        count = -(-self.settings.pretraining.animals.count // PACK_SIZE)
        return [f"results/pretraining/animals/animals_{number:03d}.npz" for number in range(count)]

    def missing_checkpoints(self, experiments: Mapping[str, Experiment], made_here: Iterable[str]) -> list[str]:
        """One line for each file of a checkpoint that an experiment names, is absent, and no rule makes."""
        made = set(made_here)
        lines = []
        for name, checkpoint in self.settings.checkpoints.items():
            users = [row for row, experiment in experiments.items() if experiment.checkpoint == name]
            for field, path in (("weights", checkpoint.weights), ("config", checkpoint.config)):
                if users and path not in made and not Path(path).is_file():
                    lines.append(f"checkpoints.{name}.{field}: no file {path}; needed by experiments {users}")
        return lines


def _training(row: Experiment) -> str | None:
    if isinstance(row.finetune, NoFinetune):
        return None
    told_apart = digest(row.finetune, row.views)
    dataset = row.finetune.learns_from or row.dataset
    return f"{dataset}.{row.normalization}.{row.checkpoint}.{row.finetune.method}-{told_apart}"


def _common_name(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in alike).rstrip("_-0123456789")


def _files(pattern: str, capture: Capture) -> list[str]:
    if not FRAME_FIELD.search(pattern):
        return [pattern.format(camera=camera) for camera in capture.cameras]
    return [pattern.format(camera=camera, frame=frame) for camera in capture.cameras for frame in capture.frame_numbers]
