"""Rule `draw_outside_views`."""

from mouse_facelift.mvdiffusion.outside import draw_outside_views
from workflow_scripts.command import run

if __name__ == "__main__":
    run(draw_outside_views)
