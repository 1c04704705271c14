"""Rule `admit_capture`."""

from mouse_facelift.capture.admit_capture import admit_capture
from workflow_scripts.command import run

if __name__ == "__main__":
    run(admit_capture)
