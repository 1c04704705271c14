"""`config.yaml` as one frozen typed object. Torch-free: the Snakefile and every cluster job import it.

Sections stand in the order of `config.yaml`. An unknown, missing or misplaced key is an error that names the key.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

SCHEMA_PATH = Path("config.schema.json")

FRAME_FIELD = re.compile(r"\{frame(?::(0?\d*)d)?\}")
"""Where a pattern takes a frame's number: {frame}, {frame:4d} or {frame:04d}."""


def _plain_name(name: str) -> str:
    if not name or any(not (c.isalnum() or c in "_-") for c in name):
        raise ValueError(f"{name!r} becomes part of a file's name: use letters, digits, '_' and '-'")
    return name


def _pattern_with_camera(pattern: str) -> str:
    if "{camera}" not in pattern:
        raise ValueError(f"{pattern!r} must hold {{camera}}, which stands for the camera's name")
    rest = FRAME_FIELD.sub("", pattern.replace("{camera}", ""))
    if "{" in rest or "}" in rest:
        raise ValueError(f"{pattern!r} may hold {{camera}} and {{frame}} (or {{frame:03d}}) but no other braces")
    return pattern


Name = Annotated[str, AfterValidator(_plain_name)]
CameraPattern = Annotated[str, AfterValidator(_pattern_with_camera)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CameraContract(_Section):
    """The pinhole camera that every stage after normalization sees through."""

    image_size: PositiveInt
    """px, square"""
    focal: PositiveFloat
    """px, fx = fy"""
    distance: PositiveFloat
    """world units, camera center to the origin"""
    distance_range: tuple[PositiveFloat, PositiveFloat]
    """world units; honest cameras whose distance was kept must stand within it"""
    subject_radius: PositiveFloat
    """world units; the subject reaches no further from the origin"""

    @property
    def principal_point(self) -> float:
        """Center of the square image, in pixels from its outer corner."""
        return self.image_size / 2

    @property
    def field_of_view(self) -> float:
        """Full opening angle, in degrees."""
        return 2 * math.degrees(math.atan(self.image_size / (2 * self.focal)))

    @property
    def hash(self) -> str:
        return digest(self)


class Simulation(_Section):
    """One simulated recording, written as a laboratory would have it."""

    sequence: Literal["walk", "rear"]
    frames: Annotated[int, Field(ge=2)]
    frame_scale: PositiveFloat
    """size of the pictures relative to the rig's 1152 x 1024"""
    seed: NonNegativeInt


class CalibrationFile(_Section):
    path: str
    format: (
        Literal[
            "anipose",
            "colmap",
            "dannce",
            "dannce_params",
            "easymocap",
            "facelift",
            "jarvis",
            "label3d",
            "mammal",
            "multical",
            "nerfstudio",
            "opencv",
            "qualisys",
        ]
        | None
    )
    """null: recognized from the content"""
    millimeters_per_unit: PositiveFloat
    up: tuple[float, float, float]
    """direction that points up, in the file's world axes"""

    @model_validator(mode="after")
    def _up_has_a_direction(self) -> "CalibrationFile":
        if math.hypot(*self.up) < 1e-6 or not all(math.isfinite(x) for x in self.up):
            raise ValueError(f"up: {self.up} has no direction")
        return self


class VideoMasks(_Section):
    kind: Literal["video"]
    path: CameraPattern
    threshold: Annotated[int, Field(ge=1, le=254)]
    """a pixel above it is animal; lossy video blurs edges, so never 0"""

    @model_validator(mode="after")
    def _is_a_video(self) -> "VideoMasks":
        if FRAME_FIELD.search(self.path):
            raise ValueError(f"{self.path!r} holds {{frame}}: masks in single pictures are of kind images")
        return self


class ImageMasks(_Section):
    kind: Literal["images"]
    path: CameraPattern
    """with {camera} and {frame}, e.g. `frame_{frame:03d}/{camera}_mask.png`"""
    threshold: Annotated[int, Field(ge=1, le=254)]

    @model_validator(mode="after")
    def _has_a_frame(self) -> "ImageMasks":
        if not FRAME_FIELD.search(self.path):
            raise ValueError(f"{self.path!r} must hold {{frame}} (or {{frame:03d}}), the frame's number")
        return self


class AlphaMasks(_Section):
    kind: Literal["alpha"]
    """the fourth channel of the pictures themselves"""
    threshold: Annotated[int, Field(ge=1, le=254)]


class BackgroundMasks(_Section):
    """Made here, of a moving animal: what differs from the empty cage."""

    kind: Literal["background"]
    samples: Annotated[int, Field(ge=3, le=500)]
    """frames, spread over the recording, that show the cage together"""
    threshold: PositiveFloat
    """distance in color (0 to 255 a channel) beyond which a pixel is animal"""


class CarriedMasks(_Section):
    """Made here, of a still animal: a few outlined frames, carried to those between."""

    kind: Literal["carried"]
    path: CameraPattern
    """of the outlined frames' masks, with {camera} and {frame}"""
    threshold: Annotated[int, Field(ge=1, le=254)]
    key_frames: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]
    """the outlined frames"""
    band: Annotated[int, Field(ge=0, le=20)]
    """px to each side of the carried outline that GrabCut decides"""

    @model_validator(mode="after")
    def _has_frames(self) -> "CarriedMasks":
        if not FRAME_FIELD.search(self.path):
            raise ValueError(f"{self.path!r} must hold {{frame}} (or {{frame:03d}}), the outlined frame's number")
        if list(self.key_frames) != sorted(set(self.key_frames)):
            raise ValueError(f"key_frames: {list(self.key_frames)} must rise")
        return self


GivenMasks = VideoMasks | ImageMasks | AlphaMasks
MadeMasks = BackgroundMasks | CarriedMasks
Masks = Annotated[GivenMasks | MadeMasks, Field(discriminator="kind")]


class FrameRange(_Section):
    start: NonNegativeInt
    stop: PositiveInt
    step: PositiveInt

    @model_validator(mode="after")
    def _is_not_empty(self) -> "FrameRange":
        if self.stop <= self.start:
            raise ValueError(f"stop: {self.stop} must be above start: {self.start}")
        return self


VerdictLine = Literal[
    "reading", "ray_miss", "centers", "tangents", "hull_cover", "hull_iou", "rotation", "time", "focal", "mask_share",
    "gaps",
]  # fmt: skip
"""what a verdict says a color of"""


class Capture(_Section):
    """One recording: where its files are, and what they leave unsaid."""

    cameras: Annotated[tuple[Name, ...], Field(min_length=3)]
    calibration: CalibrationFile
    pictures: CameraPattern
    """a video per camera, or with {frame} a picture per camera and frame"""
    masks: Masks
    frames: FrameRange | Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]
    """first, last + 1 and step, or the frames' numbers"""
    accept_red: tuple[VerdictLine, ...]
    """lines of the verdict that may be red without stopping the run; the page shows them"""

    @model_validator(mode="after")
    def _lists_are_sets(self) -> "Capture":
        if len(set(self.cameras)) < len(self.cameras):
            raise ValueError(f"cameras: {list(self.cameras)} names a camera twice")
        if not isinstance(self.frames, FrameRange) and list(self.frames) != sorted(set(self.frames)):
            raise ValueError(f"frames: {list(self.frames)} must rise")
        return self

    @model_validator(mode="after")
    def _masks_are_made_of_videos(self) -> "Capture":
        if isinstance(self.masks, MadeMasks) and FRAME_FIELD.search(self.pictures):
            raise ValueError(f"masks: of kind {self.masks.kind}, which are made of videos, but pictures are single")
        return self

    @model_validator(mode="after")
    def _alpha_is_of_pictures(self) -> "Capture":
        if self.masks.kind == "alpha" and not FRAME_FIELD.search(self.pictures):
            raise ValueError(f"masks: of kind alpha, but {self.pictures!r} is a video, which has no alpha channel")
        return self

    @property
    def given_masks(self) -> GivenMasks:
        """The masks, where there are some. Raises ValueError where they are yet to be made."""
        if isinstance(self.masks, MadeMasks):
            raise ValueError(f"masks: of kind {self.masks.kind}, which rule make_masks has yet to make")
        return self.masks

    @property
    def frame_numbers(self) -> tuple[int, ...]:
        if isinstance(self.frames, FrameRange):
            return tuple(range(self.frames.start, self.frames.stop, self.frames.step))
        return self.frames


class Limit(_Section):
    """From where a measurement is amber, and red. Where `red` is the smaller, less is worse."""

    amber: float
    red: float

    @model_validator(mode="after")
    def _colors_differ(self) -> "Limit":
        if self.amber == self.red:
            raise ValueError(f"amber and red both start at {self.red}")
        return self


class VerdictLimits(_Section):
    ray_miss: Limit
    """of the cameras' mean distance: root mean square by which the rays through masks' centers miss, 95th percentile"""
    centers: Limit
    """of the animal's size in the picture: median by which a mask's center misses where all other views' rays meet"""
    tangents: Limit
    """of the animal's size in the picture: median by which planes through two cameras that touch one mask miss the
    other"""
    hull_cover: Limit
    """median part of a mask that the hull of all other views covers"""
    hull_iou: Limit
    """median intersection over union of both"""
    rotation: Limit
    """degrees by which one camera would have to turn"""
    time: Limit
    """frames by which one video runs early or late"""
    focal: Limit
    """by which one focal length is wrong: 0.01 is 1 %"""
    mask_share: Limit
    """least part of a mask that is one piece"""
    gaps: Limit
    """degrees between neighbors in azimuth"""


class VerdictWork(_Section):
    """How captures are judged. A red line stops the run unless the capture accepts it by name."""

    hull_frames: PositiveInt
    """at most so many frames, spread evenly, are carved"""
    hull_resolution: Annotated[int, Field(ge=16, le=256)]
    hull_picture: Annotated[int, Field(ge=32, le=1024)]
    """px, side of the pictures in which hulls and masks are compared"""
    shown_frames: PositiveInt
    """at most so many of these stand on the page"""
    longest_step: PositiveInt
    """frames further apart than this say nothing of time"""
    largest_offset: PositiveInt
    """frames by which a video is tried to run early or late"""
    least_explained: Fraction
    """a camera is named if moving it removes this part of the disagreement"""
    limits: VerdictLimits


class Keep(_Section):
    """Exact: camera distances stay as they are."""

    mode: Literal["keep"]


class Contract(_Section):
    """Cameras moved along their axes to the contract's distance; the residual is measured."""

    mode: Literal["contract"]
    residual_limit: PositiveFloat
    """px of the contract's picture, 95th percentile over the animal; above it the sample is refused"""


class Fill(_Section):
    """As `contract`, with the scale chosen so that the animal has a given radius."""

    mode: Literal["fill"]
    radius: PositiveFloat
    """world units"""
    residual_limit: PositiveFloat


class Resize(_Section):
    """A wrong way, kept for the experiments that show what it does: stretch to a square, keep millimeters."""

    mode: Literal["resize"]
    normalize_distance_to: PositiveFloat | None
    """null: millimeters stay; else translations alone are scaled to this mean distance"""


Normalization = Annotated[Keep | Contract | Fill | Resize, Field(discriminator="mode")]


class NormalizationWork(_Section):
    frames_per_chunk: PositiveInt
    """frames of one job; the number of jobs grows with captures and chunks, not with frames"""
    hull_resolution: Annotated[int, Field(ge=16, le=512)]
    """voxels along an edge of the box in which the animal is carved"""


class Split(_Section):
    """Contiguous blocks of time take these roles in turn; frames near a change of role are left out."""

    blocks: Annotated[tuple[Literal["train", "val", "test"], ...], Field(min_length=1)]
    gap: NonNegativeInt
    """frames left out on the later side of every change of role"""


class Dataset(_Section):
    captures: Annotated[tuple[str, ...], Field(min_length=1)]
    split: Split


class Checkpoint(_Section):
    weights: str
    config: str


class InputViews(_Section):
    """Which views go in. Held-out views are predicted but never seen."""

    inputs: PositiveInt
    """views given to the network; each view is held out in turn when fewer than all go in"""


class NoFinetune(_Section):
    method: Literal["none"]


Precision = Literal["float32", "bfloat16"]


class TrainingPlan(_Section):
    """How long and how fast a network learns."""

    steps: PositiveInt
    batch: PositiveInt
    """samples a step"""
    learning_rate: PositiveFloat
    warmup_steps: NonNegativeInt
    weight_decay: NonNegativeFloat
    gradient_clip: PositiveFloat
    """total norm"""
    precision: Precision
    """of the products inside the transformer's blocks; weights, geometry and renderings are single"""
    seed: NonNegativeInt
    checkpoint_every: PositiveInt
    """steps between two saved states from which an interrupted run goes on"""


class RenderedPlan(TrainingPlan):
    target_views: PositiveInt
    """views rendered and compared for each sample, inputs among them"""


class FullFinetune(RenderedPlan):
    method: Literal["full"]


Finetune = Annotated[NoFinetune | FullFinetune, Field(discriminator="method")]


class Experiment(_Section):
    """One row of the results."""

    dataset: str
    normalization: str
    allow_broken_contract: bool
    checkpoint: str
    views: InputViews
    finetune: Finetune


class Animals(_Section):
    """Procedural animals, seen by contract cameras, on which the small network is pretrained."""

    count: PositiveInt
    held_out: PositiveInt
    """animals of the count that only measure"""
    views: PositiveInt
    seed: NonNegativeInt


class GslrmSize(_Section):
    """Sizes of a network that is trained from nothing."""

    patch_size: PositiveInt
    width: PositiveInt
    head_width: PositiveInt
    layers: PositiveInt
    scale_bias: float
    """added to raw log-scales; the released network has -2.3 at 512 px"""


class Start(_Section):
    """Where a network that is trained from nothing departs from the published draw of fresh weights."""

    attention: PositiveFloat
    """queries and keys start as the same orthonormal projections times this, so that like tokens attend to like"""
    rays: PositiveFloat
    """times the drawn weights of the tokenizer's ray channels"""


class SurfaceLoss(_Section):
    """Weights of what is known of procedural animals beside their pictures."""

    depth: NonNegativeFloat
    """of the mean distance, in world units along the camera's axis, between the surface and the pixels' Gaussians"""
    color: NonNegativeFloat
    """of the mean distance, in 0..1, between the pictures' colors and those of the pixels' Gaussians"""
    opacity: NonNegativeFloat
    """of the binary cross entropy between the opacity of pixels' Gaussians and the pictures' alpha"""


class Pretraining(_Section):
    animals: Animals
    network: GslrmSize
    start: Start
    surface_loss: SurfaceLoss
    inputs: tuple[PositiveInt, PositiveInt]
    """least and most input views, drawn anew each step"""
    surface_training: TrainingPlan
    """comes first: the known surface alone teaches, and nothing is rendered"""
    training: RenderedPlan


class Evaluation(_Section):
    split: Literal["val", "test"]
    samples: PositiveInt
    """at most so many samples of the split, spread evenly"""
    mask_threshold: Fraction
    """target alpha above it is foreground"""
    sheet_samples: PositiveInt
    """samples on a contact sheet"""
    models: NonNegativeInt
    """samples whose Gaussians are written as .ply"""
    model_opacity: Fraction
    """Gaussians below this opacity are left out of a .ply"""
    hull_resolution: Annotated[int, Field(ge=16, le=256)]


class Compute(_Section):
    """What numbers may depend on."""

    threads: PositiveInt
    renderer: Literal["auto", "cpu", "gsplat"]


class Jobs(_Section):
    """What numbers do not depend on: changing it reruns nothing."""

    gpu: NonNegativeInt
    """slots of the resource `gpu` that a training takes; the default profile offers one, so that trainings follow one
    another, on a CPU too"""
    training_minutes: PositiveInt
    """time limit of a training job; it saves its state and leaves a little before"""
    pinned_code: str | None
    """null, or any word: while it stays, a change of the code reruns nothing"""


class Settings(_Section):
    """The whole of `config.yaml`."""

    camera_contract: CameraContract
    simulations: dict[Name, Simulation]
    captures: dict[Name, Capture]
    verdict: VerdictWork
    normalizations: dict[Name, Normalization]
    normalization_work: NormalizationWork
    datasets: dict[Name, Dataset]
    checkpoints: dict[Name, Checkpoint]
    experiments: dict[Name, Experiment]
    pretraining: Pretraining
    evaluation: Evaluation
    compute: Compute
    jobs: Jobs

    @model_validator(mode="after")
    def _names_exist(self) -> "Settings":
        for row, dataset in self.datasets.items():
            for name in dataset.captures:
                _require(name, self.captures, f"datasets.{row}.captures")
        for row, experiment in self.experiments.items():
            _require(experiment.dataset, self.datasets, f"experiments.{row}.dataset")
            _require(experiment.normalization, self.normalizations, f"experiments.{row}.normalization")
            _require(experiment.checkpoint, self.checkpoints, f"experiments.{row}.checkpoint")
            for name in self.datasets[experiment.dataset].captures:
                views = len(self.captures[name].cameras)
                if experiment.views.inputs > views:
                    raise ValueError(
                        f"experiments.{row}.views.inputs: {experiment.views.inputs} views of capture {name}, "
                        f"which has {views} cameras"
                    )
        return self


def _require(name: str, rows: Mapping[str, object], where: str) -> None:
    if name not in rows:
        raise ValueError(f"{where}: {name!r} is not defined; defined: {sorted(rows)}")


def read_settings(path: Path) -> Settings:
    """Read a configuration file.

    Raises:
        ValueError: names the file and every key that is unknown, missing, repeated or out of range.
    """
    text = path.read_text(encoding="utf-8")
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not YAML: {error}") from error
    refuse_repeated_keys(text, str(path))
    if not isinstance(content, dict):
        raise ValueError(f"{path}: a mapping of sections was expected, found {type(content).__name__}")
    return parse_settings(content, str(path))


def refuse_repeated_keys(text: str, source: str) -> None:
    """Raise ValueError if a section of a YAML text has a key twice: readers take the last and say nothing."""
    waiting, seen = [yaml.compose(text, Loader=yaml.SafeLoader)], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(node, yaml.CollectionNode):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
            continue
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if isinstance(key, yaml.ScalarNode):
                if first := lines.get(key.value):
                    where = f"it stands in line {first} already"
                    raise ValueError(f"{source}: line {line}: {key.value}: repeated key; {where}")
                lines[key.value] = line
            waiting.append(value)


def parse_settings(content: Mapping[str, Any], source: str) -> Settings:
    """Check a configuration that was read already; `source` names it in errors."""
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        lines = [f"{source}: {error.error_count()} wrong keys or values"]
        for problem in error.errors():
            where = ".".join(str(part) for part in problem["loc"]) or "(whole file)"
            found = "" if problem["type"] == "missing" else f"; found {_short(problem['input'])}"
            lines.append(f"  {where}: {_plain_message(problem['type'], problem['msg'])}{found}")
        raise ValueError("\n".join(lines)) from None


def _plain_message(kind: str, message: str) -> str:
    match kind:
        case "extra_forbidden":
            return "unknown key"
        case "missing":
            return "missing key"
        case _:
            return message.removeprefix("Value error, ")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def json_schema() -> dict[str, Any]:
    """JSON schema of `config.yaml`, for editors; the file `config.schema.json` is this."""
    return Settings.model_json_schema()


def digest(*sections: BaseModel | str) -> str:
    """Twelve hexadecimal digits that change with any value in the sections."""
    texts = [part if isinstance(part, str) else part.model_dump_json() for part in sections]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:12]
