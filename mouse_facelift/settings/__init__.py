"""`config.yaml` as one frozen typed object. Torch-free: the Snakefile and every cluster job import it.

Sections stand in the order of `config.yaml`.
"""

from mouse_facelift.settings.animal import AnimalWork, FrameFault
from mouse_facelift.settings.base import FRAME_FIELD, digest
from mouse_facelift.settings.capture import CalibrationFile, Capture, FloorPoints, FrameRange, KeyPointsFile
from mouse_facelift.settings.contract import CameraContract
from mouse_facelift.settings.learning import (
    Animals,
    Experiment,
    FullFinetune,
    GslrmSize,
    InputViews,
    Precision,
    Pretraining,
    RenderedPlan,
    Start,
    SurfaceLoss,
    TrainingPlan,
)
from mouse_facelift.settings.masks import AlphaMasks, BackgroundMasks, CarriedMasks, MadeMasks, MaskCleaning, VideoMasks
from mouse_facelift.settings.normalization import (
    Contract,
    Fill,
    Keep,
    Moved,
    Normalization,
    NormalizationModes,
    NormalizationWork,
    Relabel,
    Resize,
)
from mouse_facelift.settings.reading import (
    SCHEMA_PATH,
    json_schema,
    parse_settings,
    read_settings,
    refuse_repeated_keys,
)
from mouse_facelift.settings.verdict import Limit, VerdictLimits, VerdictLine, VerdictWork
from mouse_facelift.settings.whole import Compute, Dataset, Evaluation, Settings, Split

__all__ = [
    "FRAME_FIELD",
    "SCHEMA_PATH",
    "AlphaMasks",
    "AnimalWork",
    "Animals",
    "BackgroundMasks",
    "CalibrationFile",
    "CameraContract",
    "Capture",
    "CarriedMasks",
    "Compute",
    "Contract",
    "Dataset",
    "Evaluation",
    "Experiment",
    "Fill",
    "FloorPoints",
    "FrameFault",
    "FrameRange",
    "FullFinetune",
    "GslrmSize",
    "InputViews",
    "Keep",
    "KeyPointsFile",
    "Limit",
    "MadeMasks",
    "MaskCleaning",
    "Moved",
    "Normalization",
    "NormalizationModes",
    "NormalizationWork",
    "Precision",
    "Pretraining",
    "Relabel",
    "RenderedPlan",
    "Resize",
    "Settings",
    "Split",
    "Start",
    "SurfaceLoss",
    "TrainingPlan",
    "VerdictLimits",
    "VerdictLine",
    "VerdictWork",
    "VideoMasks",
    "digest",
    "json_schema",
    "parse_settings",
    "read_settings",
    "refuse_repeated_keys",
]
