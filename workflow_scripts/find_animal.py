"""Rule `find_animal`: where the animal is in a chunk of frames."""

from mouse_facelift.capture.find_animal import find_animal
from workflow_scripts.command import run

if __name__ == "__main__":
    run(find_animal)
