"""Files as they come from broken disks, interrupted copies and people who mean harm; the same ones every time."""

import io
import os
import pickle
import random
import zipfile
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np

Must = Literal["be refused", "be refused or equal", "end"]
"""what a reader must do: say no; say no or read what was there before the damage; come to an end without a crash"""
MARKER = "{marker}"
"""stands, in what hostile files would run, for a file that must never appear"""


class Damaged(NamedTuple):
    """One file's content after something befell it."""

    how: str
    content: bytes
    must: Must


class _Runs:
    """Unpickled, it runs a command."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call[0], self.call[1:]


def hostile_pickle(marker: str, protocol: int = 2) -> bytes:
    """A pickle that makes a file when it is loaded."""
    return pickle.dumps({"model": _Runs(os.system, f"touch '{marker}'")}, protocol)


def hostile_checkpoint(marker: str) -> bytes:
    """What `torch.load` would run: a .pt whose pickle makes a file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("archive/data.pkl", hostile_pickle(marker))
        file.writestr("archive/version", "3\n")
        file.writestr("archive/byteorder", "little")
    return packed.getvalue()


def hostile_arrays(marker: str) -> bytes:
    """An .npz of objects: numpy would unpickle them."""
    packed = io.BytesIO()
    np.savez(packed, allow_pickle=True, rgb=np.array([_Runs(os.system, f"touch '{marker}'")], dtype=object))
    return packed.getvalue()


def claimed_arrays(shape: str, descr: str = "<f4", name: str = "rgb", content: bytes = b"") -> bytes:
    """An .npz whose array claims a shape that it does not hold."""
    words = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    header = words + " " * (-(len(words) + 11) % 64) + "\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr(
            f"{name}.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + content
        )
    return packed.getvalue()


def zip_bomb(name: str, claimed: int) -> bytes:
    """A small zip of one entry that claims to unpack to so many bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, bytes(1_000_000))
    content = packed.getvalue()
    told, small = (claimed & 0xFFFFFFFF).to_bytes(4, "little"), (1_000_000).to_bytes(4, "little")
    return content.replace(small, told)


def foreign_files(marker: str) -> dict[str, bytes]:
    """Whole files of kinds that hardly any reader expects, some of which would run something."""
    picture = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\xff\xff\xff\xff\xff\xff\xff\xff\x08\x02\x00\x00\x00" + bytes(40)
    return {
        "a pickle that runs": hostile_pickle(marker),
        "an old pickle that runs": hostile_pickle(marker, 0),
        "a checkpoint that runs": hostile_checkpoint(marker),
        "arrays of objects that run": hostile_arrays(marker),
        "a huge picture's head": picture,
        "nested lists": b"[" * 100_000,
        "a number of 5000 digits": b'{"a": ' + b"1" * 5000 + b"}",
        "null": b"null",
        "random bytes": random.Random(7).randbytes(3000),
        "zeros": bytes(3000),
    }


def cut(whole: bytes) -> Iterator[Damaged]:
    """Truncated: after its first byte, and at four places up to its last bytes."""
    for name, size in (("1 byte", 1), ("a quarter", len(whole) // 4), ("half", len(whole) // 2)):
        yield Damaged(f"cut to {name}", whole[:size], "be refused")
    yield Damaged("cut to nine tenths", whole[: len(whole) * 9 // 10], "be refused")
    yield Damaged("without its last 8 bytes", whole[:-8], "be refused")
    yield Damaged("empty", b"", "be refused")


def flipped(whole: bytes, must: Must, seed: int, count: int = 4) -> Iterator[Damaged]:
    """One bit turned: the first byte's, and at random places. In text the highest one, which UTF-8 has none of."""
    text = is_text(whole)
    places = [0, *sorted(random.Random(seed).sample(range(len(whole)), min(count - 1, len(whole))))]
    for place in places:
        content = bytearray(whole)
        content[place] ^= 0x80 if text else 0x10
        yield Damaged(f"bit turned in byte {place}", bytes(content), "be refused" if text else must)


def is_text(content: bytes) -> bool:
    return all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in content[:2000])


def every_damage(whole: bytes, flips: Must, seed: int, marker: str) -> Iterator[Damaged]:
    """All of the above."""
    yield from cut(whole)
    yield from flipped(whole, flips, seed)
    for how, content in foreign_files(marker).items():
        yield Damaged(f"replaced by {how}", content, "be refused")
