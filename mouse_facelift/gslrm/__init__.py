"""GS-LRM: posed views to 3D Gaussians, and its adaptation to mice."""

from mouse_facelift.gslrm.config import GslrmConfig, read_config
from mouse_facelift.gslrm.loading import load_gslrm
from mouse_facelift.gslrm.network import Gslrm, fresh_gslrm

__all__ = ["Gslrm", "GslrmConfig", "fresh_gslrm", "load_gslrm", "read_config"]
