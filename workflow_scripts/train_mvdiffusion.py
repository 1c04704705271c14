"""Rule `train_mvdiffusion`."""

from mouse_facelift.mvdiffusion.train import train_mvdiffusion
from workflow_scripts.command import run

if __name__ == "__main__":
    run(train_mvdiffusion)
