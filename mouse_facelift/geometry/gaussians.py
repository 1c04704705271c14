"""3D Gaussians, in the form that 3D Gaussian splatting stores: before exp, sigmoid and normalization."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

# Zeroth real spherical harmonic, 1 / (2 sqrt(pi)): 3D Gaussian Splatting, arXiv:2308.04079.
SH_BAND_0 = 0.28209479177387814

_TRAILING_AXES = {"means": (3,), "log_scales": (3,), "quats": (4,), "opacity_logits": (), "sh": None}


@dataclass(frozen=True)
class Gaussians:
    """One or several scenes of equally many Gaussians, in world axes and world units.

    Leading axes, if any, count scenes. `quats` are (w, x, y, z) of any length above zero. `sh` holds `sh` spherical
    harmonics coefficients for each of red, green and blue; one coefficient is a color that is equal from all sides.

    Raises ValueError where shapes, devices or number types of the fields do not fit together.
    """

    means: Float[Tensor, "*scene gaussian 3"]
    log_scales: Float[Tensor, "*scene gaussian 3"]
    quats: Float[Tensor, "*scene gaussian 4"]
    opacity_logits: Float[Tensor, "*scene gaussian"]
    sh: Float[Tensor, "*scene gaussian sh 3"]

    def __post_init__(self) -> None:
        rows = tuple(self.means.shape[:-1])
        if not rows:
            raise ValueError(f"means must be [..., gaussian, 3], not {list(self.means.shape)}")
        for name, trailing in _TRAILING_AXES.items():
            field: Tensor = getattr(self, name)
            expected = (*rows, *(trailing if trailing is not None else (*field.shape[-2:-1], 3)))
            if tuple(field.shape) != expected:
                raise ValueError(
                    f"{name} must be {list(expected)} beside means {list(self.means.shape)}, not {list(field.shape)}"
                )
            if (field.device, field.dtype) != (self.means.device, self.means.dtype):
                raise ValueError(
                    f"{name} is {field.dtype} on {field.device}; means are {self.means.dtype} on {self.means.device}"
                )

    def __len__(self) -> int:
        """Number of scenes of a batch, or of Gaussians of a single scene."""
        return len(self.means)

    @property
    def scales(self) -> Float[Tensor, "*scene gaussian 3"]:
        """Standard deviations along the three axes of each Gaussian, in world units."""
        return self.log_scales.exp()

    @property
    def opacities(self) -> Float[Tensor, "*scene gaussian"]:
        """Opacities in 0..1."""
        return self.opacity_logits.sigmoid()

    @property
    def rotations(self) -> Float[Tensor, "*scene gaussian 4"]:
        """Unit quaternions (w, x, y, z), from a Gaussian's own axes to world axes."""
        return functional.normalize(self.quats, dim=-1)

    @property
    def colors(self) -> Float[Tensor, "*scene gaussian 3"]:
        """Red, green and blue, 0 or above, without an upper limit, as 3D Gaussian splatting renders them.

        Raises ValueError if the color depends on the direction of view (more than one coefficient).
        """
        if self.sh.shape[-2] != 1:
            raise ValueError(f"{self.sh.shape[-2]} coefficients a color: it has no value without a direction of view")
        return (SH_BAND_0 * self.sh[..., 0, :] + 0.5).clamp(min=0)

    def __getitem__(self, scene: int | slice) -> "Gaussians":
        """One scene of a batch, or several. Raises ValueError for what is a single scene already."""
        if self.means.ndim < 3:
            raise ValueError(f"a single scene of {len(self)} Gaussians has no scenes to choose from; use `select`")
        return self._map(lambda field: field[scene])

    def select(self, rows: Bool[Tensor, " gaussian"] | Int[Tensor, " row"]) -> "Gaussians":
        """The Gaussians of a single scene where `rows` is true, or those whose numbers it lists."""
        if self.means.ndim != 2:
            raise ValueError(f"means are {list(self.means.shape)}: choose one scene before its rows")
        return self._map(lambda field: field[rows])

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> "Gaussians":
        """The same Gaussians on another device or in another number type."""
        return self._map(lambda field: field.to(device=device, dtype=dtype))

    def detach(self) -> "Gaussians":
        """The same Gaussians without their history of operations."""
        return self._map(Tensor.detach)

    def _map(self, change: Callable[[Tensor], Tensor]) -> "Gaussians":
        return Gaussians(**{field.name: change(getattr(self, field.name)) for field in fields(self)})
