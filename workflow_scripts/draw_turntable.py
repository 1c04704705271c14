"""Rule `draw_turntable`: a camera circles the Gaussians."""

from mouse_facelift.evaluation.draw_turntable import draw_turntable
from workflow_scripts.command import run

if __name__ == "__main__":
    run(draw_turntable)
