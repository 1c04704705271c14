"""Rule `draw_views`."""

from mouse_facelift.mvdiffusion.draw import draw_views
from workflow_scripts.command import run

if __name__ == "__main__":
    run(draw_views)
