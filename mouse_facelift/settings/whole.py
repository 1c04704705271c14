"""The whole of `config.yaml`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from mouse_facelift.settings.animal import AnimalWork
from mouse_facelift.settings.base import Fraction, Name, Section
from mouse_facelift.settings.capture import Capture, Simulation
from mouse_facelift.settings.contract import CameraContract
from mouse_facelift.settings.fitting import SceneFitting
from mouse_facelift.settings.learning import Checkpoint, Experiment, Pretraining
from mouse_facelift.settings.log_experiments import LogExperiments, name_in_log
from mouse_facelift.settings.normalization import Normalization, NormalizationModes, NormalizationWork
from mouse_facelift.settings.verdict import VerdictWork


class Split(Section):
    """Contiguous blocks of time take these roles in turn; frames near a change of role are left out."""

    blocks: Annotated[tuple[Literal["train", "val", "test"], ...], Field(min_length=1)]
    gap: NonNegativeInt
    """frames left out on the later side of every change of role"""


class Dataset(Section):
    domain: Name
    """what it shows, and so the domain of weights that were fine-tuned on it"""
    captures: Annotated[tuple[str, ...], Field(min_length=1)]
    views: Annotated[int, Field(ge=2)]
    """of every sample: of a frame's views, those that stand around the animal most evenly"""
    split: Split


class Evaluation(Section):
    split: Literal["val", "test"]
    samples: PositiveInt
    """at most so many samples of the split, spread evenly"""
    mask_threshold: Fraction
    """target alpha above it is foreground"""
    sheet_samples: PositiveInt
    """samples on a contact sheet"""
    models: NonNegativeInt
    """samples whose Gaussians are written as .ply"""
    model_opacity: Fraction
    """Gaussians below this opacity are left out of a .ply"""
    hull_resolution: Annotated[int, Field(ge=16, le=256)]


class Compute(Section):
    """What numbers may depend on."""

    threads: PositiveInt
    renderer: Literal["auto", "cpu", "gsplat"]


class Jobs(Section):
    """What numbers do not depend on: changing it reruns nothing."""

    gpu: NonNegativeInt
    """slots of the resource `gpu` that a training takes; the default profile offers one, so that trainings follow one
    another, on a CPU too"""
    training_minutes: PositiveInt
    """time limit of a training job; it saves its state and leaves a little before"""
    processes: PositiveInt
    """on each node, that share each fine-tuning, and `compute.threads`: the same numbers, but for rounding"""
    nodes: PositiveInt
    """of a cluster, that share each fine-tuning; more than one needs SLURM"""
    pinned_code: str | None
    """null, or any word: while it stays, a change of the code reruns nothing"""


class Settings(Section):
    """The whole of `config.yaml`."""

    camera_contract: CameraContract
    simulations: dict[Name, Simulation]
    captures: dict[Name, Capture]
    animal: AnimalWork
    verdict: VerdictWork
    normalizations: dict[Name, Normalization]
    normalization_work: NormalizationWork
    normalization_modes: NormalizationModes
    datasets: dict[Name, Dataset]
    checkpoints: dict[Name, Checkpoint]
    experiments: dict[Name, Experiment]
    log_experiments: LogExperiments | None
    """null: there are none"""
    pretraining: Pretraining
    evaluation: Evaluation
    scene_fitting: SceneFitting | None
    """null: no scene is fitted"""
    compute: Compute
    jobs: Jobs

    @model_validator(mode="after")
    def _names_exist(self) -> "Settings":
        for name in self.normalization_modes.captures:
            _require(name, self.captures, "normalization_modes.captures")
        for name in self.normalization_modes.normalizations:
            _require(name, self.normalizations, "normalization_modes.normalizations")
        for row, dataset in self.datasets.items():
            for name in dataset.captures:
                _require(name, self.captures, f"datasets.{row}.captures")
                if dataset.views > (cameras := len(self.captures[name].cameras)):
                    raise ValueError(
                        f"datasets.{row}.views: {dataset.views} views of capture {name}, which has {cameras} cameras"
                    )
        if clash := sorted(self.experiments.keys() & self.log_rows.keys()):
            raise ValueError(f"experiments: {', '.join(clash)}: taken by rows of log_experiments; choose another name")
        for name, experiment in self.experiments.items():
            self._require_of_experiment(experiment, f"experiments.{name}")
        for name, experiment in self.log_rows.items():
            self._require_of_experiment(experiment, f"log_experiments.{name_in_log(name)}")
        return self

    def _require_of_experiment(self, experiment: Experiment, row: str) -> None:
        _require(experiment.dataset, self.datasets, f"{row}.dataset")
        _require(experiment.normalization, self.normalizations, f"{row}.normalization")
        _require(experiment.checkpoint, self.checkpoints, f"{row}.checkpoint")
        if (domain := self.checkpoints[experiment.checkpoint].domain) not in experiment.accepts_domains:
            raise ValueError(
                f"{row}.accepts_domains: checkpoint {experiment.checkpoint} is of domain {domain},"
                f" accepted: {', '.join(experiment.accepts_domains)}"
            )
        if experiment.views.most > (views := self.datasets[experiment.dataset].views):
            raise ValueError(
                f"{row}.views.inputs: {experiment.views.most}, but samples of dataset {experiment.dataset} have"
                f" {views} views"
            )

    @property
    def log_rows(self) -> Mapping[str, Experiment]:
        """The research log's experiments, by the names under which files of their results stand."""
        return {} if self.log_experiments is None else self.log_experiments.rows

    @property
    def rows(self) -> Mapping[str, Experiment]:
        """All experiments; those of `experiments` come first."""
        return {**self.experiments, **self.log_rows}


def _require(name: str, rows: Mapping[str, object], where: str) -> None:
    if name not in rows:
        raise ValueError(f"{where}: {name!r} is not defined; defined: {sorted(rows)}")
