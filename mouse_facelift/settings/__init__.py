"""`config.yaml` as one frozen typed object. Torch-free: the Snakefile and every cluster job import it.

Sections stand in the order of `config.yaml`.
"""

from mouse_facelift.settings.animal import AnimalWork, FrameFault
from mouse_facelift.settings.augmentation import Augmentation
from mouse_facelift.settings.base import FRAME_FIELD, digest
from mouse_facelift.settings.capture import CalibrationFile, Capture, FloorPoints, FrameRange, KeyPointsFile
from mouse_facelift.settings.contract import CameraContract
from mouse_facelift.settings.fitting import FittingRates, SceneFitting
from mouse_facelift.settings.guard import GuardPolicy, HeldOut
from mouse_facelift.settings.learning import (
    Animals,
    Checkpoint,
    DeclaredWeights,
    Experiment,
    FinetunePlan,
    FullFinetune,
    GslrmSize,
    HeadsOnly,
    InputViews,
    Layerwise,
    Lora,
    LoraTarget,
    Measured,
    NoFinetune,
    Precision,
    Pretraining,
    RenderedPlan,
    Start,
    SurfaceLoss,
    TrainedFinetune,
    TrainedMethod,
    TrainingPlan,
)
from mouse_facelift.settings.log_experiments import LogExperiments, name_in_log
from mouse_facelift.settings.losses import Losses, WeightFrom
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
    "Augmentation",
    "BackgroundMasks",
    "CalibrationFile",
    "CameraContract",
    "Capture",
    "CarriedMasks",
    "Checkpoint",
    "Compute",
    "Contract",
    "Dataset",
    "DeclaredWeights",
    "Evaluation",
    "Experiment",
    "Fill",
    "FinetunePlan",
    "FittingRates",
    "FloorPoints",
    "FrameFault",
    "FrameRange",
    "FullFinetune",
    "GslrmSize",
    "GuardPolicy",
    "HeadsOnly",
    "HeldOut",
    "InputViews",
    "Keep",
    "KeyPointsFile",
    "Layerwise",
    "Limit",
    "LogExperiments",
    "Lora",
    "LoraTarget",
    "Losses",
    "MadeMasks",
    "MaskCleaning",
    "Measured",
    "Moved",
    "NoFinetune",
    "Normalization",
    "NormalizationModes",
    "NormalizationWork",
    "Precision",
    "Pretraining",
    "Relabel",
    "RenderedPlan",
    "Resize",
    "SceneFitting",
    "Settings",
    "Split",
    "Start",
    "SurfaceLoss",
    "TrainedFinetune",
    "TrainedMethod",
    "TrainingPlan",
    "VerdictLimits",
    "VerdictLine",
    "VerdictWork",
    "VideoMasks",
    "WeightFrom",
    "digest",
    "json_schema",
    "name_in_log",
    "parse_settings",
    "read_settings",
    "refuse_repeated_keys",
]
