"""Rule `open_capture`: a laboratory's files, looked at."""

from mouse_facelift.capture.open_capture import open_capture
from workflow_scripts.command import run

if __name__ == "__main__":
    run(open_capture)
