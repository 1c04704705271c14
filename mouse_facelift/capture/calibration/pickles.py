"""Pickles from anywhere, read without running anything: plain containers, numbers, texts and numpy arrays.

No class or function that a pickle names is ever looked up. The few names by which numpy writes its arrays stand for
the records below; arrays are built from their bytes when all is read.
"""

import io
import math
import pickle
import pickletools
import re
import struct
from pathlib import Path

import numpy as np

_SIZE_LIMIT = 1_000_000_000  # bytes; six cameras with remap tables take a tenth of it
_DEPTH_LIMIT = 20
_MEMO_LIMIT = 1_000_000  # the unpickler makes room for as many entries as the largest index asks for
_NEVER = {"EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX"}
_KINDS = re.compile(r"[<>|=]?([fiub])([1248])")


class RefusedPickleError(ValueError):
    """The pickle wants something that is not an array or a plain container."""


class _Dtype:
    """How numpy writes the type of an array's numbers."""

    def __init__(self, code: object, *rest: object) -> None:
        self.code, self.order = code, "<"

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise RefusedPickleError(f"a type of numbers with state {str(state)[:80]}")
        self.order = state[1]

    def numpy(self) -> np.dtype:
        match = _KINDS.fullmatch(self.code) if isinstance(self.code, str) else None
        if match is None:
            raise RefusedPickleError(f"an array of {str(self.code)[:40]!r}, which is no plain number")
        return np.dtype(self.order + match[1] + match[2])


class _Array:
    """An array as `_reconstruct` begins it and its state fills it."""

    def __init__(self, *begun: object) -> None:
        self.state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state

    def numpy(self) -> np.ndarray:
        if not isinstance(self.state, tuple) or len(self.state) != 5:
            raise RefusedPickleError("an array without its content")
        _, shape, dtype, fortran, data = self.state
        return _built(shape, dtype, data, "F" if fortran else "C")


class _Buffer:
    """An array as `_frombuffer` makes it."""

    def __init__(self, data: object, dtype: object, shape: object, order: object) -> None:
        self.content = (shape, dtype, data, "F" if order == "F" else "C")

    def __setstate__(self, state: object) -> None:
        raise RefusedPickleError("a buffer with a state")

    def numpy(self) -> np.ndarray:
        return _built(*self.content)


class _Scalar:
    """One number as numpy writes it."""

    def __init__(self, dtype: object, data: object) -> None:
        self.content = dtype, data

    def __setstate__(self, state: object) -> None:
        raise RefusedPickleError("a number with a state")

    def numpy(self) -> np.ndarray:
        return _built((), *self.content, "C")


class _EncodedBytes:
    """Bytes as protocol 2 writes them: a text and its encoding."""

    def __init__(self, text: object = "", encoding: object = "latin1") -> None:
        if not isinstance(text, str) or encoding != "latin1":
            raise RefusedPickleError("bytes that are not written as latin1")
        self.data = text.encode("latin-1")

    def __setstate__(self, state: object) -> None:
        raise RefusedPickleError("bytes with a state")


_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
_STANDINS: dict[tuple[str, str], object] = {
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): "ndarray",
    ("_codecs", "encode"): _EncodedBytes,
    ("__builtin__", "bytes"): _EncodedBytes,  # none at all
    **{(module, "_reconstruct"): _Array for module in _MULTIARRAY},
    **{(module, "scalar"): _Scalar for module in _MULTIARRAY},
    **{(module, "_frombuffer"): _Buffer for module in _NUMERIC},
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in _STANDINS:
            raise RefusedPickleError(
                f"it asks for {module}.{name}; nothing but numpy arrays and plain containers is read"
            )
        return _STANDINS[module, name]

    def persistent_load(self, pid: object) -> object:
        raise RefusedPickleError("it refers to something outside of it")


def states_protocol(path: Path) -> bool:
    """Whether a file starts as pickles of protocols 2 to 5 do."""
    with path.open("rb") as file:
        head = file.read(2)
    return len(head) == 2 and head[0] == 0x80 and 2 <= head[1] <= 5


def read_pickle(path: Path) -> object:
    """Read a pickle of plain containers, numbers, texts and numpy arrays of plain numbers; nothing in it is run.

    Raises:
        ValueError: names the file, and what in it is not of these kinds, or that it is damaged.
    """
    if path.is_dir():
        raise ValueError(f"{path}: a folder, expected a file")
    if (size := path.stat().st_size) > _SIZE_LIMIT:
        raise ValueError(f"{path}: {size} bytes, more than a calibration takes ({_SIZE_LIMIT})")
    try:
        data = path.read_bytes()
        _check_opcodes(data)
        return _plain(_Unpickler(io.BytesIO(data), encoding="latin1").load(), 0)
    except RefusedPickleError as error:
        raise ValueError(f"{path}: a pickle that is refused: {error}") from error
    except (
        *(pickle.UnpicklingError, EOFError, AttributeError, TypeError, ValueError, LookupError, ArithmeticError),
        *(MemoryError, RecursionError, struct.error),
    ) as error:
        raise ValueError(f"{path}: not a pickle, or a damaged one: {type(error).__name__}: {error}") from error


def _check_opcodes(data: bytes) -> None:
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in _NEVER:
            raise RefusedPickleError(f"it makes objects ({opcode.name})")
        if opcode.name.endswith("PUT") and isinstance(argument, int) and argument > _MEMO_LIMIT:
            raise RefusedPickleError(f"it refers to its entry number {argument}")


def _plain(value: object, depth: int) -> object:
    if depth > _DEPTH_LIMIT:
        raise RefusedPickleError(f"containers within containers, more than {_DEPTH_LIMIT} deep")
    match value:
        case _Array() | _Buffer() | _Scalar():
            return value.numpy()
        case _EncodedBytes():
            return value.data
        case dict():
            return {key: _plain(item, depth + 1) for key, item in value.items() if isinstance(key, str | int)}
        case list() | tuple():
            return [_plain(item, depth + 1) for item in value]
        case None | bool() | int() | float() | str() | bytes():
            return value
    raise RefusedPickleError(f"a value of type {type(value).__name__}")


def _built(shape: object, dtype: object, data: object, order: str) -> np.ndarray:
    if isinstance(data, _EncodedBytes):
        data = data.data
    if isinstance(data, str):  # as Python 2 wrote bytes
        data = data.encode("latin-1")
    if not isinstance(dtype, _Dtype) or not isinstance(data, bytes | bytearray):
        raise RefusedPickleError("an array that does not hold plain numbers")
    if not isinstance(shape, tuple) or not all(isinstance(side, int) and side >= 0 for side in shape):
        raise RefusedPickleError(f"an array of shape {str(shape)[:80]}")
    kind = dtype.numpy()
    if len(shape) > 8 or math.prod(shape) * kind.itemsize != len(data):
        raise RefusedPickleError(f"an array of shape {shape} in {len(data)} bytes")
    flat = np.frombuffer(data, kind)
    return flat.reshape(shape, order="F") if order == "F" else flat.reshape(shape)
