"""Rule `simulate_posed_animals`."""

from mouse_facelift.simulation.posed_animals import simulate_posed_animals
from workflow_scripts.command import run

if __name__ == "__main__":
    run(simulate_posed_animals)
