"""Rule `simulate_animals`."""

from mouse_facelift.simulation.pretraining import simulate_animals
from workflow_scripts.command import run

if __name__ == "__main__":
    run(simulate_animals)
