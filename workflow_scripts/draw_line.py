"""Rule `draw_line`."""

from mouse_facelift.evaluation.line_picture import draw_line
from workflow_scripts.command import run

if __name__ == "__main__":
    run(draw_line)
