"""The rasterizer against every Gaussian at every pixel."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.unit.rendering.oracle import rasterize_densely
from tests.unit.rendering.scenes import Scene, random_scene

scenes = st.builds(
    random_scene,
    seed=st.integers(0, 2**31),
    gaussians=st.integers(1, 40),
    cameras=st.integers(1, 3),
    width=st.integers(1, 27),
    height=st.integers(1, 27),
    size=st.sampled_from([0.003, 0.05, 0.3, 1.0]),
)


@pytest.mark.shared
def test_dense_renderer_reproduces_the_golden_numbers(shared: Path) -> None:
    with np.load(shared / "golden" / "rasterizer" / "dense_200g_3cam_48x40.npz") as file:
        golden = {name: torch.tensor(file[name]) for name in file.files if not name.startswith("case_")}
    leaves = ("means", "quats", "scales", "opacities", "colors", "viewmats")
    inputs = {name: golden[name].double().requires_grad_() for name in leaves}
    dense = rasterize_densely(
        **inputs,
        Ks=golden["Ks"].double(),
        backgrounds=golden["backgrounds"].double(),
        **{name: int(golden[name]) for name in ("width", "height")},
        **{name: float(golden[name]) for name in ("near_plane", "far_plane", "eps2d")},
    )
    loss = torch.zeros((), dtype=torch.float64)
    for name, factor in (("rgb", 1), ("alpha", 1), ("depth", 0.1)):
        picture = getattr(dense, name)
        torch.testing.assert_close(picture, golden[name], rtol=0, atol=1e-10)
        loss = loss + factor * (golden[f"weight_{name}"] * picture).sum()
    for (name, leaf), found in zip(inputs.items(), torch.autograd.grad(loss, list(inputs.values())), strict=True):
        expected = golden[f"grad_{name}"]
        if name == "viewmats":
            found, expected = found[:, :3], expected[:, :3]  # the bottom row means nothing
        scale = expected.abs().max()
        assert leaf.shape == found.shape or name == "viewmats"
        torch.testing.assert_close(found / scale, expected / scale, rtol=0, atol=1e-9)


@given(scene=scenes)
@settings(max_examples=30)
def test_float64_agrees_everywhere(scene: Scene) -> None:
    """A tie within rounding has no probability: see `random_scene`. The margin makes sure of it."""
    assume(scene.draw_densely().margin > 1e-10)
    _assert_agreement(scene, values=1e-9, gradients=1e-8)


@given(scene=scenes)
@settings(max_examples=15)
def test_float32_agrees_where_rounding_decides_nothing(scene: Scene) -> None:
    """Scenes in which a float32 rounding could cross a threshold or swap two depths are left out."""
    scene = scene.to(torch.float32).to(torch.float64)
    assume(scene.draw_densely().margin > 1e-5)
    _assert_agreement(scene, values=2e-4, gradients=5e-3, dtype=torch.float32)


@pytest.mark.parametrize("first", [0, 1])
def test_equal_depths_keep_the_order_of_the_input(first: int) -> None:
    scene = random_scene(seed=1, gaussians=2, cameras=1, width=9, height=9, size=0.5)
    scene = replace(
        scene,
        means=torch.zeros(2, 3, dtype=torch.float64),
        opacities=torch.full((2,), 0.6, dtype=torch.float64),
        colors=torch.eye(3, dtype=torch.float64)[[first, 1 - first]],
    )
    rgb, _, _ = scene.draw()
    torch.testing.assert_close(rgb, scene.draw_densely().rgb, rtol=0, atol=1e-9)


def _assert_agreement(scene: Scene, values: float, gradients: float, dtype: torch.dtype = torch.float64) -> None:
    judge, judged = scene.differentiable(), scene.to(dtype).differentiable()
    dense, pictures = judge.draw_densely(), judged.draw()
    expected_pictures = dense.rgb, dense.alpha, dense.depth
    for name, found, expected in zip(("rgb", "alpha", "depth"), pictures, expected_pictures, strict=True):
        assert found.dtype == dtype
        torch.testing.assert_close(
            found.double(), expected, rtol=0, atol=values, msg=lambda text, name=name: f"{name}: {text}"
        )
    expected_gradients = judge.gradients(expected_pictures)
    for name, found in judged.gradients(pictures).items():
        expected = expected_gradients[name]
        scale = expected.abs().max().clamp(min=1e-30)
        torch.testing.assert_close(
            found.double() / scale,
            expected / scale,
            rtol=0,
            atol=gradients,
            msg=lambda text, name=name: f"gradient by {name}: {text}",
        )
