"""Time GS-LRM at the released size on a GPU: 24 layers, 1024 wide, six views of 512 px, bfloat16; random weights.

Timed are the forward pass without gradients, and what a training step is without its optimizer: forward, gsplat's
renderings of `--targets` other views, mean squared error, backward. Beside the project stand the same network in plain
PyTorch (`bench/network_peer.py`), and the project with its blocks computed again on the way back. Each goes alone and
warm; told are its least time and the peak of the device's memory, weights and gradients included.

    python -m bench.released_network                            # needs a CUDA device and gsplat
    python -m bench.released_network --tiny                     # the same path, tiny, on a CPU: says nothing of speed
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from bench.network_peer import plain_copy
from bench.network_scenes import SIZES, NetworkSize, posed_views, ring
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.gslrm import fresh_gslrm
from mouse_facelift.rendering.backends import device_of, use_threads
from mouse_facelift.rendering.render import Backend, render

THREADS = 2
TARGET_TURN = 0.37  # rad, so that no target view is an input view
PROJECT, PEER, AGAIN = "project", "peer", "project, blocks computed again"


def main() -> None:
    parser = argparse.ArgumentParser(description="Time GS-LRM at the released size on a GPU.")
    parser.add_argument("--tiny", action="store_true", help="a tiny network on the CPU, to see that the program runs")
    parser.add_argument("--targets", type=int, default=4, help="views rendered")
    parser.add_argument("--repetitions", type=int, default=5)
    arguments = parser.parse_args()
    use_threads(THREADS)
    backend: Backend = "cpu" if arguments.tiny else "gsplat"
    try:
        device = device_of(backend)
    except ValueError as error:
        sys.exit(f"nothing was timed: {error}; --tiny runs the same path with a tiny network on the CPU")
    size = SIZES["tiny" if arguments.tiny else "released"]
    views = {name: value.to(device) for name, value in posed_views(1, size.picture).items()}
    targets = ring(arguments.targets, size.picture, TARGET_TURN)
    learn = partial(_forward_render_backward, views=views, targets=targets, backend=backend)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"{name}, torch {torch.__version__}, bfloat16, least of {arguments.repetitions} repetitions")
    print(f"{size.layers} layers, {size.width} wide, six views of {size.picture} px, {arguments.targets} rendered")
    print("| pass | network | ms | peak memory, GB |\n|---|---|---|---|", flush=True)
    for network in (PROJECT, PEER):
        print(f"| forward | {network} | {_told(network, size, partial(_forward, views=views), arguments, device)} |")
    for network in (PROJECT, PEER, AGAIN):
        told = _told(network, size, learn, arguments, device)
        print(f"| forward, render, backward | {network} | {told} |", flush=True)


@torch.no_grad()
def _forward(model: nn.Module, views: dict[str, Tensor]) -> None:
    _predict(model, views)


def _forward_render_backward(model: nn.Module, views: dict[str, Tensor], targets: Cameras, backend: Backend) -> None:
    model.zero_grad(set_to_none=True)
    rgb = render(_predict(model, views)[0], targets, backend).rgb
    (rgb - 0.5).square().mean().backward()


def _predict(model: nn.Module, views: dict[str, Tensor]) -> Gaussians:
    with torch.autocast(views["images"].device.type, torch.bfloat16):
        predicted = model(**views)
    return Gaussians(**predicted) if isinstance(predicted, dict) else predicted


def _told(
    network: str,
    size: NetworkSize,
    timed: Callable[[nn.Module], None],
    arguments: argparse.Namespace,
    device: torch.device,
) -> str:
    """Least time and peak memory, as cells of a table."""
    own = fresh_gslrm(size.config, seed=0, checkpoint_activations=network == AGAIN)
    model = (plain_copy(own.state_dict(), size.config) if network == PEER else own).to(device)
    del own
    if device.type == "cpu":
        return f"{1000 * min(_seconds(timed, model, arguments.repetitions)):.1f} | not measured"
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    try:
        least = min(_seconds(timed, model, arguments.repetitions))
    except torch.cuda.OutOfMemoryError:
        total = torch.cuda.get_device_properties(device).total_memory
        return f"did not fit | more than {total / 1e9:.0f}"
    return f"{1000 * least:.1f} | {torch.cuda.max_memory_allocated(device) / 1e9:.1f}"


def _seconds(timed: Callable[[nn.Module], None], model: nn.Module, repetitions: int) -> list[float]:
    timed(model)  # warm
    taken = []
    for _ in range(repetitions):
        _wait()
        start = time.perf_counter()
        timed(model)
        _wait()
        taken.append(time.perf_counter() - start)
    return taken


def _wait() -> None:
    """Until the device has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
