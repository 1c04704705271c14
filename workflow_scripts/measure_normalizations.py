"""Rule `measure_normalizations`."""

from mouse_facelift.simulation.measure_normalizations import measure_normalizations
from workflow_scripts.command import run

if __name__ == "__main__":
    run(measure_normalizations)
