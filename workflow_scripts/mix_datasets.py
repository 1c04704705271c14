"""Rule `mix_datasets`."""

from mouse_facelift.dataset.mix import mix_datasets
from workflow_scripts.command import run

if __name__ == "__main__":
    run(mix_datasets)
