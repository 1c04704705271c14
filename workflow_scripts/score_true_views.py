"""Rule `score_true_views`: Gaussians beside the truth of simulated captures."""

from mouse_facelift.evaluation.true_scores import score_true_views
from workflow_scripts.command import run

if __name__ == "__main__":
    run(score_true_views)
