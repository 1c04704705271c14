"""Time the GS-LRM network on a CPU beside the same network in plain PyTorch (`bench/network_peer.py`).

Goal: never slower than the peer, forward and in a training step, at a small and a middle size, in float32 and bfloat16.

A training step is the forward pass, the mean squares of all fields of the Gaussians as a loss, the backward pass and
AdamW: the project's own optimizer and torch's default one. Nothing is rendered. Both have the same weights, and before
timing they must agree in their Gaussians, for steps in gradients too. They take turns in one process, warm, with 2
threads, as often as `--seconds` for each row allow and at least twice. Told are the least time of each, and ratios, the
peer over the project: of the least times, the median over pairs of turns, and of the least processor times. The last is
what counts on a machine with other work, if threads that wait do not spin:

    OMP_WAIT_POLICY=PASSIVE python -m bench.network --sizes small --seconds 15
    OMP_WAIT_POLICY=PASSIVE python -m bench.network --sizes middle --precisions bfloat16 --passes step --seconds 100
    OMP_WAIT_POLICY=PASSIVE python -m bench.network --sizes small --gains
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import AdamW, Optimizer

from bench.network_peer import plain_copy
from bench.network_scenes import SIZES, posed_views
from bench.turns import Call, take_turns, told
from mouse_facelift.gslrm import attention, fresh_gslrm
from mouse_facelift.rendering.backends import use_threads
from mouse_facelift.training.update import adamw

THREADS = 2
LEARNING_RATE, WEIGHT_DECAY, BETAS = 1e-4, 0.05, (0.9, 0.95)
FIELDS = ("means", "log_scales", "quats", "opacity_logits", "sh")
# Largest difference, as a share of the norm of what is compared. At the small size rounding made 3e-7 and 5e-4, in
# gradients 2e-7 and 1e-3.
OUTPUTS_ALIKE = {"float32": 1e-5, "bfloat16": 5e-3}
GRADIENTS_ALIKE = {"float32": 1e-5, "bfloat16": 1e-2}

Precision = Literal["float32", "bfloat16"]
Optimize = Callable[[nn.Module], Optimizer]


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the GS-LRM network.")
    parser.add_argument("--sizes", nargs="+", choices=("tiny", "small", "middle"), default=["small", "middle"])
    parser.add_argument("--passes", nargs="+", choices=("forward", "step"), default=["forward", "step"])
    parser.add_argument("--precisions", nargs="+", choices=("float32", "bfloat16"), default=["float32", "bfloat16"])
    parser.add_argument("--batch", type=int, default=1, help="samples of six views")
    parser.add_argument("--seconds", type=float, default=15.0, help="for each row")
    parser.add_argument("--gains", action="store_true", help="the project with a part as the peer has it")
    arguments = parser.parse_args()
    use_threads(THREADS)
    print(f"torch {torch.__version__}, {THREADS} threads, batch {arguments.batch}", flush=True)
    print("| size | pass | precision | turns | least ms | ratios: least, median, processor time |")
    print("|---|---|---|---|---|---|", flush=True)
    for size in arguments.sizes:
        for kind in arguments.passes:
            for precision in arguments.precisions:
                rivals = _rivals(size, arguments.batch, kind, precision, arguments.gains)
                print(f"| {size} | {kind} | {precision} | {told(take_turns(rivals, arguments.seconds))} |", flush=True)


def _rivals(size: str, batch: int, kind: str, precision: Precision, gains: bool) -> dict[str, Call]:
    """What takes turns: the project first."""
    config = SIZES[size].config
    views = posed_views(batch, SIZES[size].picture)
    project = partial(fresh_gslrm, config, seed=0)
    peer = partial(plain_copy, project().state_dict(), config)
    _require_alike(project(), peer(), views, precision, gradients=kind == "step")

    def called(model: nn.Module, optimize: Optimize = _own_adamw) -> Call:
        if kind == "forward":
            return partial(_forward, model, views, precision)
        return partial(_step, model, optimize(model), views, precision)

    if not gains:
        return {"project": called(project()), "peer": called(peer(), _plain_adamw)}
    rivals = {
        "project": called(project()),
        "project again": called(project()),  # how far apart equals come out
        "plain ends": called(_with_blocks_of(project(), peer())),
        "plain blocks": called(_with_blocks_of(peer(), project())),
        "library's attention": _with_library_attention(called(project())),
    }
    return rivals if kind == "forward" else {**rivals, "fused AdamW": called(project(), _fused_adamw)}


def _with_blocks_of(blocks: nn.Module, ends: nn.Module) -> nn.Module:
    """Rays, embedding and decoding of one network around the transformer blocks of the other."""
    ends.transformer_layers = blocks.transformer_layers
    return ends


def _own_adamw(model: nn.Module) -> Optimizer:
    return adamw(model, LEARNING_RATE, WEIGHT_DECAY, BETAS)


def _plain_adamw(model: nn.Module, fused: bool | None = None) -> Optimizer:
    return AdamW(model.parameters(), lr=LEARNING_RATE, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=fused)


def _fused_adamw(model: nn.Module) -> Optimizer:
    return _plain_adamw(model, fused=True)


def _predict(model: nn.Module, views: dict[str, Tensor], precision: Precision) -> dict[str, Tensor]:
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        gaussians = model(**views)
    return gaussians if isinstance(gaussians, dict) else {name: getattr(gaussians, name) for name in FIELDS}


@torch.no_grad()
def _forward(model: nn.Module, views: dict[str, Tensor], precision: Precision) -> dict[str, Tensor]:
    return _predict(model, views, precision)


def _backward(model: nn.Module, views: dict[str, Tensor], precision: Precision) -> None:
    gaussians = _predict(model, views, precision)
    torch.stack([gaussians[name].square().mean() for name in FIELDS]).sum().backward()


def _step(model: nn.Module, optimizer: Optimizer, views: dict[str, Tensor], precision: Precision) -> None:
    optimizer.zero_grad(set_to_none=True)
    _backward(model, views, precision)
    optimizer.step()


def _with_library_attention(call: Call) -> Call:
    """The call with attention on what comes from the linear layer, as it comes."""

    @contextmanager
    def plainly() -> Iterator[None]:
        own, attention.attend = attention.attend, functional.scaled_dot_product_attention
        try:
            yield
        finally:
            attention.attend = own

    def changed() -> object:
        with plainly():
            return call()

    return changed


def _require_alike(
    own: nn.Module, peer: nn.Module, views: dict[str, Tensor], precision: Precision, gradients: bool
) -> None:
    found, expected = (_forward(model, views, precision) for model in (own, peer))
    for name in FIELDS:
        apart = _apart(found[name], expected[name])
        assert apart < OUTPUTS_ALIKE[precision], f"{name}: project and peer differ by {apart:.1e} of its norm"
    if gradients:
        apart = _apart(*(_gradient(model, views, precision) for model in (own, peer)))
        assert apart < GRADIENTS_ALIKE[precision], f"gradients: project and peer differ by {apart:.1e} of their norm"


def _gradient(model: nn.Module, views: dict[str, Tensor], precision: Precision) -> Tensor:
    _backward(model, views, precision)
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def _apart(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


if __name__ == "__main__":
    main()
