"""Files that somebody made to do harm, or that a program filled with nonsense, for the readers they are meant for."""

import gzip
import json
import math
import struct
import zlib
from collections.abc import Iterator

import torch

from mouse_facelift.geometry.calibration import Calibration
from tests.faults.damage import Damaged, claimed_arrays, zip_bomb
from tests.faults.readers import CAMERAS
from tests.unit.capture import lab_files
from tests.unit.capture.test_calibration_formats import LENS

BILLION_LAUGHS = "\n".join(
    ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    + ["captures: *a11", ""]
)
MERGED = "\n".join(
    ["a0: &a0 {x: 1, y: 2}"] + [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 12)] + [""]
)


def _png(width: int, height: int, packed: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def _safetensors(header: str, data: bytes = bytes(64)) -> bytes:
    return struct.pack("<Q", len(header)) + header.encode() + data


def _arrays(name: str) -> dict[str, bytes]:
    return {
        "a shape beyond all memory": claimed_arrays("(1000000000000,)", name=name),
        "a shape beyond all numbers": claimed_arrays(f"({10**30},)", name=name),
        "a negative shape": claimed_arrays("(-3,)", name=name),
        "a header that is code": claimed_arrays("__import__('os').system('touch {marker}')", name=name),
        "a zip bomb": zip_bomb(f"{name}.npy", 3_999_999_999),
        "another array alone": claimed_arrays("(2,)", name="other", content=bytes(8)),
    }


def _frames(change: dict[str, object]) -> bytes:
    frame: dict[str, object] = {"w": 32, "h": 32, "fx": 30.0, "fy": 30.0, "cx": 16.0, "cy": 16.0}
    frame |= {"w2c": torch.eye(4).tolist(), "file_path": "images/cam_000.png"}
    return json.dumps({"id": "s", "frames": [frame | change]}).encode()


def hostile_files(reader: str, whole: bytes) -> Iterator[Damaged]:
    """Files that a reader must refuse; `{marker}` stands in them for what they would make."""
    yield from (Damaged(how, content, "be refused") for how, content in _known(reader, whole).items())


def _known(reader: str, whole: bytes) -> dict[str, bytes]:
    match reader:
        case "renderings" | "drawn pictures":
            return _arrays("rgb")
        case "depths" | "surface":
            return _arrays({"depths": "depths", "surface": "points"}[reader])
        case "animal" | "mask pack":
            return _arrays("frames")
        case "pack":
            return _arrays("images")
        case "picture":
            return {
                "a picture beyond all memory": _png(60000, 60000, zlib.compress(bytes(1000))),
                "a picture of no size": _png(0, 0, zlib.compress(b"")),
                "a picture of 2^31 px a side": _png(2**31 - 1, 2**31 - 1, zlib.compress(b"")),
            }
        case "spz":
            zeros = gzip.compress(bytes(16_000_000), mtime=0)
            head = struct.pack("<IIIBBBB", 0x5053474E, 3, 2_000_000_000, 0, 12, 0, 0)
            return {
                "a gzip bomb": zeros * 500,
                "a gzip bomb with a head": gzip.compress(head + bytes(16_000_000), mtime=0) + zeros * 500,
                "a claim of 4 billion Gaussians": gzip.compress(head, mtime=0),
            }
        case "ply":
            head = whole.partition(b"element vertex ")[0]
            rest = whole.partition(b"element vertex ")[2].partition(b"\n")[2]
            content = whole.index(b"end_header\n") + len(b"end_header\n")
            nan = struct.pack("<f", math.nan)
            return {
                "a count of 5000 digits": head + b"element vertex " + b"9" * 5000 + b"\n" + rest,
                "a count beyond all memory": head + b"element vertex 99999999999999\n" + rest,
                "a center that is NaN": whole[:content] + nan + whole[content + 4 :],
            }
        case "recipe":
            deep = json.dumps("[" * 50_000)
            return {
                "a header beyond the file": struct.pack("<Q", 2**60) + whole[8:],
                "offsets beyond the file": _safetensors('{"a":{"dtype":"F32","shape":[1000],"data_offsets":[0,4000]}}'),
                "a shape beyond all numbers": _safetensors(
                    '{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,64]}}'
                ),
                "an unknown type": _safetensors('{"a":{"dtype":"F7","shape":[16],"data_offsets":[0,64]}}'),
                "a type that torch may lack": _safetensors(
                    '{"a":{"dtype":"F8_E8M0","shape":[64],"data_offsets":[0,64]}}'
                ),
                "a recipe nested too deeply": _safetensors(f'{{"__metadata__":{{"tiny":{deep}}}}}', b""),
            }
        case "plain .pt" | "network .pt" | "training state" | "prompts":
            return {"a zip bomb": zip_bomb("archive/data.pkl", 3_999_999_999)}
        case "configuration":
            return _configurations(whole)
        case "sample folder" if whole.startswith(b"{"):
            return _sample_folders()
        case "sample table" if b'"samples"' in whole:
            table = json.loads(whole)
            return {
                "a view that is not there": json.dumps(
                    table | {"samples": [table["samples"][0] | {"views": [0, 99]}]}
                ).encode(),
                "a folder that is a number": json.dumps(
                    table | {"samples": [table["samples"][0] | {"folder": 7}]}
                ).encode(),
                "a radius that is NaN": whole.replace(b'"subject_radius":', b'"subject_radius": NaN, "x":', 1),
            }
        case "network" if whole.startswith(b"{"):
            content = json.loads(whole)
            deep = content | {"transformer": content["transformer"] | {"n_layer": 10**9}}
            wide = content | {"transformer": content["transformer"] | {"d": 10**12, "d_head": 10**12}}
            return {
                "a billion layers": json.dumps(deep).encode(),
                "a width beyond all numbers": json.dumps(wide).encode(),
                "words for numbers": json.dumps(content | {"num_views": "six"}).encode(),
            }
        case "pipeckpts" if whole.startswith(b"{"):
            return {f"{key}: {value!r}"[:60]: content for key, value, content in _changed_numbers(whole)}
        case "scores" | "true scores":
            lines = whole.split(b"\n")
            return {
                "a number that is a word": b"\n".join([lines[0], lines[1].replace(b"0.", b"zero.", 1), *lines[2:]]),
                "a count of 30 digits": _with_huge_turn(lines),
                "rows longer than the first": b"\n".join([lines[0], lines[1] + b",1,2", *lines[2:]]),
            }
    return {}


def _configurations(whole: bytes) -> dict[str, bytes]:
    text = whole.decode()
    focal = next(line for line in text.splitlines() if line.startswith("  focal:"))
    return {
        "billion laughs": BILLION_LAUGHS.encode(),
        "billion laughs at the end": whole + BILLION_LAUGHS.replace("captures:", "more:").encode(),
        "merged keys without end": MERGED.encode(),
        "an anchor within itself": whole + b"more: &more [*more]\n",
        "nested lists without end": b"a: " + b"[" * 100_000,
        "nested tables without end": b"".join(b" " * n + b"a:\n" for n in range(3000)),
        "repeated keys": whole + b"captures: {}\n",
        "an object that runs": whole + b"more: !!python/object/apply:os.system ['touch {marker}']\n",
        "a moment that is none": whole + b"more: 2026-99-99\n",
        "an empty number": whole + b"more: !!int ''\n",
        "a yes that is none": whole + b"more: !!bool perhaps\n",
        "a time that is none": whole + b"more: !!timestamp soon\n",
        "a focal length that is NaN": text.replace(focal, "  focal: .nan").encode(),
        "a focal length that is infinite": text.replace(focal, "  focal: .inf").encode(),
        "a focal length of 5000 digits": text.replace(focal, "  focal: " + "9" * 5000).encode(),
        "a key that is a list": whole + b"? [a, b]\n: 1\n",
    }


def _sample_folders() -> dict[str, bytes]:
    eye = torch.eye(4).tolist()
    return {
        "a focal length that is NaN": _frames({"fx": math.nan}),
        "a focal length beyond all numbers": _frames({"fx": 10**400}),
        "a focal length that is a word": _frames({"fx": "long"}),
        "a width that is a list": _frames({"w": [32]}),
        "a pose with a short row": _frames({"w2c": [eye[0][:3], *eye[1:]]}),
        "a pose that is a word": _frames({"w2c": "eye"}),
        "a pose with infinity": _frames({"w2c": [[1, 0, 0, math.inf], *eye[1:]]}),
        "a picture that is a number": _frames({"file_path": 7}),
        "a picture that is a folder": _frames({"file_path": "images"}),
        "a frame that is a number": b'{"id": "s", "frames": [7]}',
        "frames without end": b'{"frames": ' + b"[" * 50_000,
    }


def _changed_numbers(whole: bytes) -> Iterator[tuple[str, object, bytes]]:
    """A configuration with one number at a time far too large, or a word."""
    content = json.loads(whole)
    keys = [key for key, value in content.items() if type(value) is int and not key.startswith("_")]
    for key in sorted(keys, key=lambda key: "layers" not in key)[:3]:
        for value in (10**9, "many"):
            yield key, value, json.dumps(content | {key: value}).encode()


def _with_huge_turn(lines: list[bytes]) -> bytes:
    place = lines[0].split(b",").index(b"turn")
    row = lines[1].split(b",")
    row[place] = b"9" * 30
    return b"\n".join([lines[0], b",".join(row), *lines[2:]])


def nonsense_rigs() -> Iterator[tuple[str, Calibration]]:
    """Cameras with a number that no camera has."""
    for word, number in (("NaN", math.nan), ("infinity", math.inf), ("1e300", 1e300)):
        for field in ("focal length", "place"):
            rig = lab_files.make_rig(CAMERAS, LENS)
            if field == "focal length":
                rig.intrinsics[1, 0, 0] = number
            else:
                rig.world_to_camera[1, 0, 3] = number
            yield f"a {field} of {word}", rig
