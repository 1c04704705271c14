"""Rule `foresee_normalization`: what normalization will do to each view."""

from mouse_facelift.normalization.foresee import foresee_normalization
from workflow_scripts.command import run

if __name__ == "__main__":
    run(foresee_normalization)
