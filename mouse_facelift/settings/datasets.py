"""Datasets: of captures, of procedural animals, of drawn views, and mixed ones."""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from mouse_facelift.settings.base import Fraction, License, Name, Section
from mouse_facelift.settings.learning import Precision


class Split(Section):
    """Contiguous blocks of time take these roles in turn; frames near a change of role are left out."""

    blocks: Annotated[tuple[Literal["train", "val", "test"], ...], Field(min_length=1)]
    gap: NonNegativeInt
    """frames left out on the later side of every change of role"""


class Dataset(Section):
    domain: Name
    """what it shows, and so the domain of weights that were fine-tuned on it"""
    captures: Annotated[tuple[str, ...], Field(min_length=1)]
    views: Annotated[int, Field(ge=2)]
    """of every sample: of a frame's views, those that stand around the animal most evenly"""
    split: Split


class PosedDataset(Section):
    """Procedural animals, each seen by random cameras of its own: poses to learn from that no rig has.

    Under a normalization of mode `keep` cameras stand anywhere in the contract's range of distances, else at its
    distance; under `fill` animals have its radius.
    """

    train: NonNegativeInt
    """animals of this split, likewise below"""
    val: NonNegativeInt
    test: NonNegativeInt
    views: PositiveInt
    seed: NonNegativeInt

    @model_validator(mode="after")
    def _some(self) -> "PosedDataset":
        if self.train + self.val + self.test == 0:
            raise ValueError("train, val, test: no animals; expected some")
        return self


class GeneratedDataset(Section):
    """Views drawn from the first view of every sample of a captured dataset."""

    generator: str
    of: str
    """the captured dataset; the generator may have learned from another"""
    cameras: Literal["released", "captured"]
    """that the generator is told, and that the views then have: the released rig about the first view's azimuth, or,
    by rays alone, those of the capture"""
    white: Fraction
    """a pixel whose colors lack less than this of white is background"""


class Outside(Section):
    """Views drawn by somebody else's network, as it is, from the first view of every sample of a captured dataset."""

    folder: str
    """of its weights, which you bring"""
    license: License
    """under which you have them; it goes on to all that learns from the views"""
    of: str
    """the captured dataset"""
    size: PositiveInt
    """px of its pictures; with another size than the weights' own it draws worse"""
    background: Fraction
    """pixels joined to the picture's edge, no channel of which differs by more from the background, belong to it"""
    precision: Precision
    seed: NonNegativeInt


class OutsideDiffusion(Outside):
    """By a diffusion network, in diffusers' layout."""

    steps: PositiveInt
    guidance: PositiveFloat
    """how far beyond the velocity without a reference"""


class Zero123PlusDataset(OutsideDiffusion):
    """Six views, none of them the reference's; published with 75 steps, guidance 4, 320 px, on gray."""

    kind: Literal["zero123plus"]
    version: Literal["v1.1", "v1.2"]

    @property
    def view_count(self) -> int:
        return 6


class Sv3dDataset(OutsideDiffusion):
    """Views of a turn at the reference's elevation, itself the first; published with 50 steps, guidance 2.5, 576 px."""

    kind: Literal["sv3d"]
    version: Literal["u", "p"]
    views: Annotated[int, Field(ge=2, le=21)]
    """of the turn's 21 frames, spread evenly"""
    clockwise: bool
    """whether the weights' azimuths rise clockwise seen from above; see `generators.sv3d.generator`"""
    decoded_together: PositiveInt
    """frames; fewer need less memory, 14 as published"""

    @property
    def view_count(self) -> int:
        return self.views


OutsideDataset = Annotated[Zero123PlusDataset | Sv3dDataset, Field(discriminator="kind")]


class MixedDataset(Section):
    """The samples of several datasets together."""

    of: Annotated[tuple[str, ...], Field(min_length=2)]
