"""Rule `read_capture`."""

from mouse_facelift.capture.read_capture import read_capture
from workflow_scripts.command import run

if __name__ == "__main__":
    run(read_capture)
