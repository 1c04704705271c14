"""The adapter that tells a frozen UNet the pose of every view: rays scale and shift the features of its blocks."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers.models.resnet import ResnetBlock2D
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from mouse_facelift.formats.tensors import load_exactly, read_recipe, write_tensors
from mouse_facelift.mvdiffusion.rays import RAY_CHANNELS
from mouse_facelift.mvdiffusion.unet import MultiviewUnet

RECIPE = "ray_film"
WIDTH = 64


class RayFilm(nn.Module):
    """A scale and a shift of every feature that enters a residual block's first convolution, from the pixel's ray.

    The heads are zero at first: a fresh adapter changes nothing, and at the first step the heads alone learn.

    Source: FiLM (arXiv:1709.07871) by rays in every residual block, as in SEVA (arXiv:2503.14489).
    """

    def __init__(self, blocks: Mapping[str, int], width: int = WIDTH) -> None:
        """`blocks` are the channels that enter each residual block, by the block's name in its UNet."""
        super().__init__()
        self.blocks = dict(blocks)
        self.width = width
        self.trunk = nn.Sequential(nn.Conv2d(RAY_CHANNELS, width, 1), nn.SiLU(), nn.Conv2d(width, width, 1), nn.SiLU())
        self.heads = nn.ModuleDict(
            {_key(block): nn.Conv2d(width, 2 * channels, 1) for block, channels in self.blocks.items()}
        )
        for parameter in self.heads.parameters():
            nn.init.zeros_(parameter)

    def forward(
        self, rays: Float[Tensor, "row 54 ray_height ray_width"], block: str, height: int, width: int
    ) -> tuple[Float[Tensor, "row channel {height} {width}"], Float[Tensor, "row channel {height} {width}"]]:
        """Scale, to be added to 1, and shift of one block's features; rays are averaged to the features' size."""
        features = self.trunk(adaptive_avg_pool2d(rays, (height, width)))
        scale, shift = self.heads[_key(block)](features).chunk(2, dim=1)
        return scale, shift

    @contextmanager
    def applied(
        self,
        unet: MultiviewUnet,
        rays: Float[Tensor, "object view 54 height width"] | None,
        kept: Bool[Tensor, " object"] | None = None,
        guided: bool = False,
    ) -> Iterator[None]:
        """Within this context every call of `unet` is told these rays; outside it is as it was.

        The UNet's modules and names stay, and no hook is left, whatever happens. With gradient checkpointing, what is
        computed again in a later backward pass is told the rays of its own forward pass. Contexts may be nested: the
        innermost speaks. On the same UNet, use it in one thread at a time.

        Args:
            unet: rows of its calls are (object, view), view fastest.
            rays: of every row, as `ray_channels` tells them; None, to let the pretrained network draw alone.
            kept: objects that are told theirs; the others' rows come out as the pretrained network's. None: all are.
            guided: rows come twice, as in guidance, and both halves are told the rays.

        Raises:
            ValueError: the UNet is not the one that the adapter was made for, or, in a call, rows are not these.
        """
        _require_blocks(self.blocks, unet, "the adapter")
        if rays is None:
            yield
            return
        told = rays.flatten(0, 1).to(next(self.parameters()))
        speaks = None if kept is None else kept.to(told.device).repeat_interleave(rays.shape[1])
        if guided:
            told, speaks = torch.cat([told, told]), None if speaks is None else torch.cat([speaks, speaks])
        speaking = partial(_speaking, self, unet, told, speaks)
        with speaking(), _checkpoints_carry(unet, speaking):
            yield


_innermost: ContextVar[object] = ContextVar("_innermost", default=None)


@contextmanager
def _speaking(
    film: RayFilm,
    unet: MultiviewUnet,
    rays: Float[Tensor, "row 54 height width"],
    speaks: Bool[Tensor, " row"] | None,
) -> Iterator[None]:
    """Tell rays to every block of a UNet, in this context alone and in none nested in it."""
    this = object()

    def modulate(block: str, convolution: nn.Module, inputs: tuple[Tensor]) -> Tensor | None:
        if _innermost.get() is not this:
            return None
        (features,) = inputs
        if len(features) != len(rays):
            raise ValueError(f"{len(features)} rows in a call of the UNet, but rays of {len(rays)} rows")
        scale, shift = film(rays, block, *features.shape[2:])
        if speaks is not None:
            silent = torch.logical_not(speaks)[:, None, None, None]
            scale, shift = scale.masked_fill(silent, 0.0), shift.masked_fill(silent, 0.0)
        modulated: Tensor = (features * (1 + scale) + shift).to(features.dtype)
        return modulated

    with ExitStack() as undone:
        undone.callback(_innermost.reset, _innermost.set(this))
        for block in film.blocks:
            convolution = unet.get_submodule(block).get_submodule("conv1")
            undone.callback(convolution.register_forward_pre_hook(partial(modulate, block)).remove)
        yield


@contextmanager
def _checkpoints_carry(unet: MultiviewUnet, speaking: Callable[[], Any]) -> Iterator[None]:
    """Let gradient checkpointing, where it is on, compute again what it does within `speaking`, not as it then is."""

    def carry(checkpoint: Callable[..., Any], computed: Callable[..., Any], *inputs: Any) -> Any:
        def spoken_to(*inputs: Any) -> Any:
            with speaking():
                return computed(*inputs)

        return checkpoint(spoken_to, *inputs)

    with ExitStack() as undone:
        for module in unet.modules():
            if getattr(module, "gradient_checkpointing", False):
                checkpoint = module._gradient_checkpointing_func
                undone.callback(setattr, module, "_gradient_checkpointing_func", checkpoint)
                module._gradient_checkpointing_func = partial(carry, checkpoint)
        yield


def fresh_ray_film(unet: MultiviewUnet, seed: int, width: int = WIDTH) -> RayFilm:
    """An adapter for every residual block of a UNet, on its device, in float32; it changes nothing yet."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        film = RayFilm(residual_blocks(unet), width)
    return film.to(unet.device)


def residual_blocks(unet: MultiviewUnet) -> dict[str, int]:
    """The channels that enter each residual block, by its name, in the order of the UNet's modules."""
    return {
        name: module.conv1.in_channels for name, module in unet.named_modules() if isinstance(module, ResnetBlock2D)
    }


def write_ray_film(path: Path, film: RayFilm) -> None:
    """Write an adapter alone, whole: its tensors as safetensors, with the blocks and the width that make its shape."""
    write_tensors(path, film.state_dict(), {RECIPE: {"blocks": film.blocks, "width": film.width}})


def load_ray_film(path: Path, unet: MultiviewUnet) -> RayFilm:
    """Read an adapter for a UNet, in float32 on its device.

    Raises FileNotFoundError without the file, and ValueError for one of another kind, or that lists every block or
    tensor that differs from what the UNet needs.
    """
    recipe, tensors = read_recipe(path, RECIPE, ("blocks", "width"))
    blocks, width = recipe["blocks"], recipe["width"]
    if not isinstance(blocks, dict) or not isinstance(width, int) or width < 1:
        raise ValueError(f"{path}: its {RECIPE!r} recipe is {recipe!r}, expected channels by block, and a width")
    _require_blocks(blocks, unet, str(path))
    with torch.device("meta"):
        film = RayFilm(blocks, width)
    load_exactly(film, tensors, str(path))
    return film.to(unet.device)


def _require_blocks(blocks: Mapping[str, int], unet: MultiviewUnet, where: str) -> None:
    """Raise ValueError that lists every block that differs from the UNet's."""
    needed = residual_blocks(unet)
    wrong = [
        f"{name}: found {blocks.get(name)}, expected {needed.get(name)}"
        for name in sorted(blocks.keys() | needed.keys())
        if blocks.get(name) != needed.get(name)
    ]
    if wrong:
        listed = "\n  ".join(wrong)
        raise ValueError(f"{where}: channels of {len(wrong)} residual blocks differ from the UNet's\n  {listed}")


def _key(block: str) -> str:
    """A block's name without dots, which names of modules cannot have."""
    return block.replace(".", "-")
