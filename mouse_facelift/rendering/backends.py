"""One function for pictures of 3D Gaussians, whichever rasterizer draws them, and what else depends on the machine."""

import functools
import importlib.util
import logging
import math
from typing import Literal

import numba
import torch
from jaxtyping import Float
from torch import Tensor

logger = logging.getLogger(__name__)

Backend = Literal["auto", "cpu", "gsplat"]
Pictures = tuple[
    Float[Tensor, "camera height width 3"],
    Float[Tensor, "camera height width 1"],
    Float[Tensor, "camera height width 1"],
]


def rasterize(
    means: Float[Tensor, "gaussian 3"],
    quats: Float[Tensor, "gaussian 4"],
    scales: Float[Tensor, "gaussian 3"],
    opacities: Float[Tensor, " gaussian"],
    colors: Float[Tensor, "gaussian 3"],
    viewmats: Float[Tensor, "camera 4 4"],
    Ks: Float[Tensor, "camera 3 3"],
    width: int,
    height: int,
    near_plane: float = 0.01,
    far_plane: float = 1e10,
    eps2d: float = 0.3,
    backgrounds: Float[Tensor, "camera 3"] | None = None,
    backend: Backend = "auto",
) -> Pictures:
    """Draw the Gaussians as every camera sees them: rgb, alpha and expected depth.

    Arguments, names and numbers are those of gsplat 1.5.3, `rasterize_mode="classic"`, `render_mode="RGB+ED"`.
    quats are wxyz, of any length but zero; scales are linear; opacities and colors are in [0, 1]; viewmats take world
    to camera axes (x right, y down, z forward); pixel centers lie at +0.5. eps2d (px^2) widens every Gaussian on the
    picture. backgrounds are black where not given. Depth is along the camera's z axis, and 0 where nothing is drawn.

    All tensors but Ks are differentiable; the bottom row of viewmats has gradient zero. On the CPU, Gaussians with a
    NaN or infinity are not drawn and have gradient zero.

    backend: "cpu" draws on the CPU, in float32 or float64; "gsplat" on a CUDA device, in float32. Inputs are moved
    there and pictures back to the inputs' device. "auto" takes gsplat for tensors on a CUDA device, and for float32
    tensors on the CPU where there is both a CUDA device and gsplat; else the CPU. It logs once what it took.

    Raises ValueError if shapes, types or devices do not fit together, if a camera or background is not finite, if a
    focal length or limit is out of its range, if Ks asks for a gradient, or if the back end asked for cannot run.
    """
    if backgrounds is None:
        backgrounds = means.new_zeros(len(viewmats), 3)
    tensors = {
        "means": means,
        "quats": quats,
        "scales": scales,
        "opacities": opacities,
        "colors": colors,
        "viewmats": viewmats,
        "Ks": Ks,
        "backgrounds": backgrounds,
    }
    _check(tensors, width, height)
    _check_limits(tensors["Ks"], near_plane, far_plane, eps2d)
    if _choose(backend, means) == "gsplat":
        from mouse_facelift.rendering.gsplat_backend import rasterize_with_gsplat as draw

        device = means.device if means.is_cuda else torch.device("cuda")
    else:
        from mouse_facelift.rendering.rasterizer import rasterize_on_cpu as draw

        device = torch.device("cpu")
    moved = {name: tensor.to(device) for name, tensor in tensors.items()}
    rgb, alpha, depth = draw(
        **moved, width=width, height=height, near_plane=near_plane, far_plane=far_plane, eps2d=eps2d
    )
    return rgb.to(means.device), alpha.to(means.device), depth.to(means.device)


def _check(tensors: dict[str, Tensor], width: int, height: int) -> None:
    gaussians, cameras = len(tensors["means"]), len(tensors["viewmats"])
    expected = {
        "means": (gaussians, 3),
        "quats": (gaussians, 4),
        "scales": (gaussians, 3),
        "opacities": (gaussians,),
        "colors": (gaussians, 3),
        "viewmats": (cameras, 4, 4),
        "Ks": (cameras, 3, 3),
        "backgrounds": (cameras, 3),
    }
    means = tensors["means"]
    if means.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"means: expected float32 or float64, found {means.dtype}")
    for name, tensor in tensors.items():
        if tuple(tensor.shape) != expected[name]:
            raise ValueError(f"{name}: expected shape {expected[name]}, found {tuple(tensor.shape)}")
        if tensor.dtype != means.dtype:
            raise ValueError(f"{name}: expected {means.dtype} like means, found {tensor.dtype}")
        if tensor.device != means.device:
            raise ValueError(f"{name}: expected a tensor on {means.device} like means, found {tensor.device}")
    for name in ("viewmats", "Ks", "backgrounds"):
        if not torch.isfinite(tensors[name]).all():
            raise ValueError(f"{name}: expected finite numbers, found {tensors[name].tolist()}")
    if tensors["Ks"].requires_grad:
        raise ValueError("Ks: not differentiable, but requires_grad is set")
    if width < 1 or height < 1:
        raise ValueError(f"width, height: expected at least 1 pixel, found {width} x {height}")


def _check_limits(Ks: Float[Tensor, "camera 3 3"], near_plane: float, far_plane: float, eps2d: float) -> None:
    if not (Ks[:, [0, 1], [0, 1]] > 0).all():
        raise ValueError(f"Ks: expected focal lengths above 0, found {Ks[:, [0, 1], [0, 1]].tolist()}")
    if not 0 < near_plane < far_plane < math.inf:
        raise ValueError(f"near_plane, far_plane: expected 0 < near < far, found {near_plane}, {far_plane}")
    if not 0 <= eps2d < math.inf:
        raise ValueError(f"eps2d: expected at least 0 px^2, found {eps2d}")


def _choose(backend: Backend, means: Tensor) -> Literal["cpu", "gsplat"]:
    match backend:
        case "cpu":
            return "cpu"
        case "gsplat":
            if obstacle := _obstacle_to_gsplat():
                raise ValueError(f'backend "gsplat" cannot run: {obstacle}')
            if means.dtype != torch.float32:
                raise ValueError(f'backend "gsplat" draws float32 only, found {means.dtype}; backend "cpu" draws both')
            return "gsplat"
        case "auto":
            if means.is_cuda:
                return _choose("gsplat", means)
            obstacle = _obstacle_to_gsplat() if means.dtype == torch.float32 else "float64 asked for"
            _log_once(f"rendering: {obstacle}, using the CPU rasterizer" if obstacle else "rendering: using gsplat")
            return "cpu" if obstacle else "gsplat"
    raise ValueError(f'backend: expected "auto", "cpu" or "gsplat", found {backend!r}')


def device_of(backend: Backend) -> torch.device:
    """Name the device on which a back end draws float32, so that a network can live there too.

    Raises ValueError if the back end asked for cannot run.
    """
    return torch.device("cuda" if _choose(backend, torch.empty(0)) == "gsplat" else "cpu")


def use_threads(threads: int) -> None:
    """Let networks (torch) and the CPU rasterizer (numba) take so many threads of this process, at most all cores."""
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    # After numba, which resets torch's number when it starts its threads: the two share one OpenMP.
    torch.set_num_threads(threads)


@functools.cache
def _obstacle_to_gsplat() -> str | None:
    if not torch.cuda.is_available():
        return "no CUDA device"
    if importlib.util.find_spec("gsplat") is None:
        return "gsplat is not installed (it is in mouse-facelift[gpu])"
    return None


@functools.cache
def _log_once(message: str) -> None:
    logger.info(message)
