"""Rule `write_fresh_generator`."""

from mouse_facelift.mvdiffusion.fresh import write_fresh_generator
from workflow_scripts.command import run

if __name__ == "__main__":
    run(write_fresh_generator)
