"""Rule `assemble_dataset`."""

from mouse_facelift.dataset.assemble import assemble_dataset
from workflow_scripts.command import run

if __name__ == "__main__":
    run(assemble_dataset)
