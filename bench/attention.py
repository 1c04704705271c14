"""Time attention alone: the project's forms of it beside the library's, on what comes from a linear layer.

    OMP_WAIT_POLICY=PASSIVE python -m bench.attention --tokens 386 1538 6146 --seconds 10

Rivals take turns with 2 threads; what is told stands in `bench/network.py`.
"""

import argparse
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from bench.turns import Call, take_turns, told
from mouse_facelift.gslrm.attention import attend
from mouse_facelift.rendering.backends import use_threads

THREADS = 2
HEADS, HEAD_WIDTH = 6, {True: 32, False: 64}  # as in the small and the middle network
LONG = 1024  # tokens

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description="Time attention.")
    parser.add_argument("--tokens", nargs="+", type=int, default=[386, 1538, 6146])
    parser.add_argument("--seconds", type=float, default=10.0, help="for each row")
    arguments = parser.parse_args()
    use_threads(THREADS)
    print(f"torch {torch.__version__}, {THREADS} threads, {HEADS} heads")
    print("| tokens | head | precision | gradients | turns | least ms | ratios: least, median, processor time |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for tokens in arguments.tokens:
        for dtype in (torch.float32, torch.bfloat16):
            for gradients in (False, True):
                rivals = _rivals(tokens, HEAD_WIDTH[tokens < LONG], dtype, gradients)
                cells = f"{HEAD_WIDTH[tokens < LONG]} | {str(dtype).removeprefix('torch.')}"
                cells += f" | {'yes' if gradients else 'no'} | {told(take_turns(rivals, arguments.seconds))}"
                print(f"| {tokens} | {cells} |", flush=True)


def _rivals(tokens: int, head_width: int, dtype: torch.dtype, gradients: bool) -> dict[str, Call]:
    generator = torch.Generator().manual_seed(0)
    projected = torch.randn(1, tokens, 3, HEADS, head_width, generator=generator).to(dtype).requires_grad_(gradients)
    upstream = torch.randn(1, HEADS, tokens, head_width, generator=generator).to(dtype)

    def called(attention: Attention) -> Call:
        def call() -> object:
            attended = attention(*(part.transpose(1, 2) for part in projected.unbind(dim=2))).to(dtype)
            return torch.autograd.grad(attended, projected, upstream) if gradients else attended

        return call

    return {"project": called(attend), "library": called(functional.scaled_dot_product_attention)}


if __name__ == "__main__":
    main()
