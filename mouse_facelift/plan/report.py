"""Which files a run's report is made of."""

from collections import defaultdict
from typing import TYPE_CHECKING

from mouse_facelift.settings import ReportedFiles, ReportedTraining

if TYPE_CHECKING:
    from mouse_facelift.plan.whole import Plan

LOG_PAGE = "results/log_experiments/page.html"


def reported_files(plan: "Plan") -> ReportedFiles:
    """Files of all experiments of the configuration, of what they learn from and of who drew that."""
    settings = plan.settings
    captures = {name for row in settings.experiments.values() for name in plan.captures_behind(row)}
    sources = {
        (part, row.normalization)
        for name, row in settings.experiments.items()
        for dataset in (row.dataset, plan.teaching(name))
        for part in settings.parts_of(dataset)
    }
    return ReportedFiles(
        verdicts=tuple(f"results/{capture}/verdict.json" for capture in settings.captures if capture in captures),
        residuals={
            f"{dataset}.{way}": f"results/samples/{dataset}.{way}/residuals.csv" for dataset, way in sorted(sources)
        },
        trainings=(*_generators(plan), *_finetunings(plan)),
        sheets={name: f"results/contact_sheets/{name}.png" for name in settings.experiments},
        viewers={name: f"results/viewers/{name}.html" for name in settings.report.viewers},
        log_page=LOG_PAGE if settings.report.log_experiments else None,
    )


def _finetunings(plan: "Plan") -> list[ReportedTraining]:
    serves: dict[str, list[str]] = defaultdict(list)
    for experiment in plan.settings.experiments:
        if (training := plan.training(experiment)) is not None:
            serves[training].append(experiment)
    return [_training(name, f"results/weights/{name}", experiments) for name, experiments in serves.items()]


def _generators(plan: "Plan") -> list[ReportedTraining]:
    settings = plan.settings
    serves: dict[str, list[str]] = defaultdict(list)
    for experiment, row in settings.experiments.items():
        for dataset in dict.fromkeys((row.dataset, plan.teaching(experiment))):
            for part in settings.mixed_from(dataset):
                if part in settings.generated_datasets:
                    serves[settings.generated_datasets[part].generator].append(experiment)
    return [_training(name, f"results/generators/{name}", experiments) for name, experiments in serves.items()]


def _training(name: str, folder: str, serves: list[str]) -> ReportedTraining:
    return ReportedTraining(
        name=name,
        serves=tuple(serves),
        metrics=f"{folder}/metrics.csv",
        diagnosis=f"{folder}/diagnosis.json",
        card=f"{folder}/card.json",
    )
