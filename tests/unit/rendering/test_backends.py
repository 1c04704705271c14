"""Which rasterizer draws, what is said about it, and which inputs are refused."""

import importlib.util
import inspect
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mouse_facelift.rendering import backends, rasterize
from mouse_facelift.rendering.backends import device_of
from tests.unit.rendering.scenes import LEAVES, Scene, random_scene

REPOSITORY = Path(__file__).resolve().parents[3]

# Without the run-time shape checks of the tests, which would refuse before the function itself does.
bare_rasterize: Callable[..., tuple[Tensor, Tensor, Tensor]] = inspect.unwrap(rasterize)


@pytest.fixture
def scene() -> Scene:
    return random_scene(seed=3, gaussians=5).to(torch.float32)


@pytest.fixture
def _forgetful() -> Iterator[None]:
    for cached in (backends._obstacle_to_gsplat, backends._log_once):
        cached.cache_clear()
    yield
    for cached in (backends._obstacle_to_gsplat, backends._log_once):
        cached.cache_clear()


@pytest.fixture
def _no_cuda(_forgetful: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def _no_gsplat(_forgetful: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


@pytest.mark.usefixtures("_no_cuda")
def test_auto_says_once_that_it_draws_on_the_cpu(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="mouse_facelift.rendering")
    pictures = [scene.draw("auto") for _ in range(2)][1]
    assert caplog.messages == ["rendering: no CUDA device, using the CPU rasterizer"]
    assert all(torch.equal(a, b) for a, b in zip(pictures, scene.draw("cpu"), strict=True))
    assert device_of("auto") == torch.device("cpu")


@pytest.mark.usefixtures("_no_gsplat")
def test_auto_names_gsplat_where_only_that_is_missing(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="mouse_facelift.rendering")
    scene.draw("auto")
    assert caplog.messages == [
        "rendering: gsplat is not installed (it is in mouse-facelift[gpu]), using the CPU rasterizer"
    ]


@pytest.mark.usefixtures("_no_cuda")
def test_gsplat_without_cuda_is_refused_in_one_sentence(scene: Scene) -> None:
    with pytest.raises(ValueError, match=r'^backend "gsplat" cannot run: no CUDA device$'):
        scene.draw("gsplat")
    with pytest.raises(ValueError, match=r'^backend "gsplat" cannot run: no CUDA device$'):
        device_of("gsplat")


@pytest.mark.usefixtures("_no_gsplat")
def test_missing_gsplat_is_refused_in_one_sentence(scene: Scene) -> None:
    with pytest.raises(ValueError, match=r"cannot run: gsplat is not installed \(it is in mouse-facelift\[gpu\]\)$"):
        scene.draw("gsplat")


def test_unknown_backends_are_refused(scene: Scene) -> None:
    with pytest.raises(ValueError, match=r"backend: expected .* found 'cuda'"):
        inspect.unwrap(backends._choose)("cuda", scene.means)


@pytest.mark.parametrize("name", [*LEAVES, "Ks"])
def test_shapes_that_do_not_fit_are_refused(scene: Scene, name: str) -> None:
    tensor = getattr(scene, name)
    wide = torch.cat([tensor, tensor[..., :1]], dim=-1)
    with pytest.raises(ValueError, match=rf"^{name}: expected shape \(.*\), found \({wide.shape[0]}"):
        bare_rasterize(**vars(replace(scene, **{name: wide})), backend="cpu")
    long = torch.cat([tensor, tensor[:1]])
    blamed = {"means": "quats", "viewmats": "Ks"}.get(name) or name  # the first of a kind says how many there are
    with pytest.raises(ValueError, match=rf"^{blamed}: expected shape"):
        bare_rasterize(**vars(replace(scene, **{name: long})), backend="cpu")


@pytest.mark.parametrize("name", [*LEAVES[1:], "Ks"])
def test_mixed_precision_is_refused(scene: Scene, name: str) -> None:
    mixed = replace(scene, **{name: getattr(scene, name).double()})
    with pytest.raises(ValueError, match=rf"^{name}: expected torch.float32 like means, found torch.float64$"):
        bare_rasterize(**vars(mixed), backend="cpu")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64], ids=str)
def test_other_numbers_than_float32_and_float64_are_refused(scene: Scene, dtype: torch.dtype) -> None:
    with pytest.raises(ValueError, match=f"^means: expected float32 or float64, found {dtype}$"):
        bare_rasterize(**vars(scene.to(dtype)), backend="cpu")


def test_tensors_on_two_devices_are_refused(scene: Scene) -> None:
    with pytest.raises(ValueError, match=r"^colors: expected a tensor on cpu like means, found meta$"):
        bare_rasterize(**vars(replace(scene, colors=scene.colors.to("meta"))), backend="cpu")


@pytest.mark.parametrize("name", ["viewmats", "Ks", "backgrounds"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_cameras_and_backgrounds_must_be_finite(scene: Scene, name: str, value: float) -> None:
    spoiled = getattr(scene, name).clone()
    spoiled.view(-1)[1] = value
    with pytest.raises(ValueError, match=f"^{name}: expected finite numbers"):
        replace(scene, **{name: spoiled}).draw()


def test_intrinsics_have_no_gradient(scene: Scene) -> None:
    with pytest.raises(ValueError, match=r"^Ks: not differentiable, but requires_grad is set$"):
        replace(scene, Ks=scene.Ks.requires_grad_()).draw()


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"near_plane": 0.0}, "near_plane, far_plane"),
        ({"near_plane": 2.0, "far_plane": 1.0}, "near_plane, far_plane"),
        ({"far_plane": float("nan")}, "near_plane, far_plane"),
        ({"eps2d": -0.1}, "eps2d"),
        ({"eps2d": float("nan")}, "eps2d"),
    ],
)
def test_limits_out_of_range_are_refused(scene: Scene, limits: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=f"^{words}: expected"):
        rasterize(**vars(scene), **limits, backend="cpu")


def test_focal_lengths_are_positive(scene: Scene) -> None:
    scene.Ks[0, 1, 1] = 0.0
    with pytest.raises(ValueError, match=r"^Ks: expected focal lengths above 0"):
        scene.draw()


@pytest.mark.parametrize(("width", "height"), [(0, 4), (4, 0), (-1, 4)])
def test_pictures_have_pixels(scene: Scene, width: int, height: int) -> None:
    with pytest.raises(ValueError, match=f"^width, height: expected at least 1 pixel, found {width} x {height}$"):
        replace(scene, width=width, height=height).draw()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.skipif(importlib.util.find_spec("gsplat") is None, reason="gsplat is not installed")
@pytest.mark.parametrize("seed", range(5))
def test_gsplat_and_the_cpu_draw_the_same(seed: int) -> None:
    """Its twin without a GPU is test_oracle.py; scenes where float32 rounding could decide are left out as there."""
    candidates = (random_scene(1000 * seed + i, gaussians=30, width=37, height=29, size=0.15) for i in range(1000))
    rounded = (scene.to(torch.float32) for scene in candidates)
    scene = next(scene for scene in rounded if scene.to(torch.float64).draw_densely().margin > 1e-5)
    here, there = scene.differentiable(), scene.differentiable()
    pictures, theirs = here.draw("cpu"), there.draw("gsplat")
    for name, found, expected in zip(("rgb", "alpha", "depth"), pictures, theirs, strict=True):
        assert found.device == expected.device
        torch.testing.assert_close(found, expected, rtol=0, atol=5e-4, msg=lambda text, name=name: f"{name}: {text}")
    expected_gradients = there.gradients(theirs)
    for name, found in here.gradients(pictures).items():
        scale = expected_gradients[name].abs().max()
        torch.testing.assert_close(found / scale, expected_gradients[name] / scale, rtol=0, atol=5e-3, msg=name)


def test_threads_stay_as_asked_when_numba_starts_its_own() -> None:
    """Numba's start resets torch's number, and more threads change the last bits of a training."""
    program = (
        "import torch; (torch.ones(300, 300) @ torch.ones(300, 300)).sum()\n"
        "from mouse_facelift.rendering.backends import use_threads\n"
        "use_threads(1)\n"
        "import numba; print(torch.get_num_threads(), numba.get_num_threads())\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "NUMBA_NUM_THREADS": "2"}
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert told.split() == ["1", "1"]
