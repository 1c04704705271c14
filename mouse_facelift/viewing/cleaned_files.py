"""Files of one scene's Gaussians, without floaters, for other programs."""

from collections.abc import Sequence
from pathlib import Path

from mouse_facelift.formats.licensed import LicensedWeights
from mouse_facelift.formats.ply import write_ply
from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.spz import write_spz
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.settings import Exports
from mouse_facelift.viewing.blur import blur, pixel_at_subject
from mouse_facelift.viewing.clean_up import CleanedUp, clean_up


def write_cleaned(
    ply: Path, spz: Path, predicted: Gaussians, inputs: Sample, exports: Exports, origins: Sequence[LicensedWeights]
) -> CleanedUp:
    """Clean Gaussians up by the views that went in, blur what is left, and write it as .ply and as .spz.

    The .ply names `origins`, the weights behind it. Returns what the clean-up left, before the blur.
    """
    cleaned = clean_up(predicted, inputs.cameras, inputs.alpha, exports.clean_up)
    blurred = blur(cleaned.gaussians, pixel_at_subject(inputs.cameras), exports.pixel_blur)
    write_ply(ply, blurred, origins)
    write_spz(spz, blurred)
    return cleaned
