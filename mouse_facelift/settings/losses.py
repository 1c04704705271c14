"""What a training step lowers."""

from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field, NonNegativeInt, model_validator

from mouse_facelift.settings.base import License, Section

TERMS = ("l2", "ssim", "perceptual", "lpips", "pixelalign", "pointsdist", "alpha")

FiniteWeight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class WeightFrom(Section):
    """A weight from one step on, until the next of its list."""

    from_step: NonNegativeInt
    """counted from 0"""
    weight: FiniteWeight


def _from_zero_upward(changes: tuple[WeightFrom, ...]) -> tuple[WeightFrom, ...]:
    steps = [change.from_step for change in changes]
    if steps[0] != 0 or any(later <= earlier for earlier, later in pairwise(steps)):
        raise ValueError(f"from_step: found {steps}, expected 0 and then ever later steps")
    return changes


LossWeight = FiniteWeight | Annotated[tuple[WeightFrom, ...], Field(min_length=1), AfterValidator(_from_zero_upward)]


class Losses(Section):
    """Weights of the terms of the loss: a number, or a list of numbers by step. What weighs 0 is not computed."""

    l2: LossWeight
    """mean squared difference of colors in 0..1"""
    ssim: LossWeight
    """1 - structural similarity"""
    perceptual: LossWeight
    """difference of VGG-19 features, as in FaceLift"""
    lpips: LossWeight
    """difference of VGG-16 features, weighed as people see it"""
    pixelalign: LossWeight
    """distance of input pixels' Gaussians from their rays, world units; 0 where the network binds them to the rays"""
    pointsdist: LossWeight
    """draws the distances of input pixels' Gaussians to a first spread about the origin's; for networks from nothing"""
    alpha: LossWeight
    """mean squared difference of the renderings' and the pictures' alpha, background included"""
    masked: bool
    """compare the foreground alone (alpha above 0.5); the term `alpha` still sees everything"""
    perceptual_weights: str | None
    """file of the VGG-19 of `perceptual`; null while that weighs 0"""
    perceptual_license: License | None
    """under which you have that file; null while that weighs 0"""
    lpips_weights: str | None
    """file of the network of `lpips`; null while that weighs 0"""
    lpips_license: License | None
    """under which you have that file; null while that weighs 0"""

    def at(self, step: int) -> dict[str, float]:
        """The weight of every term in a step, counted from 0."""
        return {term: _weight_at(getattr(self, term), step) for term in TERMS}

    @property
    def files(self) -> tuple[str, ...]:
        """Files of networks that any step compares with."""
        return tuple(file for term, file in self._networks().items() if file is not None and self._ever(term))

    @property
    def licenses(self) -> dict[str, str]:
        """The licenses of these files, by their names."""
        told = {self.perceptual_weights: self.perceptual_license, self.lpips_weights: self.lpips_license}
        return {file: license for file in self.files if (license := told[file]) is not None}

    def _networks(self) -> dict[str, str | None]:
        return {"perceptual": self.perceptual_weights, "lpips": self.lpips_weights}

    @property
    def changes(self) -> set[int]:
        """Steps, counted from 0, in which weights are others than before, the first among them."""
        schedules = [getattr(self, term) for term in TERMS]
        return {0} | {change.from_step for schedule in schedules if isinstance(schedule, tuple) for change in schedule}

    def _ever(self, term: str) -> bool:
        return any(self.at(step)[term] > 0 for step in self.changes)

    @model_validator(mode="after")
    def _something_counts_and_can_be_computed(self) -> "Losses":
        for step in sorted(self.changes):
            if not any(self.at(step).values()):
                raise ValueError(f"from step {step} on, every term has weight 0: one must be above it")
        for term, file in self._networks().items():
            if file is None and self._ever(term):
                raise ValueError(
                    f"{term}: the weight is above 0, but {term}_weights is null; give the file of its network"
                )
            if self._ever(term) and getattr(self, f"{term}_license") is None:
                raise ValueError(
                    f"{term}: the weight is above 0, but {term}_license is null; say under which license you have"
                    f" {file}"
                )
        return self


def _weight_at(weight: float | tuple[WeightFrom, ...], step: int) -> float:
    if isinstance(weight, tuple):
        return next(change.weight for change in reversed(weight) if change.from_step <= step)
    return weight
