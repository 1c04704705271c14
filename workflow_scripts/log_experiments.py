"""Rule `log_experiments`."""

from mouse_facelift.evaluation.log_experiments.report import log_experiments
from workflow_scripts.command import run

if __name__ == "__main__":
    run(log_experiments)
