"""Rule `draw_true_views`: what is true of samples of simulated captures, in their own world."""

from mouse_facelift.simulation.true_views import draw_true_views
from workflow_scripts.command import run

if __name__ == "__main__":
    run(draw_true_views)
