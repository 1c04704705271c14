"""The state folder of a training: states to resume from, the metrics so far, and a lock against a second trainer.

It is no declared output: a workflow wipes those when a job starts again.
"""

import csv
import io
import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from torch import nn

from mouse_facelift.formats.whole import whole_file, write_text_whole

KEPT_STATES = 2


@dataclass(frozen=True)
class StateFolder:
    """Where one training keeps what it needs to go on.

    `identity` is a digest of everything that decides the numbers; a state of another identity is refused.
    """

    path: Path
    identity: str

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one process. Raises ValueError if another trainer holds it."""
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise ValueError(f"{self.path}: another trainer is at work here; wait for it or stop it") from None
        try:
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
        optimizer: torch.optim.Optimizer,
        metrics: Sequence[Mapping[str, float]],
    ) -> None:
        """Save the state after `step` steps, and drop all but the latest ones."""
        content = {
            "identity": self.identity,
            "step": step,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "metrics": [dict(row) for row in metrics],
        }
        with whole_file(self.path / f"step_{step:08d}.pt") as partial:
            torch.save(content, partial)
        write_text_whole(self.metrics_path, _as_csv(metrics))
        for old in self.states()[:-KEPT_STATES]:
            old.unlink()

    def resume(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[int, list[dict[str, float]]]:
        """Load the latest state into model and optimizer; return its step and metrics, or 0 and none.

        Raises:
            ValueError: a state cannot be read, or belongs to a training with other settings, data or weights.
        """
        states = self.states()
        if not states:
            return 0, []
        content = _read(states[-1])
        if content["identity"] != self.identity:
            raise ValueError(
                f"{states[-1]}: belongs to another training (identity {content['identity']}, expected"
                f" {self.identity}): settings, data or weights changed; remove {self.path} to start anew"
            )
        model.load_state_dict(content["model"])
        optimizer.load_state_dict(content["optimizer"])
        return content["step"], content["metrics"]


def _read(path: Path) -> dict[str, Any]:
    try:
        content = torch.load(path, weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path}: not a state to resume from: {error}") from error
    if not isinstance(content, dict) or set(content) != {"identity", "step", "model", "optimizer", "metrics"}:
        raise ValueError(f"{path}: not a state to resume from")
    return content


def _as_csv(rows: Sequence[Mapping[str, float]]) -> str:
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
