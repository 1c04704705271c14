"""Rule `pretrain_gslrm`."""

from mouse_facelift.gslrm.pretrain import pretrain_gslrm
from workflow_scripts.command import run

if __name__ == "__main__":
    run(pretrain_gslrm)
