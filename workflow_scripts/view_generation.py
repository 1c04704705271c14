"""Rule `view_generation`."""

from mouse_facelift.evaluation.generation import view_generation
from workflow_scripts.command import run

if __name__ == "__main__":
    run(view_generation)
