"""Whether cameras keep the contract of the pretrained network, and in which field they do not."""

import math
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.settings import CameraContract

FOCAL_TOLERANCE = 1e-4  # relative
PIXEL_TOLERANCE = 1e-2  # px of the principal point, of a picture of 512
SUBJECT_FIELD = "subject_radius"
AIM_TOLERANCE = 1e-3  # world units by which an optical axis may miss the origin


def contract_intrinsics(contract: CameraContract) -> Float[Tensor, "3 3"]:
    """The contract's K, float64, principal point from the picture's outer corner."""
    middle = contract.principal_point
    K = [[contract.focal, 0, middle], [0, contract.focal, middle], [0, 0, 1]]
    return torch.tensor(K, dtype=torch.float64)


def contract_violations(cameras: Cameras, contract: CameraContract) -> list[str]:
    """List what breaks the contract: field, view, found, expected. Empty if all views keep it."""
    violations = []
    size = contract.image_size
    if (cameras.width, cameras.height) != (size, size):
        violations.append(f"image_size: found {cameras.width} x {cameras.height} px, expected {size} x {size}")
    near, far = contract.distance_range
    for view in range(len(cameras)):
        fx, fy, cx, cy = cameras.fxfycxcy[view].tolist()
        if max(abs(fx - contract.focal), abs(fy - contract.focal)) > FOCAL_TOLERANCE * contract.focal:
            violations.append(f"focal: view {view}: found {fx:.4f}, {fy:.4f} px, expected {contract.focal:.4f}")
        middle = contract.principal_point
        if max(abs(cx - middle), abs(cy - middle)) > PIXEL_TOLERANCE * size / 512:
            violations.append(f"principal_point: view {view}: found {cx:.4f}, {cy:.4f} px, expected {middle:.4f}")
        if abs(float(cameras.intrinsics[view, 0, 1])) > FOCAL_TOLERANCE * contract.focal:
            violations.append(f"skew: view {view}: found {float(cameras.intrinsics[view, 0, 1]):.4f}, expected 0")
        pose = cameras.camera_to_world[view].double()
        distance = float(torch.linalg.vector_norm(pose[:3, 3]))
        if not near <= distance <= far:
            violations.append(f"distance: view {view}: found {distance:.4f} units, expected {near} to {far}")
        miss = float(torch.linalg.vector_norm(torch.linalg.cross(pose[:3, 3], pose[:3, 2])))
        behind = float(pose[:3, 3] @ pose[:3, 2]) >= 0
        if behind or miss > AIM_TOLERANCE * max(distance, 1.0):
            aim = "looks away from the origin" if behind else f"misses the origin by {miss:.4f} units"
            violations.append(f"aim: view {view}: the optical axis {aim}, expected to meet it")
        roll = math.degrees(math.asin(max(-1.0, min(1.0, float(pose[2, 0])))))
        if abs(roll) > 0.1:
            violations.append(f"roll: view {view}: found {roll:.2f} degrees about the axis, expected 0 (z is up)")
    return violations


def subject_violations(
    subjects: Iterable[tuple[tuple[float, float, float], float]], contract: CameraContract
) -> list[str]:
    """Say if a subject reaches further from the origin than the contract allows; the one that does most speaks.

    Args:
        subjects: center and radius of each, world units.
        contract: which says how far it may reach.
    """
    reach = max((math.hypot(*center) + radius for center, radius in subjects), default=0.0)
    if reach <= contract.subject_radius:
        return []
    return [
        f"{SUBJECT_FIELD}: found a subject that reaches {reach:.4g} units from the origin,"
        f" expected at most {contract.subject_radius}"
    ]


def require_contract(cameras: Cameras, contract: CameraContract, where: str) -> None:
    """Raise ValueError, naming `where` and every broken field, unless the cameras keep the contract."""
    if violations := contract_violations(cameras, contract):
        listed = "\n  ".join(violations[:8] + ([f"... and {len(violations) - 8} more"] if len(violations) > 8 else []))
        raise ValueError(f"{where}: the cameras break the contract:\n  {listed}")
