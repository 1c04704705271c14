"""Kernels calculate the same in the process that compiles them and in those that find them on disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
DRAW = """
import hashlib, torch
from mouse_facelift.geometry.rotations import look_at
from mouse_facelift.rendering import rasterize
draw = torch.Generator().manual_seed(0)
n = 500
numbers = {
    "means": 0.8 * torch.rand(n, 3, generator=draw) - 0.4,
    "quats": torch.randn(n, 4, generator=draw),
    "scales": 0.02 + 0.1 * torch.rand(n, 3, generator=draw),
    "opacities": torch.rand(n, generator=draw),
    "colors": torch.rand(n, 3, generator=draw),
    "viewmats": torch.linalg.inv(look_at(2 * torch.eye(3), torch.zeros(3), torch.ones(3))),
}
for number in numbers.values():
    number.requires_grad_()
K = torch.tensor([[30.0, 0, 16], [0, 30, 16], [0, 0, 1]]).expand(3, 3, 3)
rgb, alpha, depth = rasterize(**numbers, Ks=K, width=32, height=32, backend="cpu")
(rgb.sin().sum() + alpha.sin().sum() + depth.sin().sum()).backward()
for name, tensor in {"rgb": rgb, "alpha": alpha, "depth": depth, **{k: v.grad for k, v in numbers.items()}}.items():
    print(name, hashlib.sha256(tensor.detach().contiguous().numpy().tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_the_process_that_compiles_gets_the_numbers_of_all_later_ones(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "NUMBA_CACHE_DIR": str(tmp_path)}
    compiling, reading = (
        subprocess.run([sys.executable, "-c", DRAW], env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    )
    assert len(reading.splitlines()) == 9
    assert compiling == reading
