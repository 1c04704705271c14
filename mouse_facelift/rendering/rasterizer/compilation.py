"""How the rasterizer's kernels are compiled: once, for float32 and float64 alike, and kept on disk.

Numba compiles a kernel anew for every combination of argument types, so one source serves both precisions as long
as its constants follow the arrays: `number = means.dtype.type; half = number(0.5)`. A bare `0.5` would turn float32
arithmetic into float64.

The compiled code is kept beside the source (in the user's cache folder where that is read-only), so that only the
first process waits. Numba drops it when the kernel's own file changes, and looks at no other file: therefore a
kernel uses functions and constants of its own file alone, and takes the rest as arguments.
"""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit, typeof

F = TypeVar("F", bound=Callable[..., Any])

# All that fast math allows except "no NaN, no infinity": projection looks for these, to leave them out.
_FAST_MATH = {"nsz", "arcp", "contract", "afn", "reassoc"}


class Kernel:
    """A compiled function, of which even the process that compiles it runs what lies on disk.

    Numba optimizes the code that it keeps once more. That may change last bits between the process that compiles and
    all later ones, and a training that the first began would not go on to the same bytes. So one dispatcher compiles
    and keeps, and another reads.
    """

    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        self.__name__ = function.__name__
        self._keeper = _compile(function, parallel=True, cache=True, nogil=True, **options)
        self.reader = _compile(function, parallel=True, cache=True, nogil=True, **options)
        self._kept: set[tuple[Any, ...]] = set()

    def __call__(self, *arguments: Any) -> Any:
        signature = tuple(map(typeof, arguments))
        if signature not in self._kept:
            self._keeper.compile(signature)
            self._kept.add(signature)
        return self.reader(*arguments)


def parallel_kernel(function: Callable[..., Any]) -> Kernel:
    """Compile `function` with its `prange` loops spread over threads, and keep it on disk. Strict arithmetic."""
    return Kernel(function)


def fast_parallel_kernel(function: Callable[..., Any]) -> Kernel:
    """As `parallel_kernel`, with fast math: for loops over pixels, whose sums it makes three times faster."""
    return Kernel(function, fastmath=_FAST_MATH)


def device_function(function: F) -> F:
    """Compile `function` into the kernels of its file that call it."""
    inlined: F = _compile(function, forceinline=True)
    return inlined


def plain(function: F) -> F:
    """`function` without the shape checks that the tests wrap around it, which Numba cannot compile."""
    unwrapped: F = inspect.unwrap(function)
    return unwrapped


def _compile(function: Callable[..., Any], **options: Any) -> Any:
    # With Python's error model every division branches, and no loop with a division uses vector instructions.
    return njit(error_model="numpy", **options)(plain(function))
