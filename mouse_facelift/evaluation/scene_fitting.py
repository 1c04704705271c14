"""3D Gaussians fitted to the views of one scene alone: 3D Gaussian Splatting, the peer of every network.

Source of loss, optimizer and rates: Kerbl et al., 3D Gaussian Splatting for Real-Time Radiance Field Rendering,
arXiv:2308.04079, and its code. What differs, because here a few small pictures show one animal before white: Gaussians
begin at the surface of the painted visual hull, not at sparse points; every step sees all views, so that nothing is
drawn by chance; the silhouettes are told too, and pictures compared before white and before black, so that nothing
white floats unseen; pictures are drawn finer and averaged down, as the hull's are; colors are equal from all sides;
none are added or removed.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.formats.predictions import Renderings
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.geometry.hull import Hull
from mouse_facelift.imaging.structure import structural_similarity
from mouse_facelift.rendering.backends import device_of
from mouse_facelift.rendering.painted_hull import painted_surface, render_finely, round_gaussians
from mouse_facelift.rendering.render import Backend
from mouse_facelift.settings import SceneFitting

EXTENT = 1.1  # of the largest distance of a camera from the cameras' mean, as in the code of 3DGS
EPSILON = 1e-15  # Adam's, as in the code of 3DGS


@dataclass(frozen=True)
class Fit:
    """A scene after so many steps."""

    gaussians: Gaussians
    losses: tuple[float, ...]
    """before each step"""
    seconds: float
    """on this machine, the start left out"""

    @property
    def steps(self) -> int:
        return len(self.losses)


def start_at_hull(hull: Hull, sample: Sample, inputs: Sequence[int], fitting: SceneFitting) -> Gaussians:
    """Put a round Gaussian at each voxel of the hull's surface, in the mean color of the input views that see it.

    Raises:
        ValueError: the hull is empty.
    """
    points, colors = painted_surface(hull, sample, list(inputs))
    return round_gaussians(points, colors, fitting.scale * hull.voxel_size, fitting.opacity)


def fit_scene(
    sample: Sample, inputs: Sequence[int], start: Gaussians, fitting: SceneFitting, backend: Backend
) -> tuple[Fit, Fit]:
    """Fit Gaussians to the input views of a scene; nothing else of it is looked at.

    Returns two states of one course: after `equal_steps`, and once it has converged, or after `converged_steps`. A
    course that converges sooner than `equal_steps` ends both. Like arguments give like numbers: a time that is to be
    spent is therefore told in steps, and the seconds that they took stand beside.
    """
    began = time.perf_counter()
    course = _Course(sample, inputs, start, fitting, backend)
    losses: list[float] = []
    equal: Fit | None = None
    for loss in course.steps():
        losses.append(loss)
        ended = len(losses) == fitting.converged_steps or has_converged(losses, fitting)
        if equal is None and (len(losses) == fitting.equal_steps or ended):
            equal = Fit(course.gaussians(), tuple(losses), time.perf_counter() - began)
        if equal is not None and ended:
            return equal, Fit(course.gaussians(), tuple(losses), time.perf_counter() - began)
    raise AssertionError("a course has no end of its own")


def draw_fitted(gaussians: Gaussians, cameras: Cameras, fitting: SceneFitting, backend: Backend) -> Renderings:
    """Draw a scene as it is drawn while it is fitted: over white, so many times as fine, and averaged down."""
    return render_finely(gaussians, cameras, fitting.fineness, backend)


def has_converged(losses: Sequence[float], fitting: SceneFitting) -> bool:
    """Tell, at the end of each window, whether its mean loss is less than `least_gain` below the window's before it."""
    window = fitting.window
    if len(losses) < 2 * window or len(losses) % window:
        return False
    earlier, last = sum(losses[-2 * window : -window]), sum(losses[-window:])
    return last > (1 - fitting.least_gain) * earlier


class _Course:
    def __init__(
        self, sample: Sample, inputs: Sequence[int], start: Gaussians, fitting: SceneFitting, backend: Backend
    ) -> None:
        device = device_of(backend)
        self.views = list(inputs)
        self.cameras = sample.cameras[self.views]
        self.alpha = sample.alpha[self.views].to(device)
        self.target = _before_white_and_black(sample.over_white()[self.views].to(device), self.alpha)
        self.fitting, self.backend = fitting, backend
        start = start.to(device)
        self.parameters = {
            field.name: getattr(start, field.name).detach().clone().requires_grad_() for field in fields(start)
        }
        rates = fitting.rates
        centers = self.cameras.centers
        extent = EXTENT * float(torch.linalg.vector_norm(centers - centers.mean(0), dim=-1).max())
        by_name = {
            "means": rates.means * extent,
            "log_scales": rates.log_scales,
            "quats": rates.quats,
            "opacity_logits": rates.opacity_logits,
            "sh": rates.colors,
        }
        groups = [{"params": [self.parameters[name]], "lr": rate} for name, rate in by_name.items()]
        self.optimizer = torch.optim.Adam(groups, eps=EPSILON)

    def steps(self) -> Iterator[float]:
        """Make step after step, without end; yield the loss before each."""
        while True:
            loss = self._loss()
            self.optimizer.zero_grad()
            torch.autograd.backward(loss)
            self.optimizer.step()
            yield float(loss.detach())

    def gaussians(self) -> Gaussians:
        """The scene as it stands, on the CPU."""
        return Gaussians(**{name: values.detach().cpu().clone() for name, values in self.parameters.items()})

    def _loss(self) -> Float[Tensor, ""]:
        drawn = draw_fitted(Gaussians(**self.parameters), self.cameras, self.fitting, self.backend)
        pictures = _before_white_and_black(drawn.rgb, drawn.alpha)
        colors = (pictures - self.target).abs().mean()
        alpha = (drawn.alpha - self.alpha).abs().mean()
        weight = self.fitting.dssim
        loss = (1 - weight) * colors + self.fitting.alpha * alpha
        if weight > 0:
            loss = loss + weight * (1 - structural_similarity(pictures, self.target))
        return loss


def _before_white_and_black(
    over_white: Float[Tensor, "view 3 height width"], alpha: Float[Tensor, "view height width"]
) -> Float[Tensor, "picture 3 height width"]:
    return torch.cat([over_white, over_white - (1 - alpha[:, None])])
