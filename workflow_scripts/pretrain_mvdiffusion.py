"""Rule `pretrain_mvdiffusion`."""

from mouse_facelift.mvdiffusion.pretrain import pretrain_mvdiffusion
from workflow_scripts.command import run

if __name__ == "__main__":
    run(pretrain_mvdiffusion)
