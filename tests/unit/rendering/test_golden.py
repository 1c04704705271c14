"""The numbers of a brute-force float64 renderer that was checked against gsplat's own projection and tile lists."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mouse_facelift.rendering import rasterize

DIFFERENTIABLE = ("means", "quats", "scales", "opacities", "colors", "viewmats")
TOLERANCES = {
    torch.float64: {"rgb": 1e-10, "alpha": 1e-10, "depth": 1e-10, "gradient": 1e-9},
    torch.float32: {"rgb": 5e-5, "alpha": 5e-5, "depth": 5e-4, "gradient": 1e-3},
}


@pytest.mark.shared
@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
def test_pictures_and_gradients_agree_with_brute_force(shared: Path, dtype: torch.dtype) -> None:
    with np.load(shared / "golden" / "rasterizer" / "dense_200g_3cam_48x40.npz") as file:
        golden = {name: file[name] for name in file.files}
    inputs = {name: torch.tensor(golden[name], dtype=dtype).requires_grad_() for name in DIFFERENTIABLE}
    pictures = rasterize(
        **inputs,
        Ks=torch.tensor(golden["Ks"], dtype=dtype),
        width=int(golden["width"]),
        height=int(golden["height"]),
        near_plane=float(golden["near_plane"]),
        far_plane=float(golden["far_plane"]),
        eps2d=float(golden["eps2d"]),
        backgrounds=torch.tensor(golden["backgrounds"], dtype=dtype),
        backend="cpu",
    )
    loss = torch.zeros((), dtype=dtype)
    for name, picture, factor in zip(("rgb", "alpha", "depth"), pictures, (1, 1, 0.1), strict=True):
        assert picture.dtype == dtype
        np.testing.assert_allclose(picture.detach(), golden[name], rtol=0, atol=TOLERANCES[dtype][name])
        loss = loss + factor * (torch.tensor(golden[f"weight_{name}"], dtype=dtype) * picture).sum()
    loss.backward()
    for name, leaf in inputs.items():
        found, expected = leaf.grad, golden[f"grad_{name}"]
        assert found is not None
        if name == "viewmats":
            found, expected = found[:, :3], expected[:, :3]  # the bottom row means nothing
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=TOLERANCES[dtype]["gradient"])
