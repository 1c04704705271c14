"""Rule `write_prompts`."""

from mouse_facelift.mvdiffusion.prompts import write_prompts
from workflow_scripts.command import run

if __name__ == "__main__":
    run(write_prompts)
