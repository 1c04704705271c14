"""What makes a matrix a rotation, and why one is not."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

ROTATION_TOLERANCE = 1e-4  # largest entry of R R^T - I; calibration files carry six digits or more


def rotation_fault(rotation: Float[Tensor, "3 3"]) -> str | None:
    """Say in what way a matrix is no proper rotation: NaN, mirrored, scaled or sheared; None if it is one."""
    if not bool(torch.isfinite(rotation).all()):
        return f"holds numbers that are not finite: {_rounded(rotation)}"
    rotation = rotation.double()
    determinant = float(torch.linalg.det(rotation))
    gram = rotation @ rotation.T
    scale = float(torch.diagonal(gram).mean().sqrt())
    identity = torch.eye(3, dtype=torch.float64)
    if scale < 1e-12 or float((gram / scale**2 - identity).abs().max()) > ROTATION_TOLERANCE:
        return f"is sheared (rows are not orthogonal or not equally long), determinant {determinant:.6g}"
    if determinant < 0:
        return f"is mirrored: determinant {determinant:.6g}, expected 1"
    if abs(scale - 1) > ROTATION_TOLERANCE:
        return f"is scaled by {scale:.6g}: determinant {determinant:.6g}, expected 1"
    return None


def turn_about_z(degrees: float) -> Float[Tensor, "3 3"]:
    """Turn the world counterclockwise seen from above; float64."""
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    return torch.tensor([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]], dtype=torch.float64)


def rotation_to_z(up: Float[Tensor, "3"]) -> Float[Tensor, "3 3"]:
    """Build the smallest rotation that turns the direction `up` to +z.

    Source: Rodrigues' formula for the rotation between two unit vectors.

    Raises:
        ValueError: `up` has no direction.
    """
    length = float(torch.linalg.vector_norm(up))
    if not length > 1e-12:
        raise ValueError(f"up: {up.tolist()} has no direction")
    x, y, z = (up.double() / length).tolist()
    if z < -1 + 1e-12:  # opposite: half a turn about x
        return torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))
    shared = 1 / (1 + z)
    return torch.tensor(
        [[1 - x * x * shared, -x * y * shared, -x], [-x * y * shared, 1 - y * y * shared, -y], [x, y, z]],
        dtype=torch.float64,
    )


def look_at(
    centers: Float[Tensor, "view 3"], target: Float[Tensor, "3"], up: Float[Tensor, "3"]
) -> Float[Tensor, "view 4 4"]:
    """Pose cameras (camera to world, OpenCV axes) at `centers`, looking at `target` without roll about it.

    A camera that looks straight along `up` has no upright side; its picture's right is then the world's x.

    Raises:
        ValueError: a camera stands at the target.
    """
    forward = target - centers
    distance = torch.linalg.vector_norm(forward, dim=-1, keepdim=True)
    if bool((distance < 1e-9).any()):
        raise ValueError("a camera stands at the point that it is to look at")
    forward = forward / distance
    right = torch.linalg.cross(forward, up.expand_as(forward), dim=-1)
    length = torch.linalg.vector_norm(right, dim=-1, keepdim=True)
    vertical = length < 1e-6 * torch.linalg.vector_norm(up)
    x_axis = torch.tensor([1.0, 0.0, 0.0], dtype=centers.dtype).expand_as(right)
    right = torch.where(vertical, x_axis, right)
    length = torch.where(vertical, torch.ones_like(length), length)
    right = right / length
    down = torch.linalg.cross(forward, right, dim=-1)
    pose = torch.eye(4, dtype=centers.dtype).repeat(len(centers), 1, 1)
    pose[:, :3, :3] = torch.stack([right, down, forward], dim=-1)
    pose[:, :3, 3] = centers
    return pose


def _rounded(values: Tensor) -> list[float]:
    return [round(x, 6) for x in values.flatten().tolist()]
