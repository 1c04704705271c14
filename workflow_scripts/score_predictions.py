"""Rule `score_predictions`."""

from mouse_facelift.evaluation.scores import score_predictions
from workflow_scripts.command import run

if __name__ == "__main__":
    run(score_predictions)
