"""Rule `build_viewer`: a page to play and turn them in."""

from mouse_facelift.evaluation.build_viewer import build_viewer
from workflow_scripts.command import run

if __name__ == "__main__":
    run(build_viewer)
