"""Projects to plan: captures as empty files, and a bare workflow of the same shape in plain wildcards."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
CAMERAS = [f"Camera{number}" for number in range(1, 7)]
NORMALIZATION = "fill"


@dataclass(frozen=True)
class Size:
    """Of a project."""

    captures: int
    frames: int
    """of each capture"""
    chunks: int
    """of each capture"""
    datasets: int
    """among which the captures are divided evenly"""
    single_pictures: bool = False
    """a picture a camera and frame, in place of a video a camera"""

    @property
    def names(self) -> list[str]:
        return [f"session{number:04d}" for number in range(self.captures)]

    @property
    def captures_of(self) -> dict[str, list[str]]:
        """Captures by the dataset that they are part of."""
        return {f"data{number}": self.names[number :: self.datasets] for number in range(self.datasets)}


def write_project(folder: Path, size: Size) -> None:
    """Write recordings, weights and their card as empty files, and a configuration: two experiments a dataset."""
    config: dict[str, Any] = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
    pictures = "{camera}/{frame:06d}.png" if size.single_pictures else "{camera}.mp4"
    config["captures"] = {}
    for name in size.names:
        home = f"raw/{name}"
        row = config["captures"][name] = {
            "cameras": CAMERAS,
            "calibration": {
                "path": f"{home}/calibration.toml", "format": "anipose", "names": None, "image_sizes": None,
                "millimeters_per_unit": 1.0, "up": [0.0, 0.0, 1.0],
            },
            "pictures": f"{home}/videos/{pictures}",
            "masks": {"kind": "video", "path": f"{home}/masks/{{camera}}.mp4", "threshold": 127},
            "key_points": None,
            "frames": {"start": 0, "stop": size.frames, "step": 1},
            "accept_red": [],
        }  # fmt: skip
        _touch(folder / row["calibration"]["path"])
        for camera in CAMERAS:
            _touch(folder / row["masks"]["path"].format(camera=camera))
            for frame in range(size.frames) if size.single_pictures else [0]:
                _touch(folder / row["pictures"].format(camera=camera, frame=frame))
    config["animal"]["frames_per_chunk"] = -(-size.frames // size.chunks)
    real = config["datasets"].pop("real")
    config["datasets"] = {name: real | {"captures": captures} for name, captures in size.captures_of.items()}
    rows = {method: config["experiments"][method] for method in ("zero_shot", "full")}
    config["experiments"] = {
        f"{method}_{dataset}": row | {"dataset": dataset, "normalization": NORMALIZATION}
        for dataset in size.captures_of
        for method, row in rows.items()
    }
    for section in ("simulations", "generators", "generated_datasets", "mixed_datasets"):
        config[section] = {}
    config["normalization_modes"]["captures"] = []
    config["log_experiments"] = None
    config["report"]["viewers"] = []
    for path in (config["checkpoints"]["small"]["weights"], config["checkpoints"]["small"]["config"]):
        _touch(folder / path)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def write_bare(folder: Path, size: Size) -> None:
    """Write `bare.smk`: rules with as many jobs, inputs and outputs, but neither functions nor parameters."""
    names = ", ".join(f'"{name}"' for name in size.names)
    lines = [f"CAPTURES = [{names}]", f"CHUNKS = range({size.chunks})"]
    chunks = '"bare/animal/{{capture}}/chunk_{chunk}/animal.npz", chunk=CHUNKS'
    lines += ["wildcard_constraints:\n    capture=r'[a-z0-9]+',\n    chunk=r'\\d+'"]
    videos = "\n".join(
        f'        "raw/{{capture}}/{kind}/{camera}.mp4",' for kind in ("videos", "masks") for camera in CAMERAS
    )
    of_datasets = []
    for dataset, captures in size.captures_of.items():
        listed = ", ".join(f'"{name}"' for name in captures)
        views = f'expand("bare/views/{{capture}}/chunk_{{chunk}}/manifest.json", capture=[{listed}], chunk=CHUNKS)'
        of_datasets.append(_rule(f"assemble_{dataset}", views, f'"bare/samples/{dataset}.json"'))
    finish = [
        ("train", '"bare/samples/{dataset}.json"', '"bare/weights/{dataset}.json"'),
        ("predict_full", '"bare/samples/{dataset}.json", "bare/weights/{dataset}.json"', '"bare/full/{dataset}.json"'),
        ("predict_zero", '"bare/samples/{dataset}.json"', '"bare/zero/{dataset}.json"'),
        ("predict_trivial", '"bare/samples/{dataset}.json"', '"bare/white/{dataset}.json", "bare/hull/{dataset}.json"'),
        ("score", '"bare/{kind}/{dataset}.json"', '"bare/scores/{kind}/{dataset}.csv"'),
        ("sheet", '"bare/{kind}/{dataset}.json"', '"bare/sheets/{kind}/{dataset}.png"'),
    ]
    datasets = ", ".join(f'"{name}"' for name in size.captures_of)
    ends = (
        f'expand("bare/scores/{{kind}}/{{dataset}}.csv", kind=["full", "zero", "white", "hull"], dataset=[{datasets}]),'
        f' expand("bare/sheets/{{kind}}/{{dataset}}.png", kind=["full", "zero"], dataset=[{datasets}])'
    )
    opened, manifest = '"bare/animal/{capture}/opened.json"', '"bare/frames/{capture}/manifest.json"'
    animal = '"bare/animal/{capture}/chunk_{chunk}/animal.npz", "bare/animal/{capture}/chunk_{chunk}/masks.npz"'
    masks = chunks.replace("animal.npz", "masks.npz")
    found, foreseen = '"bare/{capture}/found.json"', '"bare/{capture}/foreseen.json"'
    rules = [
        _rule("all", '"bare/eval_psnr.csv"', ""),
        _rule("eval_psnr", ends, '"bare/eval_psnr.csv"'),
        _rule("open_capture", f'"raw/{{capture}}/calibration.toml",\n{videos}', opened),
        _rule("find_animal", f"{opened},\n{videos}", animal),
        _rule("measure", f"{opened}, expand({chunks}), expand({masks})", found),
        _rule("foresee", f"{found}, expand({chunks}), expand({masks})", foreseen),
        _rule("judge", f"{found}, {foreseen}, expand({masks})", '"bare/{capture}/verdict.json"'),
        _rule("admit", f'{found}, "bare/{{capture}}/verdict.json"', manifest),
        _rule("normalize", f"{manifest}, {animal},\n{videos}", '"bare/views/{capture}/chunk_{chunk}/manifest.json"'),
        *of_datasets,
        *(_rule(*rule) for rule in finish),
    ]
    (folder / "bare.smk").write_text("\n\n\n".join([*lines, *rules]) + "\n", encoding="utf-8")


def _rule(name: str, inputs: str, outputs: str) -> str:
    made = f"    output:\n        {outputs}\n    shell:\n        'true'" if outputs else ""
    return f"rule {name}:\n    input:\n        {inputs}\n{made}"


def _touch(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
