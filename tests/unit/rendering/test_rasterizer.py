"""What holds for every picture of the CPU rasterizer."""

import math
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numba
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mouse_facelift.rendering import rasterize
from mouse_facelift.rendering.backends import use_threads
from tests.unit.rendering.scenes import LEAVES, Scene, random_scene

REPOSITORY = Path(__file__).resolve().parents[3]
GAUSSIAN_LEAVES = LEAVES[:5]


@pytest.fixture
def scene() -> Scene:
    return random_scene(seed=3)


def _drawn_with_gradients(scene: Scene) -> tuple[tuple[Tensor, Tensor, Tensor], dict[str, Tensor]]:
    scene = scene.differentiable()
    pictures = scene.draw()
    return pictures, scene.gradients(pictures)


def test_gradients_agree_with_finite_differences() -> None:
    """The scene is the first whose thresholds all lie farther away than the differences reach."""
    candidates = (random_scene(seed, gaussians=3, cameras=2, width=6, height=5, size=0.3) for seed in range(1000))
    scene = next(scene for scene in candidates if scene.draw_densely().margin > 3e-3).differentiable()
    bottom = scene.viewmats[:, 3:].detach()
    upper = scene.viewmats[:, :3].detach().requires_grad_()

    def draw(*leaves: Tensor) -> tuple[Tensor, ...]:
        named = dict(zip(LEAVES, leaves, strict=True))
        viewmats = torch.cat([named.pop("viewmats"), bottom], dim=1)
        return replace(scene, **named, viewmats=viewmats).draw()

    leaves = [upper if name == "viewmats" else getattr(scene, name) for name in LEAVES]
    assert (scene.draw()[1] > 0.05).any()
    assert torch.autograd.gradcheck(draw, leaves, eps=1e-6, atol=1e-6, rtol=1e-5)


@pytest.fixture
def _threads_as_before() -> Iterator[None]:
    torch_threads, numba_threads = torch.get_num_threads(), numba.get_num_threads()
    yield
    numba.set_num_threads(numba_threads)
    torch.set_num_threads(torch_threads)


@pytest.mark.usefixtures("_threads_as_before")
@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one core only")
def test_one_and_two_threads_give_the_same_bits() -> None:
    scene = random_scene(seed=5, gaussians=1200, cameras=3, width=70, height=45, size=0.08).to(torch.float32)
    use_threads(1)
    pictures, gradients = _drawn_with_gradients(scene)
    use_threads(2)
    for _ in range(3):
        again, gradients_again = _drawn_with_gradients(scene)
        assert all(torch.equal(found, expected) for found, expected in zip(again, pictures, strict=True))
        assert all(torch.equal(gradients_again[name], gradients[name]) for name in LEAVES)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (8, 8), (9, 7), (7, 9), (17, 1), (1, 17), (23, 18)])
def test_pictures_of_any_size_are_drawn_to_the_edge(width: int, height: int) -> None:
    scene = random_scene(seed=11, width=width, height=height, size=0.4)
    dense = scene.draw_densely()
    for found, expected in zip(scene.draw(), (dense.rgb, dense.alpha, dense.depth), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("reason", ["no Gaussians", "behind the cameras", "beyond the pictures", "too faint"])
def test_a_picture_of_nothing_is_the_background(reason: str, dtype: torch.dtype) -> None:
    scene = random_scene(seed=2)
    scene = replace(scene, backgrounds=torch.ones_like(scene.backgrounds))
    match reason:
        case "no Gaussians":
            scene = scene.keep(torch.arange(0))
        case "behind the cameras":
            viewmats = scene.viewmats.clone()
            viewmats[:, 2, 3] = -20
            scene = replace(scene, viewmats=viewmats)
        case "beyond the pictures":
            viewmats = scene.viewmats.clone()
            viewmats[:, 0, 3] = 200
            scene = replace(scene, viewmats=viewmats)
        case "too faint":
            scene = replace(scene, opacities=torch.full_like(scene.opacities, 0.0039))
    (rgb, alpha, depth), gradients = _drawn_with_gradients(scene.to(dtype))
    assert (rgb == 1).all()
    assert (alpha == 0).all()
    assert (depth == 0).all()
    for name in LEAVES[:-1]:
        assert (gradients[name] == 0).all()
    assert (gradients["backgrounds"] != 0).all()


def test_one_round_gaussian_is_its_formula() -> None:
    """On the optical axis a ball of standard deviation s projects to f s / z, widened by eps2d."""
    focal, size, z, opacity, background = 20.0, 0.25, 2.5, 0.8, 0.3
    color = torch.tensor([0.9, 0.5, 0.1], dtype=torch.float64)
    K = torch.tensor([[[focal, 0, 5.5], [0, focal, 4.5], [0, 0, 1]]], dtype=torch.float64)
    scene = Scene(
        means=torch.tensor([[0, 0, z]], dtype=torch.float64),
        quats=torch.tensor([[0.1, -0.4, 2, 0.7]], dtype=torch.float64),
        scales=torch.full((1, 3), size, dtype=torch.float64),
        opacities=torch.tensor([opacity], dtype=torch.float64),
        colors=color[None],
        viewmats=torch.eye(4, dtype=torch.float64)[None],
        Ks=K,
        backgrounds=torch.full((1, 3), background, dtype=torch.float64),
        width=11,
        height=9,
    )
    rgb, alpha, depth = scene.draw()
    x, y = torch.arange(11, dtype=torch.float64) - 5, torch.arange(9, dtype=torch.float64) - 4
    variance = (focal * size / z) ** 2 + 0.3
    expected = opacity * torch.exp(-(x[None, :] ** 2 + y[:, None] ** 2) / (2 * variance))
    expected = torch.where(expected >= 1 / 255, expected, 0)[..., None]
    torch.testing.assert_close(alpha[0], expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(depth[0], torch.where(expected > 0, z, torch.zeros_like(expected)), rtol=0, atol=1e-12)
    torch.testing.assert_close(rgb[0], expected * color + (1 - expected) * background, rtol=0, atol=1e-12)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", GAUSSIAN_LEAVES)
def test_a_gaussian_that_is_not_finite_leaves_the_others_alone(scene: Scene, name: str, value: float) -> None:
    bad, others = 4, torch.tensor([n for n in range(20) if n != 4])
    spoiled = getattr(scene, name).clone()
    spoiled[bad if spoiled.ndim == 1 else (bad, 1)] = value
    pictures, gradients = _drawn_with_gradients(replace(scene, **{name: spoiled}))
    expected_pictures, expected_gradients = _drawn_with_gradients(scene.keep(others))
    assert all(torch.equal(found, expected) for found, expected in zip(pictures, expected_pictures, strict=True))
    for leaf in GAUSSIAN_LEAVES:
        assert (gradients[leaf][bad] == 0).all(), leaf
        assert torch.equal(gradients[leaf][others], expected_gradients[leaf]), leaf
    for leaf in ("viewmats", "backgrounds"):
        assert torch.equal(gradients[leaf], expected_gradients[leaf]), leaf


@given(seed=st.integers(0, 2**31))
@settings(max_examples=10)
def test_the_background_shows_through_what_alpha_leaves(seed: int) -> None:
    scene = random_scene(seed)
    rgb, alpha, depth = scene.draw()
    on_black, alpha_on_black, depth_on_black = replace(scene, backgrounds=torch.zeros_like(scene.backgrounds)).draw()
    torch.testing.assert_close(rgb, on_black + (1 - alpha) * scene.backgrounds[:, None, None], rtol=0, atol=1e-12)
    assert torch.equal(alpha, alpha_on_black)
    assert torch.equal(depth, depth_on_black)
    assert ((alpha >= 0) & (alpha <= 1)).all()


def test_no_background_is_black(scene: Scene) -> None:
    black = replace(scene, backgrounds=torch.zeros_like(scene.backgrounds)).draw()
    fields = {name: value for name, value in vars(scene).items() if name != "backgrounds"}
    assert all(torch.equal(a, b) for a, b in zip(rasterize(**fields, backend="cpu"), black, strict=True))


@given(seed=st.integers(0, 2**31), order=st.permutations(range(20)))
@settings(max_examples=10)
def test_the_order_of_gaussians_changes_no_picture(seed: int, order: list[int]) -> None:
    """Their depths differ, being drawn from a continuous distribution."""
    scene, permutation = random_scene(seed), torch.tensor(order)
    pictures, gradients = _drawn_with_gradients(scene)
    permuted_pictures, permuted_gradients = _drawn_with_gradients(scene.keep(permutation))
    assert all(torch.equal(a, b) for a, b in zip(pictures, permuted_pictures, strict=True))
    for name in GAUSSIAN_LEAVES:
        assert torch.equal(permuted_gradients[name], gradients[name][permutation]), name
    # A camera's gradient is a sum over the Gaussians, in their order.
    scale = gradients["viewmats"].abs().max().clamp(min=1)
    torch.testing.assert_close(permuted_gradients["viewmats"] / scale, gradients["viewmats"] / scale)
    assert torch.equal(permuted_gradients["backgrounds"], gradients["backgrounds"])


def test_a_later_process_compiles_nothing(scene: Scene) -> None:
    _drawn_with_gradients(scene.to(torch.float32))
    script = """
        import torch

        from mouse_facelift.rendering.rasterizer import binning, compositing, projection
        from mouse_facelift.rendering.rasterizer.compilation import Kernel
        from tests.unit.rendering.scenes import random_scene

        scene = random_scene(seed=3).to(torch.float32).differentiable()
        scene.gradients(scene.draw())
        kernels = [
            kernel.reader
            for module in (binning, compositing, projection)
            for kernel in vars(module).values()
            if isinstance(kernel, Kernel) and kernel.reader.signatures
        ]
        compiled = [kernel.__name__ for kernel in kernels if kernel.stats.cache_misses]
        print(len(kernels), compiled)
    """
    later = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    used, compiled = later.stdout.strip().split(" ", 1)
    assert int(used) >= 5
    assert compiled == "[]"
