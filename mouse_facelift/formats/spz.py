"""Gaussians as .spz: quantized, a fourteenth of the .ply's size, read by public viewers of splats.

Positions are kept to 1/8192 unit, logarithms of scales to 1/32 within [-10, 5.9], opacities to 1/510, colors to 1/153
of a coefficient, rotations to about 0.2 degrees. Format: github.com/nianticlabs/spz, version 3.
"""

import struct
import zlib
from pathlib import Path

import gsply
import numpy as np
import torch

from mouse_facelift.formats.whole import whole_file
from mouse_facelift.geometry.gaussians import Gaussians

REACH = 2048.0  # units: 24 bits, of which 12 are a fraction
_HEADER = struct.Struct("<IIIBBBB")  # magic, version, Gaussians, degree of harmonics, bits of a fraction, flags, rest
_BYTES = 9 + 1 + 3 + 3 + 4 + 45  # at most, of one Gaussian
_LIMIT = 100_000_000  # Gaussians
_WHEN = slice(4, 8)  # bytes of gzip's header that tell when it was written


def write_spz(path: Path, gaussians: Gaussians) -> None:
    """Write one scene in its own axes and units; equal scenes give equal bytes.

    Raises:
        ValueError: a batch of scenes, a color that depends on the direction of view, a number that is not finite, or a
            center further than 2048 units from the origin along an axis.
    """
    if gaussians.means.ndim != 2 or gaussians.sh.shape[-2] != 1:
        raise ValueError(
            f"{path}: takes one scene with one color coefficient,"
            f" not means {list(gaussians.means.shape)} with sh {list(gaussians.sh.shape)}"
        )
    scene = gaussians.detach().to("cpu", torch.float32)
    data = gsply.GSData(
        means=scene.means.numpy(),
        scales=scene.log_scales.numpy(),
        quats=scene.rotations.numpy(),
        opacities=scene.opacity_logits.numpy(),
        sh0=scene.sh[:, 0].numpy(),
        shN=np.zeros((len(scene), 0, 3), dtype=np.float32),
    )
    for key in ("means", "scales", "quats", "opacities", "sh0"):
        if not np.isfinite(getattr(data, key)).all():
            raise ValueError(f"{path}: {key}: numbers that are not finite")
    if len(scene) and (furthest := float(scene.means.abs().max())) >= REACH:
        raise ValueError(f"{path}: means: found a center at {furthest:.4g} units, expected less than {REACH:.0f}")
    with whole_file(path) as partial:
        gsply.write_spz(partial, data)
        content = bytearray(partial.read_bytes())
        content[_WHEN] = bytes(4)
        partial.write_bytes(content)


def read_spz(path: Path) -> Gaussians:
    """Read one scene, in float32; what of its colors depends on the direction of view is refused.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is no .spz file, or a color depends on the direction of view.
    """
    content = path.read_bytes()
    try:
        _require_sound_gzip(content)
        data = gsply.read_spz(path)
    except (EOFError, ValueError, OSError, zlib.error, struct.error, LookupError, MemoryError) as error:
        raise ValueError(f"{path}: not an .spz file that can be read ({len(content)} bytes): {error}") from error
    if data.shN is not None and np.asarray(data.shN).size and np.any(data.shN):
        raise ValueError(f"{path}: colors that depend on the direction of view are not supported")
    means, scales, quats, opacities, sh0 = (
        torch.from_numpy(np.array(values, dtype=np.float32))
        for values in (data.means, data.scales, data.quats, data.opacities, data.sh0)
    )
    return Gaussians(
        means=means, log_scales=scales, quats=quats, opacity_logits=opacities.reshape(-1), sh=sh0[:, None, :]
    )


def _require_sound_gzip(content: bytes) -> None:
    """Raise ValueError or zlib.error unless it unpacks to as many Gaussians as it says, and has its checksum.

    A few kilobytes can unpack to more than any memory holds.
    """
    unpacking = zlib.decompressobj(wbits=31)  # gzip alone
    head = unpacking.decompress(content, _HEADER.size)
    if len(head) < _HEADER.size:
        raise ValueError("no header in it")
    count = _HEADER.unpack(head)[2]
    if count > _LIMIT:
        raise ValueError(f"found {count} Gaussians, expected at most {_LIMIT}")
    rest = unpacking.decompress(unpacking.unconsumed_tail, count * _BYTES + 1)
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError(f"{count} Gaussians end at another byte than the file")
    if len(rest) > count * _BYTES:
        raise ValueError(f"found {len(rest)} bytes of {count} Gaussians")
