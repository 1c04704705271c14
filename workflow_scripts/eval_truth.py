"""Rule `eval_truth`: all scores against the truth in one table."""

from mouse_facelift.evaluation.truth_table import eval_truth
from workflow_scripts.command import run

if __name__ == "__main__":
    run(eval_truth)
