"""Rule `predict_baselines`."""

from mouse_facelift.evaluation.baselines import predict_baselines
from workflow_scripts.command import run

if __name__ == "__main__":
    run(predict_baselines)
