"""Rule `simulate_capture`."""

from mouse_facelift.simulation.laboratory import simulate_capture
from workflow_scripts.command import run

if __name__ == "__main__":
    run(simulate_capture)
