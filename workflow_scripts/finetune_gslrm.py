"""Rule `finetune_gslrm`."""

from mouse_facelift.gslrm.finetune import finetune_gslrm
from workflow_scripts.command import run

if __name__ == "__main__":
    run(finetune_gslrm)
