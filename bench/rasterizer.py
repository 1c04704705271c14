"""Time the CPU rasterizer beside its peer in vectorized torch and, where there is one, a C++ yardstick.

Goals, for whole calls on 2 threads, forward and with gradients alike:
- at least 20 times as fast as the peer on scene a, at least 12 times on a_init and b;
- at most 1.2 times as slow as the yardstick;
- at most 200 MB of memory beyond the scene at b.

All take turns in one process, warm, and the least time of each counts: what else the machine does only adds. Memory is
the peak of a fresh process that a smaller call has warmed, beyond what it held before (Linux).

    python -m bench.rasterizer --scenes a a_init b --repetitions 5
"""

import argparse
import ctypes
import importlib.util
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from bench.rasterizer_peer import rasterize_with_torch
from bench.rasterizer_scenes import RECIPES, build_scene
from mouse_facelift.rendering import rasterize
from mouse_facelift.rendering.backends import use_threads

REPOSITORY = Path(__file__).resolve().parents[1]
THREADS = 2
LEAVES = ("means", "quats", "scales", "opacities", "colors")
MEMORY_SCENE = "b"

Pictures = tuple[Tensor, Tensor, Tensor]
Draw = Callable[..., Pictures]


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the CPU rasterizer.")
    parser.add_argument("--scenes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--yardstick", type=Path, default=REPOSITORY.parent / "shared" / "prototypes" / "rasterizer")
    parser.add_argument("--memory-of", help="print the extra memory of one rasterizer at scene b, and nothing else")
    arguments = parser.parse_args()
    use_threads(THREADS)
    if arguments.memory_of:
        print(json.dumps(_extra_megabytes(_rasterizers(arguments.yardstick)[arguments.memory_of])))
        return
    rasterizers = _rasterizers(arguments.yardstick)
    print(f"torch {torch.__version__}, {THREADS} threads, minima over {arguments.repetitions} repetitions", flush=True)
    print("| scene | gradients | " + " | ".join(f"{name} ms" for name in rasterizers) + " | ratios |")
    print("|---" * (len(rasterizers) + 3) + "|")
    for scene in arguments.scenes:
        for gradients in (False, True):
            milliseconds = _least_milliseconds(rasterizers, scene, gradients, arguments.repetitions)
            ratios = [f"peer / project {milliseconds['peer'] / milliseconds['project']:.1f}"]
            if "yardstick" in milliseconds:
                ratios.append(f"project / yardstick {milliseconds['project'] / milliseconds['yardstick']:.2f}")
            times = " | ".join(f"{value:.1f}" for value in milliseconds.values())
            print(f"| {scene} | {'yes' if gradients else 'no'} | {times} | {', '.join(ratios)} |", flush=True)
    for name in rasterizers:
        command = [sys.executable, "-m", "bench.rasterizer", "--memory-of", name]
        command += ["--yardstick", str(arguments.yardstick)]
        fresh = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
        print(f"extra memory at {MEMORY_SCENE}, with gradients, {name}: {float(fresh.stdout.split()[-1]):.0f} MB")


def _rasterizers(yardstick: Path) -> dict[str, Draw]:
    def project(**scene: Tensor | int) -> Pictures:
        return rasterize(**scene, backend="cpu")

    rasterizers: dict[str, Draw] = {"project": project, "peer": rasterize_with_torch}
    source = yardstick / "cpp_ras.py"
    if not source.is_file():
        print(f"no yardstick: {source} is missing", file=sys.stderr)
    elif missing := [tool for tool in ("c++", "ninja") if shutil.which(tool) is None]:
        print(f"no yardstick: {', '.join(missing)} missing", file=sys.stderr)
    else:
        spec = importlib.util.spec_from_file_location("rasterizer_yardstick", source)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)

        def drawn_in_cpp(width: int, height: int, opacities: Tensor, **scene: Tensor) -> Pictures:
            pictures: Pictures = module.rasterize(W=width, H=height, opac=opacities, **scene)
            return pictures

        rasterizers["yardstick"] = drawn_in_cpp
    return rasterizers


def _least_milliseconds(rasterizers: dict[str, Draw], name: str, gradients: bool, repetitions: int) -> dict[str, float]:
    scene = build_scene(name)
    pictures = {label: _call(draw, scene, gradients) for label, draw in rasterizers.items()}  # warm
    for label in pictures:
        # Float32 may decide otherwise at a few pixels, where a threshold is near.
        off = (pictures[label] - pictures["peer"]).abs().amax(dim=-1) > 1e-3
        assert off.float().mean() < 1e-3, f"{name}: {label} and the peer differ at {int(off.sum())} pixels"
    least = dict.fromkeys(rasterizers, float("inf"))
    for _ in range(repetitions):
        for label, draw in rasterizers.items():
            start = time.perf_counter()
            _call(draw, scene, gradients)
            least[label] = min(least[label], 1000 * (time.perf_counter() - start))
    return least


def _call(draw: Draw, scene: dict[str, Tensor | int], gradients: bool) -> Tensor:
    if not gradients:
        with torch.no_grad():
            return draw(**scene)[0]
    leaves = {name: scene[name].detach().requires_grad_() for name in LEAVES}
    rgb, alpha, depth = draw(**{**scene, **leaves})
    (rgb.square().sum() + alpha.sum() + depth.sum()).backward()
    return rgb.detach()


def _extra_megabytes(draw: Draw) -> float:
    warm_up = build_scene("a")
    small = {name: value[:64] if name in LEAVES else value for name, value in warm_up.items()}
    _call(draw, small, gradients=True)
    scene = build_scene(MEMORY_SCENE)
    ctypes.CDLL(None).malloc_trim(0)  # what was freed before shall not hide what is taken now
    Path("/proc/self/clear_refs").write_text("5")  # the peak is the present use again
    before = _status_megabytes("VmRSS")
    _call(draw, scene, gradients=True)
    return _status_megabytes("VmHWM") - before


def _status_megabytes(field: str) -> float:
    """A line of this process's status (proc(5)), in MB."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[field].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    main()
