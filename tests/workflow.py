"""A workflow on a tiny capture, run by Snakemake's own command as its users do."""

import copy
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
SIZE = 32  # px of the contract's pictures

Config = dict[str, Any]

# Rules say `python -m workflow_scripts.x`: the checkout that these tests stand in, not one installed elsewhere.
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH", ""))))
}


def tiny_config() -> Config:
    """The default configuration, complete, at sizes that run in seconds. One capture of twelve frames."""
    config: Config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    scale = SIZE / config["camera_contract"]["image_size"]
    config["camera_contract"] |= {"image_size": SIZE, "focal": config["camera_contract"]["focal"] * scale}
    config["simulations"] = {"tiny": {"sequence": "walk", "frames": 12, "frame_scale": 0.125, "seed": 3}}
    capture = config["captures"].pop("walk")
    place = "results/simulated/tiny"
    capture["calibration"]["path"] = f"{place}/calibration.toml"
    capture["pictures"] = place + "/videos/{camera}.mp4"
    capture["masks"]["path"] = place + "/masks/{camera}.mp4"
    capture["frames"] = {"start": 0, "stop": 12, "step": 1}
    config["captures"] = {"tiny": capture}
    config["animal"] |= {"frames_per_chunk": 6, "hull_resolution": 48}
    config["normalization_work"] = {"hull_resolution": 48}
    config["normalization_modes"] |= {"captures": ["tiny"], "frames": 3}
    config["datasets"] = {
        "real": {
            "domain": "mouse",
            "captures": ["tiny"],
            "views": 6,
            "split": {"blocks": ["train", "train", "val", "test"], "gap": 1},
        }
    }
    config["checkpoints"]["small"] |= {"weights": "weights/tiny.safetensors", "config": "weights/tiny.json"}
    config["experiments"] = {name: config["experiments"][name] for name in ("zero_shot", "full", "real_camera")}
    shrink_experiments(config["experiments"])
    _shrink_log(config["log_experiments"])
    for section in ("posed_datasets", "generators", "generated_datasets", "outside_datasets", "mixed_datasets"):
        config[section] = {}
    config["pretraining"]["animals"] = {"count": 10, "held_out": 2, "views": 7, "seed": 0}
    config["pretraining"]["network"] |= {"width": 32, "head_width": 16, "layers": 1}
    for stage in ("surface_training", "training"):
        config["pretraining"][stage] |= {"steps": 4, "batch": 1, "warmup_steps": 1, "checkpoint_every": 2}
    config["evaluation"] |= {"samples": 2, "sheet_samples": 1, "models": 2, "hull_resolution": 32}
    config["exports"]["turntable"] |= {"image_size": 64, "frames": 6}
    config["evaluation"]["intervals"]["resamples"] = 200
    config["evaluation"]["true_views"] |= {"cameras": 3, "points": 2000}
    config["compute"]["threads"] = 1
    return config


def shrink_experiments(rows: Config) -> None:
    """Let honest experiments be on the contract, and trainings take seconds."""
    for row in rows.values():
        if not row["allow_broken_contract"]:
            row["normalization"] = "contract"
        if row["finetune"]["method"] != "none":
            row["finetune"] = row["finetune"] | {"steps": 6, "batch": 1, "warmup_steps": 1, "checkpoint_every": 2}


def tiny_own_capture() -> Config:
    """`config/examples/own_capture.yaml` at such sizes, of twelve frames, without training."""
    config: Config = yaml.safe_load((REPOSITORY / "config/examples/own_capture.yaml").read_text())
    tiny = tiny_config()
    same = ("camera_contract", "normalization_work", "evaluation", "exports", "compute")
    config |= {section: tiny[section] for section in same}
    config["animal"] |= {"frames_per_chunk": 12, "hull_resolution": 48}
    config["captures"]["my_session"]["frames"] = {"start": 0, "stop": 12, "step": 1}
    config["datasets"]["real"]["split"] = {"blocks": ["test", "train", "val", "test"], "gap": 1}
    config["checkpoints"] = tiny["checkpoints"]
    config["experiments"] = {"zero_shot": config["experiments"]["zero_shot"]}
    return config


def _shrink_log(rows: Config) -> None:
    """Leave three rows of the research log's experiments, whose training takes seconds."""
    for name, row in rows.items():
        if name not in ("zero_shot", "full_1e4", "real_camera"):
            rows[name] = None
            continue
        if not row["allow_broken_contract"]:
            row["normalization"] = "contract"
        if row["finetune"]["method"] == "full":
            measured = row["finetune"]["measured"] | {"steps": [1, 3], "samples": 2}
            row["finetune"] = row["finetune"] | {
                "steps": 3, "batch": 1, "warmup_steps": 1, "checkpoint_every": 2, "measured": measured,
            }  # fmt: skip


@dataclass(frozen=True)
class Workflow:
    """A working folder with its own complete configuration."""

    folder: Path
    config: Config

    def write_config(self) -> None:
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.config, sort_keys=False))

    def with_config(self, folder: Path, config: Config) -> "Workflow":
        """A copy of this folder, results and all, with another configuration."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True, symlinks=True)
        return Workflow(folder, config)

    def copy(self, folder: Path) -> "Workflow":
        return self.with_config(folder, copy.deepcopy(self.config))

    def command(self, *arguments: str) -> list[str]:
        self.write_config()
        return [
            sys.executable, "-m", "snakemake", *arguments, "--snakefile", str(REPOSITORY / "Snakefile"),
            "--directory", str(self.folder), "--configfile", str(self.folder / "config.yaml"),
            "--workflow-profile", str(REPOSITORY / "profiles/default"),
        ]  # fmt: skip

    def run(
        self, *arguments: str, cores: int = 2, environment: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run Snakemake; output and errors are one text. Rules get the environment's variables, too."""
        return subprocess.run(
            self.command("--cores", str(cores), *arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env=ENVIRONMENT | dict(environment or {}),
        )

    def make(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Run Snakemake and demand success."""
        done = self.run(*arguments, environment=environment)
        assert done.returncode == 0, done.stdout[-8000:]
        return done.stdout

    def refuse(self, *arguments: str) -> str:
        """Run Snakemake and demand failure."""
        done = self.run(*arguments)
        assert done.returncode != 0, done.stdout[-4000:]
        return done.stdout

    def kill_when(self, path: str, *arguments: str, patience: float = 120) -> None:
        """Start Snakemake, wait until a file or folder matches a pattern, then kill -9 it and all its children."""
        process = subprocess.Popen(
            self.command("--cores", "2", *arguments),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=ENVIRONMENT,
        )
        until = time.monotonic() + patience
        while not list(self.folder.glob(path)):
            assert process.poll() is None, f"the workflow ended before {path} appeared"
            assert time.monotonic() < until, f"{path} did not appear"
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
