"""Rule `check_checkpoints`."""

from mouse_facelift.gslrm.check_checkpoints import check_checkpoints
from workflow_scripts.command import run

if __name__ == "__main__":
    run(check_checkpoints)
