"""The whole of `config.yaml`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from mouse_facelift.settings.animal import AnimalWork
from mouse_facelift.settings.base import Fraction, Name, Section
from mouse_facelift.settings.capture import Capture, Simulation
from mouse_facelift.settings.contract import CameraContract
from mouse_facelift.settings.datasets import Dataset, GeneratedDataset, MixedDataset, OutsideDataset, PosedDataset
from mouse_facelift.settings.exports import Exports
from mouse_facelift.settings.fitting import SceneFitting
from mouse_facelift.settings.learning import Checkpoint, Experiment, NoFinetune, Pretraining
from mouse_facelift.settings.log_experiments import LogExperiments, name_in_log
from mouse_facelift.settings.normalization import Normalization, NormalizationModes, NormalizationWork
from mouse_facelift.settings.report import Report
from mouse_facelift.settings.verdict import VerdictWork
from mouse_facelift.settings.view_generation import GeneratorPretraining, GeneratorStart, Plucker, ViewGenerator

RELEASED_VIEWS = 6  # of the released view generator
PROCEDURAL = "procedural"  # domain of animals that are simulated


class Evaluated(Section):
    """What is evaluated, and what is kept of it: all that predictions depend on."""

    split: Literal["val", "test"]
    samples: PositiveInt
    """at most so many samples of the split, spread evenly"""
    mask_threshold: Fraction
    """target alpha above it is foreground"""
    sheet_samples: PositiveInt
    """samples on a contact sheet"""
    models: NonNegativeInt
    """of these samples, spread evenly, the Gaussians are written as .ply, of the first turn"""
    model_opacity: Fraction
    """Gaussians below this opacity are left out of a .ply"""
    hull_resolution: Annotated[int, Field(ge=16, le=256)]


class Intervals(Section):
    """Confidence intervals of means: blocks of time are drawn anew, with replacement."""

    confidence: Annotated[float, Field(gt=0, lt=1)]
    resamples: Annotated[int, Field(ge=100)]
    seed: NonNegativeInt


class TrueViews(Section):
    """What the truth behind simulated captures is asked for, of samples whose Gaussians are kept."""

    cameras: PositiveInt
    """that no capture has, between those of the sample"""
    points: PositiveInt
    """of the true surface, evenly by area; 20000 lie so close on a mouse that its surface is 0.3 mm from the nearest"""
    seed: NonNegativeInt


class Evaluation(Evaluated):
    """The whole of the section: besides, how predictions are scored."""

    lpips_weights: str | None
    """file of the network of LPIPS; null: it is not measured"""
    intervals: Intervals
    true_views: TrueViews

    @property
    def evaluated(self) -> Evaluated:
        """The part on which predictions depend."""
        return Evaluated(**{name: getattr(self, name) for name in Evaluated.model_fields})


class Compute(Section):
    """What numbers may depend on."""

    threads: PositiveInt
    renderer: Literal["auto", "cpu", "gsplat"]


class Jobs(Section):
    """What numbers do not depend on: changing it reruns nothing."""

    gpu: NonNegativeInt
    """slots of the resource `gpu` that each process of a training takes; the default profile offers one, so that
    trainings follow one another, on a CPU too"""
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
    posed_datasets: dict[Name, PosedDataset]
    generator_starts: dict[Name, GeneratorStart]
    """untrained or pretrained view generators"""
    generators: dict[Name, ViewGenerator]
    generated_datasets: dict[Name, GeneratedDataset]
    outside_datasets: dict[Name, OutsideDataset]
    mixed_datasets: dict[Name, MixedDataset]
    checkpoints: dict[Name, Checkpoint]
    experiments: dict[Name, Experiment]
    log_experiments: LogExperiments | None
    """null: there are none"""
    pretraining: Pretraining
    generator_pretraining: GeneratorPretraining | None
    """null: no view generator is pretrained"""
    evaluation: Evaluation
    exports: Exports
    scene_fitting: SceneFitting | None
    """null: no scene is fitted"""
    report: Report
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
        self._require_of_generators()
        if clash := sorted(self.experiments.keys() & self.log_rows.keys()):
            raise ValueError(f"experiments: {', '.join(clash)}: taken by rows of log_experiments; choose another name")
        for name in self.report.viewers:
            _require(name, self.experiments, "report.viewers")
        if self.report.log_experiments and self.log_experiments is None:
            raise ValueError("report.log_experiments: true, but log_experiments is null")
        for name, experiment in self.experiments.items():
            self._require_of_experiment(experiment, f"experiments.{name}")
        for name, experiment in self.log_rows.items():
            self._require_of_experiment(experiment, f"log_experiments.{name_in_log(name)}")
        return self

    def _require_of_experiment(self, experiment: Experiment, row: str) -> None:
        _require(experiment.dataset, {**self.datasets, **self._drawn}, f"{row}.dataset")
        _require(experiment.normalization, self.normalizations, f"{row}.normalization")
        _require(experiment.checkpoint, self.checkpoints, f"{row}.checkpoint")
        if (domain := self.checkpoints[experiment.checkpoint].domain) not in experiment.accepts_domains:
            raise ValueError(
                f"{row}.accepts_domains: checkpoint {experiment.checkpoint} is of domain {domain},"
                f" accepted: {', '.join(experiment.accepts_domains)}"
            )
        if not isinstance(experiment.finetune, NoFinetune) and experiment.finetune.learns_from is not None:
            teaching = experiment.finetune.learns_from
            known = {**self.datasets, **self.posed_datasets, **self._drawn, **self.mixed_datasets}
            _require(teaching, known, f"{row}.finetune.learns_from")
            self._require_honest(teaching, experiment.normalization, f"{row}.normalization")
            if experiment.views.most > (views := self.views_of(teaching)):
                raise ValueError(
                    f"{row}.views.inputs: {experiment.views.most}, but samples of dataset {teaching}, which"
                    f" finetune.learns_from names, have {views} views"
                )
        self._require_honest(experiment.dataset, experiment.normalization, f"{row}.normalization")
        if experiment.views.most > (views := self.views_of(experiment.dataset)):
            raise ValueError(
                f"{row}.views.inputs: {experiment.views.most}, but samples of dataset {experiment.dataset} have"
                f" {views} views"
            )

    def _require_of_generators(self) -> None:
        names = [*self.datasets, *self.posed_datasets, *self.generated_datasets, *self.outside_datasets]
        names += self.mixed_datasets
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"datasets of all kinds: {', '.join(twice)}: a name that more than one has")
        for name, generator in self.generators.items():
            row = f"generators.{name}"
            _require(generator.start, self.generator_starts, f"{row}.start")
            known = {**self.datasets, **self.posed_datasets, **self.mixed_datasets}
            _require(generator.dataset, known, f"{row}.dataset")
            _require(generator.normalization, self.normalizations, f"{row}.normalization")
            self._require_honest(generator.dataset, generator.normalization, f"{row}.normalization")
            if (domain := self.generator_starts[generator.start].domain) not in generator.accepts_domains:
                raise ValueError(
                    f"{row}.accepts_domains: start {generator.start} is of domain {domain},"
                    f" accepted: {', '.join(generator.accepts_domains)}"
                )
        for name, generated in self.generated_datasets.items():
            row = f"generated_datasets.{name}"
            _require(generated.generator, self.generators, f"{row}.generator")
            _require(generated.of, self.datasets, f"{row}.of")
            reads_rays = isinstance(self.generators[generated.generator].conditioning, Plucker)
            if generated.cameras == "captured" and not reads_rays:
                raise ValueError(
                    f"{row}.cameras: captured, but generator {generated.generator} is told no rays:"
                    " what it draws are views of the released rig"
                )
        for name, outside in self.outside_datasets.items():
            _require(outside.of, self.datasets, f"outside_datasets.{name}.of")
        for name, mixed in self.mixed_datasets.items():
            for part in mixed.of:
                known = {**self.datasets, **self.posed_datasets, **self._drawn}
                _require(part, known, f"mixed_datasets.{name}.of")
            if len(counts := {self.views_of(part) for part in mixed.of}) > 1:
                raise ValueError(f"mixed_datasets.{name}.of: their samples have {sorted(counts)} views")

    def _require_honest(self, dataset: str, normalization: str, where: str) -> None:
        """Some pictures are made on the contract, whatever becomes of captured ones."""
        made = [part for part in self.mixed_from(dataset) if part in {**self.posed_datasets, **self.outside_datasets}]
        if made and not self.normalizations[normalization].honest:
            raise ValueError(
                f"{where}: {normalization} breaks the contract, but pictures of dataset {made[0]} are made on it"
            )

    def views_of(self, dataset: str) -> int:
        """How many views of its samples may go in."""
        if dataset in self.datasets:
            return self.datasets[dataset].views
        if dataset in self.posed_datasets:
            return self.posed_datasets[dataset].views
        if dataset in self.outside_datasets:
            return self.outside_datasets[dataset].view_count
        if dataset in self.mixed_datasets:
            return self.views_of(self.mixed_datasets[dataset].of[0])
        generated = self.generated_datasets[dataset]
        return RELEASED_VIEWS if generated.cameras == "released" else self.datasets[generated.of].views

    def mixed_from(self, dataset: str) -> tuple[str, ...]:
        """The datasets that one is mixed of, or itself alone."""
        return self.mixed_datasets[dataset].of if dataset in self.mixed_datasets else (dataset,)

    def parts_of(self, dataset: str) -> set[str]:
        """The captured datasets behind one: itself, that from which views were drawn, or all that are mixed."""
        if dataset in self.mixed_datasets:
            return {part for mixed in self.mixed_datasets[dataset].of for part in self.parts_of(mixed)}
        if dataset in self._drawn:
            return {self._drawn[dataset].of}
        return set() if dataset in self.posed_datasets else {dataset}

    def domain_of(self, dataset: str) -> str:
        """What a dataset shows.

        Drawn views show what those did that they were drawn from, mixed ones what their first do.
        """
        if dataset in self.mixed_datasets:
            return self.domain_of(self.mixed_datasets[dataset].of[0])
        if dataset in self._drawn:
            return self.domain_of(self._drawn[dataset].of)
        if dataset in self.posed_datasets:
            return PROCEDURAL
        return self.datasets[dataset].domain

    @property
    def _drawn(self) -> Mapping[str, GeneratedDataset | OutsideDataset]:
        return {**self.generated_datasets, **self.outside_datasets}

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
