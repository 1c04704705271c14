"""Rule `eval_psnr`."""

from mouse_facelift.evaluation.summary import eval_psnr
from workflow_scripts.command import run

if __name__ == "__main__":
    run(eval_psnr)
