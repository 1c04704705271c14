"""Rule `proof_of_learning`."""

from mouse_facelift.evaluation.proof import proof_of_learning
from workflow_scripts.command import run

if __name__ == "__main__":
    run(proof_of_learning)
