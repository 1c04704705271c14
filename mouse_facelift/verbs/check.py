"""`check`: whether a thing keeps the contract, whatever it is."""

import re
from pathlib import Path

from mouse_facelift.capture.calibration.readers import FORMATS
from mouse_facelift.formats.sample_folder import CAMERAS_FILE
from mouse_facelift.settings import Settings
from mouse_facelift.verbs.check_calibration import check_calibration
from mouse_facelift.verbs.check_configuration import check_configuration
from mouse_facelift.verbs.check_dataset import check_dataset
from mouse_facelift.verbs.check_generator import CARD, FOLDER, INDEX, check_generator
from mouse_facelift.verbs.check_sample import check_sample
from mouse_facelift.verbs.check_weights import check_weights
from mouse_facelift.verbs.configured import DEFAULT, read_configured
from mouse_facelift.verbs.report import Kind, Report

TABLE, WEIGHTS = "table.json", "weights.safetensors"
_SECTION = re.compile(rf"^({'|'.join(Settings.model_fields)}):", re.MULTILINE)


def check(
    path: Path,
    *,
    config: Path = DEFAULT,
    capture: str | None = None,
    format: str | None = None,
    network_config: Path | None = None,
) -> Report:
    """Say whether a thing keeps the contract, told apart by what it is (see `kind_of`).

    Args:
        path: a configuration, whose captures are judged as `snakemake check_capture` does; a laboratory's calibration;
            a sample folder; a weights file; a generator's folder; a dataset's table or its folder.
        config: the configuration that says what the contract is, and which weights are declared; a calibration needs
            none, and a configuration is its own.
        capture: of a configuration, the one to judge; None: all.
        format: of a calibration; None: recognized from the content.
        network_config: of weights, the network's JSON; None: that of their row of the configuration, or their card's.

    Raises:
        FileNotFoundError: there is no such file, configuration, or recording.
        ValueError: it is of no kind that is known, or the configuration that it is held against is wrong.
    """
    kind = kind_of(path, format)
    if capture is not None and kind != "configuration":
        raise ValueError(f"{path}: a {kind} has no captures; --capture is for a configuration")
    match kind:
        case "configuration":
            return check_configuration(path, capture)
        case "calibration":
            return check_calibration(path, format)
        case "sample":
            settings = read_configured(config)
            return check_sample(path, settings.camera_contract, settings.normalization_work.hull_resolution)
        case "checkpoint":
            return check_weights(path / WEIGHTS if path.is_dir() else path, network_config, read_configured(config))
        case "generator":
            return check_generator(path, read_configured(config))
        case "dataset":
            return check_dataset(path / TABLE if path.is_dir() else path, read_configured(config).camera_contract)


def kind_of(path: Path, format: str | None = None) -> Kind:
    """Say what a file or folder is.

    A folder with `opencv_cameras.json` is a sample, that file alone a calibration; a folder with `table.json` is a
    dataset, one with `weights.safetensors` a checkpoint, one with `model_index.json` a generator, as are those with
    `pipeckpts/`, or with `unet/` and `card.json`. A YAML file with a section of the configuration is one. The rest is a
    calibration if one of its formats recognizes it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is none of these; says why it is no calibration.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    if format is not None:
        return "calibration"
    if path.is_dir():
        inside: dict[str, Kind] = {CAMERAS_FILE: "sample", TABLE: "dataset", INDEX: "generator", WEIGHTS: "checkpoint"}
        for name, kind in inside.items():
            if (path / name).is_file():
                return kind
        if (path / FOLDER / INDEX).is_file() or ((path / "unet").is_dir() and (path / CARD).is_file()):
            return "generator"
    elif path.name == TABLE:
        return "dataset"
    elif path.suffix in (".safetensors", ".pt"):
        return "checkpoint"
    elif path.suffix in (".yaml", ".yml") and _SECTION.search(path.read_text(encoding="utf-8", errors="replace")):
        return "configuration"
    reasons = {name: known.mismatch(path) for name, known in FORMATS.items()}
    if None in reasons.values():
        return "calibration"
    listed = "".join(f"\n    {name}: {reason}" for name, reason in reasons.items())
    raise ValueError(
        f"{path}: nothing that is known: no configuration (.yaml), sample folder ({CAMERAS_FILE}), dataset ({TABLE}),"
        f" weights (.safetensors, .pt) or generator ({INDEX}), and no calibration:{listed}"
    )
