"""A network small enough to run in milliseconds, and a sample table to run it on."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.gslrm import GslrmConfig, fresh_gslrm
from mouse_facelift.gslrm.finetune import finetune_gslrm
from mouse_facelift.settings import InputViews
from mouse_facelift.training.trained import write_weights
from tests.tiny_samples import CONTRACT, write_table
from tests.unit.gslrm.tiny_finetune import COMPUTE, DECLARED, FINETUNE, Checkpoint, Finetuned

TINY = {
    "image_tokenizer": {"image_size": 16, "patch_size": 4, "in_channels": 9},
    "transformer": {"d": 32, "d_head": 8, "n_layer": 2},
    "gaussians": {"n_gaussians": 2, "sh_degree": 0, "upsampler": {"upsample_factor": 1}},
    "add_refsrc_marker": False,
    "hard_pixelalign": True,
    "use_custom_plucker": True,
    "clip_xyz_applied": False,
    "num_input_views": 3,
    "num_views": 3,
}


@pytest.fixture
def tiny() -> dict[str, Any]:
    """A published-style configuration, free to change."""
    return copy.deepcopy(TINY)


@pytest.fixture
def tiny_config(tiny) -> GslrmConfig:
    return GslrmConfig.model_validate(tiny)


@pytest.fixture
def views() -> dict[str, Tensor]:
    """Two samples of three views of 16 x 16 px, from cameras that look near the origin."""
    generator = torch.Generator().manual_seed(0)
    centers = torch.nn.functional.normalize(torch.randn(6, 3, generator=generator), dim=-1) * 2.7
    poses = look_at(centers, 0.2 * torch.randn(3, generator=generator), torch.tensor([0.0, 0.0, 1.0]))
    return {
        "images": torch.rand(2, 3, 3, 16, 16, generator=generator),
        "camera_to_world": poses.reshape(2, 3, 4, 4),
        "fxfycxcy": torch.tensor([17.0, 17.5, 8.0, 7.5]).expand(2, 3, 4),
    }


@pytest.fixture
def checkpoint(tmp_path: Path, tiny: dict[str, Any]) -> Checkpoint:
    """A tiny network with fresh weights, on disk."""
    tiny["image_tokenizer"]["patch_size"] = 8
    tiny["transformer"]["n_layer"] = 1
    files = Checkpoint(tmp_path / "start.safetensors", tmp_path / "start.json")
    files.config.write_text(json.dumps(tiny))
    write_weights(files.weights, fresh_gslrm(GslrmConfig.model_validate(tiny), seed=3))
    return files


@pytest.fixture(scope="session")
def written_table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_table(tmp_path_factory.mktemp("samples"))


@pytest.fixture
def table(tmp_path: Path, written_table: Path) -> Path:
    """Two samples to learn from and two to test on, free to change."""
    shutil.copytree(written_table.parent, tmp_path / "samples")
    return tmp_path / "samples" / written_table.name


@pytest.fixture
def finetune(tmp_path: Path, table: Path, checkpoint: Checkpoint) -> Callable[..., Finetuned]:
    """Fine-tune in a folder of its own; arguments stand in place of the defaults, `plan` changes the plan's fields."""

    def run(name: str, plan: dict[str, Any] | None = None, **changes: Any) -> Finetuned:
        files = ("weights.safetensors", "card.json", "diagnosis.json", "metrics.csv", "s")
        out = Finetuned(*(tmp_path / name / file for file in files))
        arguments: dict[str, Any] = {
            "table": table,
            "checkpoint": checkpoint.weights,
            "config": checkpoint.config,
            "declared": DECLARED,
            "domain": "mouse",
            **out._asdict(),
            "experiment": "full",
            "views": InputViews(inputs=3),
            "finetune": FINETUNE.model_copy(update=plan or {}),
            "contract": CONTRACT,
            "allow_broken_contract": False,
            "compute": COMPUTE,
            "code": "c0de",
            "minutes": 10,
        }
        finetune_gslrm(**(arguments | changes))
        return out

    return run
