"""The configuration that a verb stands on: its paths, as the workflow's, start from the current folder."""

from pathlib import Path

from mouse_facelift.settings import Settings, read_settings

DEFAULT = Path("config.yaml")


def read_configured(config: Path) -> Settings:
    """Read the configuration.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: names the file and every key that is wrong.
    """
    if not config.is_file():
        raise FileNotFoundError(
            f"{config}: no such configuration; contract, limits, normalizations and checkpoints stand in one: name it"
            " by --config, or start in the folder that holds config.yaml (config/examples/ has some to copy)"
        )
    return read_settings(config)
