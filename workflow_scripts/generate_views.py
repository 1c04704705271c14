"""Rule `generate_views`."""

from mouse_facelift.mvdiffusion.generate import generate_views
from workflow_scripts.command import run

if __name__ == "__main__":
    run(generate_views)
