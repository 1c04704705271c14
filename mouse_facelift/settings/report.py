"""The report: what is part of it beside what every run has, and, for its rule, where all of that stands."""

from mouse_facelift.settings.base import Section


class Report(Section):
    viewers: tuple[str, ...]
    """experiments whose 3D viewers are part of the page"""
    log_experiments: bool
    """whether the research log's experiments are: their trainings then run, too"""


class ReportedTraining(Section):
    """What a training left behind."""

    name: str
    serves: tuple[str, ...]
    """experiments, or datasets of drawn views, that go on with its weights"""
    metrics: str
    diagnosis: str
    card: str


class ReportedFiles(Section):
    """Files that the page is made of, beside the tables."""

    verdicts: tuple[str, ...]
    residuals: dict[str, str]
    """by dataset and normalization"""
    trainings: tuple[ReportedTraining, ...]
    sheets: dict[str, str]
    """by experiment, likewise below"""
    viewers: dict[str, str]
    log_page: str | None

    @property
    def all(self) -> list[str]:
        """Every one of them."""
        of_trainings = [file for row in self.trainings for file in (row.metrics, row.diagnosis, row.card)]
        pages = [] if self.log_page is None else [self.log_page]
        parts = (self.verdicts, self.residuals.values(), of_trainings, self.sheets.values(), self.viewers.values())
        return [*(file for part in parts for file in part), *pages]
