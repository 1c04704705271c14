"""What the columns of the result tables mean: one place for names, units and definitions."""

METRICS = ["psnr", "psnr_foreground", "ssim", "iou"]
DEPTH_METRICS = ["depth_p50_mm", "depth_p90_mm", "depth_in_front"]
LPIPS = "lpips"
TRUE_METRICS = [*METRICS, "accuracy_mm", "completeness_mm", "chamfer_mm"]
TASK = ["dataset", "normalization", "input_views"]
"""what scores must share to be comparable"""
FIRST = ["experiment", *TASK, "sample", "turn"]
LAST = ["block", "foreground", "weights", "status"]
COLUMNS = [*FIRST, "view", "role", *METRICS, *DEPTH_METRICS, *LAST]
"""of scores; LPIPS comes after METRICS where it was measured"""
TRUE_COLUMNS = [*FIRST, "true_views", *TRUE_METRICS, "gaussians", *LAST]
"""of scores against the truth"""

MEANINGS = {
    "experiment": "row of the configuration, or an answer without a network",
    "dataset": "row of the configuration",
    "normalization": "row of the configuration",
    "input_views": "views that went in",
    "sample": "one frame of a capture",
    "turn": "which choice of input views of the sample, from 0",
    "view": "camera",
    "role": "input: it went in; held_out: it did not; true_views: of cameras that no capture has",
    "psnr": "dB, whole picture over white, colors in 0..1, at most 100",
    "psnr_foreground": "dB, pixels of the foreground alone, at most 100; empty where the target shows no animal",
    "ssim": "structural similarity of the whole picture, Gaussian window of 11 px",
    "lpips": "LPIPS (VGG-16), whole picture over white; lower is better",
    "iou": "intersection over union of rendered (alpha above 0.5) and target foreground",
    "depth_p50_mm": "mm, median over pixels where both are solid of rendered depth less that of the visual hull of all"
    " captured views, carved from pixels that show any of the animal; positive: behind the hull's surface",
    "depth_p90_mm": "likewise, 90th percentile",
    "depth_in_front": "share of these pixels before the hull's surface by more than a voxel, where no animal can be",
    "true_views": "cameras that no capture has; psnr, psnr_foreground, ssim and iou are means over them",
    "accuracy_mm": "mm, mean distance of Gaussians' centers from the nearest point of the true surface, weighed by"
    " opacity, of Gaussians above evaluation.model_opacity; of the visual hull: of its surface voxels' centers, all"
    " alike",
    "completeness_mm": "mm, mean distance of points of the true surface, evenly by area, from the nearest of these",
    "chamfer_mm": "mm, mean of accuracy_mm and completeness_mm",
    "gaussians": "centers that were compared",
    "block": "of time: a run of a capture's frames that no frame of another split interrupts; frames within one are"
    " much alike",
    "foreground": "rule by which a pixel of a target is foreground",
    "weights": "behind the answer: file, checksum and license of the network's weights, of those that drew views of the"
    " samples, and of what all of these come of; none: no network",
    "status": "complete, or what befell the weights or the cameras",
}


def scores_columns(lpips: bool) -> list[str]:
    """Columns of scores, with LPIPS or without."""
    if not lpips:
        return list(COLUMNS)
    place = COLUMNS.index(METRICS[-1]) + 1
    return [*COLUMNS[:place], LPIPS, *COLUMNS[place:]]


def metrics_among(columns: list[str]) -> list[str]:
    """Metrics that a table of scores has, in the order of its columns."""
    known = {*METRICS, LPIPS, *DEPTH_METRICS, *TRUE_METRICS}
    return [column for column in columns if column in known]
