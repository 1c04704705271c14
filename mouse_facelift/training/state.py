"""The state folder of a training: states to resume from, the metrics so far, and a lock against a second trainer.

It is no declared output: a workflow wipes those when a job starts again.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from torch import nn

from mouse_facelift.formats.tensors import TORCH_DAMAGE, require_sound_archive
from mouse_facelift.formats.whole import whole_file, write_text_whole
from mouse_facelift.training.guard import Guard, Stateful

KEPT_STATES = 2
CONTENT = {"identity", "step", "model", "updater", "metrics", "guard"}

# What is told of one step: its number, loss, psnr (dB), grad_norm, learning_rate, 1 or 0 for updated, and whatever
# else the step tells, such as the terms of its loss.
StepMetrics = dict[str, int | float]


@dataclass(frozen=True)
class StateFolder:
    """Where one training keeps what it needs to go on.

    `identity` is a digest of the settings, data, weights and code that decide the numbers; a state of another identity
    is refused. Of a training that finished (`finish`) the last one alone is kept, from which the same call writes the
    same results again, should they be lost before the workflow knew of them; it stands in nobody's way.
    """

    path: Path
    identity: str

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one process, rid of what a killed one left half-written.

        Raises:
            ValueError: another trainer holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise ValueError(f"{self.path}: another trainer is at work here; wait for it or stop it") from None
        try:
            for left in self.path.glob(".*.partial.*"):
                left.unlink()
            yield
        finally:
            lock.release()

    @property
    def metrics_path(self) -> Path:
        return self.path / "metrics.csv"

    def states(self) -> list[Path]:
        """Saved states, the latest last."""
        return sorted(self.path.glob("step_*.pt"))

    def save(
        self,
        step: int,
        model: nn.Module,
        updater: Stateful,
        metrics: Sequence[StepMetrics],
        guard: Guard | None = None,
    ) -> None:
        """Save the state after `step` steps, and drop all but the latest ones, and that of an earlier training."""
        content = {
            "identity": self.identity,
            "step": step,
            "model": model.state_dict(),
            "updater": updater.state_dict(),
            "metrics": [dict(row) for row in metrics],
            "guard": None if guard is None else guard.state_dict(),
        }
        with whole_file(self.path / f"step_{step:08d}.pt") as partial:
            _save(content, partial)
        write_text_whole(self.metrics_path, metrics_csv(metrics))
        for old in self.states()[:-KEPT_STATES]:
            old.unlink()
        self.finished_path.unlink(missing_ok=True)

    @property
    def finished_path(self) -> Path:
        """The last state of a training that finished."""
        return self.path / "finished.pt"

    def finish(self) -> None:
        """Set the last state aside and drop all others, once what they led to is written; the metrics stay."""
        for place, state in enumerate(reversed(self.states())):
            state.replace(self.finished_path) if place == 0 else state.unlink()

    def resume(self, model: nn.Module, updater: Stateful, guard: Guard | None = None) -> tuple[int, list[StepMetrics]]:
        """Load the latest state into model, updater and guard; return its step and metrics, or 0 and none.

        A training that finished goes on from its last state, with no step to take; another's last state counts not.

        Raises:
            ValueError: a state cannot be read, or belongs to a training with other settings, data or weights.
        """
        states = self.states()
        if not states and not self.finished_path.exists():
            return 0, []
        content = _read(states[-1] if states else self.finished_path)
        if not states and content["identity"] != self.identity:
            return 0, []
        if content["identity"] != self.identity:
            raise ValueError(
                f"{states[-1]}: belongs to another training (identity {content['identity']}, expected"
                f" {self.identity}): settings, data or weights changed; remove {self.path} to start anew"
            )
        model.load_state_dict(content["model"])
        updater.load_state_dict(content["updater"])
        if guard is not None:
            if content["guard"] is None:
                raise ValueError(f"{states[-1]}: no guard watched this training; remove {self.path} to start anew")
            guard.load_state_dict(content["guard"])
        return content["step"], content["metrics"]


def _save(content: dict[str, Any], path: Path) -> None:
    """Write by `torch.save`, which hides behind a RuntimeError what the system refused."""
    with path.open("wb") as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:
            if isinstance(error.__context__, OSError):
                raise error.__context__ from error
            raise


def _read(path: Path) -> dict[str, Any]:
    try:
        require_sound_archive(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except TORCH_DAMAGE as error:
        raise ValueError(
            f"{path}: not a state to resume from: {error}; remove it to go on from an earlier one"
        ) from error
    if not isinstance(content, dict) or set(content) != CONTENT:
        found = sorted(content) if isinstance(content, dict) else type(content).__name__
        raise ValueError(f"{path}: not a state to resume from: found {found}, expected {sorted(CONTENT)}")
    return content


def metrics_csv(rows: Sequence[StepMetrics]) -> str:
    """The steps as a table; what a step does not tell is left empty."""
    if not rows:
        return ""
    text = io.StringIO()
    columns = dict.fromkeys(name for row in rows for name in row)  # a term may count in some steps only
    writer = csv.DictWriter(text, fieldnames=list(columns))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
