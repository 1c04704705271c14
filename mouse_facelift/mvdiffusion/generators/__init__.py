"""Generators of views behind one interface: FaceLift's, Zero123++ and SV3D."""

from mouse_facelift.mvdiffusion.generators.facelift import FaceLiftGenerator
from mouse_facelift.mvdiffusion.generators.interface import GeneratedViews, MultiViewGenerator, Reference
from mouse_facelift.mvdiffusion.generators.on_white import lay_on_white, masks_against_background
from mouse_facelift.mvdiffusion.generators.sv3d.generator import Sv3dGenerator, Sv3dSampling
from mouse_facelift.mvdiffusion.generators.sv3d.parts import load_sv3d
from mouse_facelift.mvdiffusion.generators.to_contract import ContractViews, bring_to_contract, take_reference
from mouse_facelift.mvdiffusion.generators.zero123plus.generator import Zero123PlusGenerator, Zero123PlusSampling
from mouse_facelift.mvdiffusion.generators.zero123plus.parts import load_zero123plus

__all__ = [
    "ContractViews",
    "FaceLiftGenerator",
    "GeneratedViews",
    "MultiViewGenerator",
    "Reference",
    "Sv3dGenerator",
    "Sv3dSampling",
    "Zero123PlusGenerator",
    "Zero123PlusSampling",
    "bring_to_contract",
    "lay_on_white",
    "load_sv3d",
    "load_zero123plus",
    "masks_against_background",
    "take_reference",
]
