"""The research log's experiments, each a row with a fixed name: what is said of them refers to the names."""

from collections.abc import Mapping

from pydantic import model_validator

from mouse_facelift.settings.base import Section
from mouse_facelift.settings.learning import Experiment, FinetunePlan

PREFIX = "log_"


class LogExperiments(Section):
    """Rows of `snakemake log_experiments`; null: left out, and what is said of it with it.

    Rows that are compared should differ in nothing but what their names tell.
    """

    full_1e4: Experiment | None
    """everything learns, on honest data: the row from which others depart"""
    full_2e5: Experiment | None
    full_5e6: Experiment | None
    zero_shot: Experiment | None
    """nothing learns"""
    lora: Experiment | None
    freeze_all: Experiment | None
    """the log's B, heads alone learn, on honest data"""
    freeze_all_slow: Experiment | None
    freeze_all_broken: Experiment | None
    """B on the data of A"""
    freeze_all_broken_slow: Experiment | None
    freeze_all_relabeled: Experiment | None
    """B on data that are broken otherwise: the cameras look perfect, the pixels disagree"""
    real_camera: Experiment | None
    """the log's A: the laboratory's cameras, millimeters, pictures stretched to a square"""
    real_camera_scaled: Experiment | None
    """A', translations alone scaled: the log's `normalize_distance_to`"""
    real_camera_centered: Experiment | None
    """A'', scaled, and the origin at the animal; the laboratory's lens stays"""
    unit_millimeters: Experiment | None
    """all is right but the unit"""
    center_session: Experiment | None
    """all is right but the origin: one place for the whole recording"""
    center_frame: Experiment | None
    """all is right, with the cameras of the rows above"""
    inputs_1: Experiment | None
    inputs_2: Experiment | None
    inputs_3: Experiment | None
    inputs_4: Experiment | None
    inputs_5: Experiment | None
    inputs_6: Experiment | None
    masked_loss: Experiment | None
    """the animal alone is compared"""
    rig_order: Experiment | None
    """input views go in in the rig's order, not in a random one"""

    @property
    def rows(self) -> Mapping[str, Experiment]:
        """Experiments by the names under which files of their results stand."""
        rows = {PREFIX + field: getattr(self, field) for field in type(self).model_fields}
        return {name: row for name, row in rows.items() if row is not None}

    @property
    def trained(self) -> Mapping[str, FinetunePlan]:
        """Plans of the rows in which something learns, by the rows' names."""
        return {name: row.finetune for name, row in self.rows.items() if isinstance(row.finetune, FinetunePlan)}

    @model_validator(mode="after")
    def _can_be_compared(self) -> "LogExperiments":
        for name, row in self.rows.items():
            if isinstance(row.finetune, FinetunePlan) == (name == f"{PREFIX}zero_shot"):
                expected = "none" if name == f"{PREFIX}zero_shot" else "one in which something learns"
                raise ValueError(
                    f"{name_in_log(name)}.finetune.method: found {row.finetune.method}, expected {expected}"
                )
        first: str | None = None
        for name, plan in self.trained.items():
            first = first or name
            field = f"{name_in_log(name)}.finetune.measured"
            if plan.measured is None:
                raise ValueError(f"{field}: found null, expected steps at which rows are compared")
            if plan.measured != self.trained[first].measured:
                raise ValueError(f"{field}: expected the same as in {name_in_log(first)}, so that rows can be compared")
        return self


def name_in_log(experiment: str) -> str:
    """The key of `log_experiments` behind an experiment's name."""
    return experiment.removeprefix(PREFIX)
