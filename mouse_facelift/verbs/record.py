"""What was done: the record that stands beside reconstructed Gaussians."""

from mouse_facelift.formats.licensed import LicensedWeights
from mouse_facelift.formats.manifest import Manifest, Record
from mouse_facelift.formats.verdict import Verdict
from mouse_facelift.formats.views import ViewResidual
from mouse_facelift.settings import CameraContract, Exports, Normalization, SamplingPlan


class UsedWeights(Record):
    """The reconstructing network."""

    row: str
    """of the configuration"""
    weights: str
    sha256: str
    license: str
    origins: tuple[LicensedWeights, ...]
    """what they come of, as their card tells"""
    domain: str
    """what they have learned from"""
    accepted_by: str
    """who takes weights of this domain: rows of the configuration, or the caller"""
    trained_on: str | None
    """from their card, likewise below; None: they have none"""
    steps: int | None
    status: str | None
    contract: str | None

    @property
    def behind(self) -> tuple[LicensedWeights, ...]:
        """Themselves, and what they come of."""
        return LicensedWeights(file=self.weights, sha256=self.sha256, license=self.license), *self.origins


class UsedGenerator(Record):
    """The view generator."""

    row: str
    weights: str
    """of its UNet"""
    sha256: str
    ray_film: str | None
    """checksum of what reads rays; None: nothing does"""
    license: str
    origins: tuple[LicensedWeights, ...]
    """what it comes of, as its card tells"""
    domain: str
    accepted_by: str
    trained_on: str | None
    status: str | None
    sampling: SamplingPlan
    white: float
    """a pixel whose colors lack less than this of white is background"""

    @property
    def behind(self) -> tuple[LicensedWeights, ...]:
        """Its weights, and what they come of."""
        return LicensedWeights(file=self.weights, sha256=self.sha256, license=self.license), *self.origins


class UsedNormalization(Record):
    name: str
    """row of the configuration"""
    rule: Normalization


class ReconstructedFrame(Record):
    name: str
    source: str
    """as it was named; of a video with the frame's number"""
    views: str
    """sample folder with the views that went in, relative to the record; likewise below"""
    view_names: tuple[str, ...]
    photograph: str | None
    """from which they were drawn, as the generator was shown it; None: they were captured"""
    residuals: tuple[ViewResidual, ...]
    """how far each view's pixels lie from where its camera says; none where nothing was normalized here"""
    subject_radius: float
    """world units"""
    ply: str
    spz: str
    predicted: int
    """Gaussians before the clean-up"""
    faint: int
    outside: int
    kept: int
    remarks: tuple[str, ...]


class Reconstruction(Manifest):
    """`reconstruction.json`."""

    inputs: dict[str, str]
    """sha256 of every file that was given"""
    config: str
    """sha256 of the configuration"""
    contract: str
    """hash of the camera contract"""
    camera: CameraContract
    normalization: UsedNormalization | None
    """None: sample folders go in as they are"""
    verdict: Verdict | None
    """on the cameras, where pictures were given with a calibration"""
    generator: UsedGenerator | None
    """None: nothing was drawn"""
    network: UsedWeights
    exports: Exports
    commit: str
    """of this project's code"""
    frames: tuple[ReconstructedFrame, ...]
    shown_frames: int
    """in `viewer.html`; fewer than all where its size is limited (exports.page_megabytes)"""
