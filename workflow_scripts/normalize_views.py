"""Rule `normalize_views`."""

from mouse_facelift.normalization.normalize import normalize_views
from workflow_scripts.command import run

if __name__ == "__main__":
    run(normalize_views)
