"""Rule `measure_capture`: the animal's way, and how well cameras agree."""

from mouse_facelift.capture.measure_capture import measure_capture
from workflow_scripts.command import run

if __name__ == "__main__":
    run(measure_capture)
