"""Gaussians as .ply files that viewers of 3D Gaussian splatting open.

The layout is FaceLift's: that of 3D Gaussian splatting without normals, and with 8-bit colors for viewers of plain
points. It is written here because no library writes these 62 properties, in this order.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from mouse_facelift.formats.licensed import LicensedWeights
from mouse_facelift.formats.whole import whole_file
from mouse_facelift.geometry.gaussians import SH_BAND_0, Gaussians

_FIELDS = {
    "xyz": ("x", "y", "z"),
    "rgb": ("red", "green", "blue"),
    "color": tuple(f"f_dc_{i}" for i in range(3)),
    "rest": tuple(f"f_rest_{i}" for i in range(45)),
    "opacity": ("opacity",),
    "scale": tuple(f"scale_{i}" for i in range(3)),
    "rotation": tuple(f"rot_{i}" for i in range(4)),
}
_VERTEX = np.dtype([(field, "u1" if key == "rgb" else "<f4") for key, names in _FIELDS.items() for field in names])
_NUMPY_TYPES = {"float": "<f4", "float32": "<f4", "uchar": "u1", "uint8": "u1"}
_HEADER_LIMIT = 65536  # bytes; ours needs 1533, and some hundred for each of the weights behind it
_DIGITS = 12  # of a count


def write_ply(path: Path, gaussians: Gaussians, origins: Sequence[LicensedWeights] = ()) -> None:
    """Write one scene: log-scales, opacity logits and quaternions as they are, in the scene's axes and units.

    Weights behind it stand in comments of the header, a line each: checksum and license.

    Raises:
        ValueError: a batch of scenes, a color that depends on the direction of view, a number that is not finite.
    """
    if gaussians.means.ndim != 2 or gaussians.sh.shape[-2] != 1:
        raise ValueError(
            f"{path}: takes one scene with one color coefficient,"
            f" not means {list(gaussians.means.shape)} with sh {list(gaussians.sh.shape)}"
        )
    values = {
        "xyz": _float32(gaussians.means),
        "color": _float32(gaussians.sh[:, 0]),
        "opacity": _float32(gaussians.opacity_logits[:, None]),
        "scale": _float32(gaussians.log_scales),
        "rotation": _float32(gaussians.quats),
    }
    for key, columns in values.items():
        if not (finite := np.isfinite(columns).all(axis=1)).all():
            raise ValueError(f"{path}: {key} is not finite in {int((~finite).sum())} of {len(finite)} Gaussians")
    vertices = np.zeros(len(gaussians), dtype=_VERTEX)
    for key, columns in (values | {"rgb": _bytes(values["color"])}).items():
        for i, field in enumerate(_FIELDS[key]):
            vertices[field] = columns[:, i]
    with whole_file(path) as partial, partial.open("wb") as file:
        file.write(_header(len(vertices), origins))
        file.write(vertices.tobytes())


def read_ply(path: Path) -> Gaussians:
    """Read one scene, in float32, from a file of 3D Gaussian splatting; properties beyond the Gaussian's are left out.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no binary little-endian .ply, a property is missing, the size does not fit, a number is not
            finite, or a color depends on the direction of view.
    """
    with path.open("rb") as file:
        head, end, _ = file.read(_HEADER_LIMIT).partition(b"end_header\n")
        if not end:
            raise ValueError(f"{path}: not a .ply file: no end_header in its first {_HEADER_LIMIT} bytes")
        count, vertex = _parse_header(path, head.decode("ascii", errors="replace").split("\n"))
        file.seek(len(head) + len(end))
        content = file.read()
    if len(content) != count * vertex.itemsize:
        raise ValueError(
            f"{path}: {count} Gaussians of {vertex.itemsize} bytes need {count * vertex.itemsize},"
            f" found {len(content)} after the header"
        )
    vertices = np.frombuffer(content, dtype=vertex)
    for field in _FIELDS["rest"]:
        if field in (vertex.names or ()) and vertices[field].any():
            raise ValueError(f"{path}: {field} is not 0: colors that depend on the direction of view are not supported")
    means, color, opacity, scale, rotation = (
        torch.from_numpy(np.stack([vertices[field] for field in _FIELDS[key]], axis=-1).astype(np.float32))
        for key in ("xyz", "color", "opacity", "scale", "rotation")
    )
    finite = torch.stack([part.isfinite().all(dim=-1) for part in (means, color, opacity, scale, rotation)]).all(dim=0)
    if not bool(finite.all()):
        raise ValueError(f"{path}: numbers of {int((~finite).sum())} of {count} Gaussians are not finite")
    return Gaussians(means=means, log_scales=scale, quats=rotation, opacity_logits=opacity[:, 0], sh=color[:, None, :])


def _header(count: int, origins: Sequence[LicensedWeights]) -> bytes:
    types = {np.dtype("u1"): "uchar", np.dtype("<f4"): "float"}
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        *(f"comment weights sha256 {one.sha256} license {one.license}" for one in origins),
        f"element vertex {count}",
        *(f"property {types[_VERTEX[field]]} {field}" for field in _VERTEX.names or ()),
        "end_header",
    ]
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def _parse_header(path: Path, lines: list[str]) -> tuple[int, np.dtype[np.void]]:
    if lines[:2] != ["ply", "format binary_little_endian 1.0"]:
        raise ValueError(f"{path}: starts with {lines[:2]}, expected a .ply file in format binary_little_endian 1.0")
    counts: list[int] = []
    fields: list[tuple[str, str]] = []
    for line in lines[2:]:
        match line.split():
            case ["element", "vertex", count] if count.isdecimal() and len(count) <= _DIGITS and not counts:
                counts.append(int(count))
            case ["property", kind, name] if kind in _NUMPY_TYPES and counts:
                fields.append((name, _NUMPY_TYPES[kind]))
            case [] | ["comment", *_]:
                pass
            case _:
                raise ValueError(f"{path}: {line[:80]!r} in the header is not of a file of Gaussians")
    names = [name for name, _ in fields]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{path}: properties {sorted(twice)} are there twice")
    needed = {field for key in ("xyz", "color", "opacity", "scale", "rotation") for field in _FIELDS[key]}
    if missing := needed - set(names):
        raise ValueError(f"{path}: no property {sorted(missing)} of Gaussians; found {names}")
    return counts[0], np.dtype(fields)


def _float32(columns: Float[Tensor, "gaussian value"]) -> Float[np.ndarray, "gaussian value"]:
    return columns.detach().to("cpu", torch.float32).numpy()


def _bytes(color: Float[np.ndarray, "gaussian 3"]) -> UInt8[np.ndarray, "gaussian 3"]:
    return np.clip(255 * (SH_BAND_0 * color + 0.5), 0, 255).astype(np.uint8)
