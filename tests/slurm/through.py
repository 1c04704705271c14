"""The tiny workflow through sbatch, by the profiles that ship."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mouse_facelift.plan import Plan
from mouse_facelift.settings import parse_settings
from tests.slurm.cluster import Cluster
from tests.workflow import ENVIRONMENT, REPOSITORY, Workflow

PATIENCE = 1500  # seconds
SCORES = "results/scores/full.csv"
# Looks at jobs are a profile's; these are of a cluster that lives for a test.
OFTEN = ("--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10")


@dataclass
class Run:
    """Snakemake at work; what it says goes into a file."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def ended(self) -> int:
        """Exit code, once it has one."""
        return self.process.wait(timeout=PATIENCE)


@dataclass
class Through:
    """A workflow and the cluster on which it runs."""

    cluster: Cluster
    workflow: Workflow

    @property
    def folder(self) -> Path:
        return self.workflow.folder

    @contextmanager
    def run(self, *arguments: str, profile: str = "slurm") -> Iterator[Run]:
        """Start Snakemake; at the end it is gone, and jobs that it left behind go on."""
        self.workflow.write_config()
        command = [
            # A shell in the background has its children ignore Ctrl-C.
            "env", "--default-signal=INT", sys.executable, "-m", "snakemake", *arguments,
            "--snakefile", str(REPOSITORY / "Snakefile"), "--directory", str(self.folder),
            "--configfile", str(self.folder / "config.yaml"),
            "--workflow-profile", str(REPOSITORY / "profiles" / profile), *OFTEN,
        ]  # fmt: skip
        path = self.folder.parent / f"said_{len(list(self.folder.parent.glob('said_*')))}.txt"
        with path.open("wb") as log:
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=ENVIRONMENT | self.cluster.environment,
            )
        try:
            yield Run(process, path)
        finally:
            process.kill()
            process.wait()

    def make(self, *arguments: str, profile: str = "slurm") -> str:
        """Run Snakemake and demand success."""
        with self.run(*arguments, profile=profile) as run:
            assert run.ended() == 0, run.said[-8000:]
        return run.said

    def refuse(self, *arguments: str) -> str:
        """Run Snakemake and demand failure."""
        with self.run(*arguments) as run:
            assert run.ended() != 0, run.said[-4000:]
        return run.said

    def states(self) -> list[Path]:
        """Saved by trainings that are under way."""
        return sorted(self.folder.glob("state/finetune_gslrm/*/step_*.pt"))

    def training_job(self, run: Run | None = None) -> str:
        """Number of the job that trains, once it has saved a state."""
        self.wait(lambda: bool(self.states()) and bool(self.cluster.jobs("finetune_gslrm", "R")), run)
        return self.cluster.jobs("finetune_gslrm", "R")[-1]

    def hold_trainer(self) -> int:
        """Stop the process that trains, until SIGCONT; its number."""
        begins = [b"-m", b"workflow_scripts.finetune_gslrm"]
        for process in Path("/proc").glob("[0-9]*"):
            try:
                here = (process / "cwd").readlink() == self.folder.resolve()
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:  # it ended, or is another user's
                continue
            if here and words[1:3] == begins:
                os.kill(int(process.name), signal.SIGSTOP)
                return int(process.name)
        raise AssertionError("nobody trains")

    def wait(self, until: Callable[[], bool], run: Run | None = None, seconds: float = PATIENCE) -> None:
        """Until something holds; the run, if there is one, must not end before."""
        end = time.monotonic() + seconds
        while not until():
            assert run is None or run.process.poll() is None, run.said[-8000:]
            assert time.monotonic() < end, "it did not come" if run is None else run.said[-8000:]
            time.sleep(0.1)

    def idle(self) -> None:
        """Wait until no job is left."""
        self.wait(lambda: not self.cluster.jobs(states="R,PD,CG,S"))


def weights_file(workflow: Workflow) -> str:
    """Where the weights of the experiment `full` go."""
    return Plan(parse_settings(workflow.config, "tiny")).weights("full")


def weights(folder: Path) -> bytes:
    """Of the one training there."""
    (path,) = folder.glob("results/weights/*/weights.safetensors")
    return path.read_bytes()


def log_of_training(folder: Path) -> str:
    """Of its last try."""
    (path,) = folder.glob("logs/finetune_gslrm/*.log")
    return path.read_text()
