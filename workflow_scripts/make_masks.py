"""Rule `make_masks`."""

from mouse_facelift.capture.masks.make import make_masks
from workflow_scripts.command import run

if __name__ == "__main__":
    run(make_masks)
