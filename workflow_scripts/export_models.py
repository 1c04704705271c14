"""Rule `export_models`: predicted Gaussians without floaters, for other programs."""

from mouse_facelift.evaluation.export_models import export_models
from workflow_scripts.command import run

if __name__ == "__main__":
    run(export_models)
