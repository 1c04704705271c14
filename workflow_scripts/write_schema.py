"""Write `config.schema.json`, which editors use to check and complete config.yaml."""

import json

from mouse_facelift.settings import SCHEMA_PATH, json_schema
from workflow_scripts.command import run


def write_schema() -> None:
    """Write the JSON schema of config.yaml into the current folder."""
    SCHEMA_PATH.write_text(json.dumps(json_schema(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(write_schema)
