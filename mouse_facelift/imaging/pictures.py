"""Still pictures, straight alpha; PNG by OpenCV, which takes a tenth of Pillow's time at the same size."""

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8


def read_rgba(path: Path) -> UInt8[np.ndarray, "height width 4"]:
    """Read a picture as RGBA, straight alpha; without an alpha channel it is opaque.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no picture of 8 or 16 bits a channel.
    """
    pixels = _read(path)
    if pixels.ndim == 2:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGBA))
    to_rgba = cv2.COLOR_BGR2RGBA if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    return np.asarray(cv2.cvtColor(pixels, to_rgba))


def read_gray(path: Path) -> UInt8[np.ndarray, "height width"]:
    """Read a picture as gray; of a picture with alpha, its colors.

    Raises:
        FileNotFoundError, ValueError: as `read_rgba`.
    """
    return np.asarray(cv2.cvtColor(read_rgba(path), cv2.COLOR_RGBA2GRAY))


def read_alpha(path: Path) -> UInt8[np.ndarray, "height width"]:
    """Read a picture's alpha channel.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no picture that can be read, or it has no alpha channel.
    """
    pixels = _read(path)
    if pixels.ndim != 3 or pixels.shape[2] != 4:
        channels = 1 if pixels.ndim == 2 else pixels.shape[2]
        raise ValueError(f"{path}: found {channels} channels, expected 4: the alpha channel is to be the mask")
    return np.ascontiguousarray(pixels[..., 3])


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture in px; of PNG from its header alone.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no picture that can be read.
    """
    with path.open("rb") as file:
        header = file.read(24)
    if header.startswith(b"\x89PNG\r\n\x1a\n") and header[12:16] == b"IHDR" and len(header) == 24:
        return int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")
    height, width = _read(path).shape[:2]
    return width, height


def _read(path: Path) -> np.ndarray:
    content = path.read_bytes()
    try:
        pixels = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_UNCHANGED) if content else None
    except cv2.error as error:  # a size beyond its limits, or beyond the memory there is
        raise ValueError(f"{path}: not a picture that can be read ({len(content)} bytes): {error.err}") from error
    if pixels is None:
        raise ValueError(f"{path}: not a picture that can be read ({len(content)} bytes)")
    # Of a JPEG that was cut, the rest is gray: its last scan has no end.
    if content.startswith(b"\xff\xd8") and content.rfind(b"\xff\xd9") < content.rfind(b"\xff\xda"):
        raise ValueError(f"{path}: ends within its pixels ({len(content)} bytes): the file was cut")
    if pixels.dtype == np.uint16:  # FaceLift's own samples are of 16 bits
        pixels = np.rint(pixels / 257).astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise ValueError(f"{path}: found {pixels.dtype} a channel, expected 8 or 16 bits")
    return np.asarray(pixels)


def write_rgba(path: Path, pixels: UInt8[np.ndarray, "height width 4"]) -> None:
    """Write RGBA, straight alpha, as PNG. Whole when its folder is (`formats.whole`)."""
    path.write_bytes(encode_rgba(pixels))


def encode_rgba(pixels: UInt8[np.ndarray, "height width 4"]) -> bytes:
    """Encode RGBA, straight alpha, as PNG."""
    return _encode_png(cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA))


def write_rgb(path: Path, pixels: UInt8[np.ndarray, "height width 3"]) -> None:
    """Write RGB as PNG."""
    path.write_bytes(_encode_png(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)))


def _encode_png(pixels: np.ndarray) -> bytes:
    done, encoded = cv2.imencode(".png", pixels)
    assert done, f"OpenCV could not encode {pixels.dtype} {pixels.shape} as PNG"
    return encoded.tobytes()


def reduced_jpeg(path: Path, width: int, quality: int) -> bytes:
    """Encode the colors of a picture as JPEG, at most `width` px wide; `quality` is of 100.

    Raises:
        FileNotFoundError, ValueError: as `read_rgba`.
    """
    colors = cv2.cvtColor(read_rgba(path), cv2.COLOR_RGBA2BGR)
    if colors.shape[1] > width:
        size = (width, round(colors.shape[0] * width / colors.shape[1]))
        colors = cv2.resize(colors, size, interpolation=cv2.INTER_AREA)
    done, encoded = cv2.imencode(".jpg", colors, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done, "JPEG is built in"
    return encoded.tobytes()


def to_straight_alpha(premultiplied: Float[np.ndarray, "*batch 4"]) -> UInt8[np.ndarray, "*batch 4"]:
    """Turn premultiplied RGBA in [0, 1] to straight 8-bit RGBA; colors under alpha 0 become 0."""
    straight = np.zeros(premultiplied.shape, dtype=np.uint8)
    shown = np.nonzero(premultiplied[..., 3] > 0.5 / 255)
    visible = premultiplied[shown]
    visible[:, 3:] = np.minimum(visible[:, 3:], 1)
    visible[:, :3] /= visible[:, 3:]
    straight[shown] = np.rint(np.clip(visible, 0, 1) * 255).astype(np.uint8)
    return straight
