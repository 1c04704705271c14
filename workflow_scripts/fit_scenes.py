"""Rule `fit_scenes`."""

from mouse_facelift.evaluation.fit_scenes import fit_scenes
from workflow_scripts.command import run

if __name__ == "__main__":
    run(fit_scenes)
