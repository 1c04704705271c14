"""Projection of 3D Gaussians to 2D Gaussians on the picture, and its gradient.

Sources: EWA splatting (Zwicker et al. 2001) as 3D Gaussian splatting uses it (arXiv:2308.04079), with the
conventions of gsplat 1.5.3 (arXiv:2409.06765), `rasterize_mode="classic"`.
"""

import math

import numpy as np
from jaxtyping import Float, Int
from numba import prange

from mouse_facelift.rendering.rasterizer.compilation import device_function, parallel_kernel

Triple = tuple[float, float, float]
Matrix = tuple[Triple, Triple, Triple]

GAUSSIANS_PER_TASK = 512  # fixed, so that sums over tasks do not depend on the number of threads
FARTHEST_PIXEL = 1e8  # centers beyond would overflow the integers of a box
BOX_MARGIN = 0.01  # px, above the rounding error of float32


@parallel_kernel
def project(
    means: Float[np.ndarray, "gaussian 3"],
    quats: Float[np.ndarray, "gaussian 4"],
    scales: Float[np.ndarray, "gaussian 3"],
    opacities: Float[np.ndarray, " gaussian"],
    colors: Float[np.ndarray, "gaussian 3"],
    viewmats: Float[np.ndarray, "camera 4 4"],
    lenses: Float[np.ndarray, "camera 8"],
    limits: Float[np.ndarray, "4"],
    width: int,
    height: int,
    splats: Float[np.ndarray, "camera gaussian 10"],
    boxes: Int[np.ndarray, "camera gaussian 4"],
    depths: Float[np.ndarray, "camera gaussian"],
) -> None:
    """Project every Gaussian to every camera.

    lenses: fx, fy, cx, cy, then the lowest and highest x/z, and y/z, at which the Jacobian is taken.
    limits: near plane, far plane, blur added to the diagonal of the 2D covariance (px^2), least alpha drawn.
    splats, written: center x, y (px), inverse covariance xx, xy, yy, opacity, red, green, blue, depth;
    the depth again in `depths`.
    boxes, written: columns [x0, x1) and rows [y0, y1) that hold every pixel with at least the least alpha; x1 = x0
    where nothing is drawn: outside the picture or the depth limits, too faint, or with a NaN or infinity.
    """
    number = means.dtype.type
    zero, half, two = number(0), number(0.5), number(2)
    margin, farthest, infinity = number(BOX_MARGIN), number(FARTHEST_PIXEL), number(np.inf)
    near, far, blur, least_alpha = limits[0], limits[1], limits[2], limits[3]
    right, bottom = number(width), number(height)
    cameras, gaussians = splats.shape[0], splats.shape[1]
    for task in prange((gaussians + GAUSSIANS_PER_TASK - 1) // GAUSSIANS_PER_TASK):
        first = task * GAUSSIANS_PER_TASK
        for n in range(first, min(gaussians, first + GAUSSIANS_PER_TASK)):
            for c in range(cameras):
                boxes[c, n, :] = 0
            opacity = opacities[n]
            brightness = abs(colors[n, 0]) + abs(colors[n, 1]) + abs(colors[n, 2])
            if not (opacity >= least_alpha and opacity < infinity and brightness < infinity):
                continue
            rotation, _, _ = _rotation(quats[n])
            axes = _half_axes(rotation, scales[n])
            reach = two * math.log(opacity / least_alpha)  # squared Mahalanobis distance where alpha is the least
            for c in range(cameras):
                viewmat, lens = viewmats[c], lenses[c]
                x, y, z = _to_camera(viewmat, means[n])
                if not (z >= near and z <= far):
                    continue
                jacobian_x, jacobian_y, _, _, _, _ = _image_jacobian(viewmat, lens, x, y, z)
                axes_x, axes_y = _row_times(jacobian_x, axes), _row_times(jacobian_y, axes)
                xx, xy, yy = _dot(axes_x, axes_x) + blur, _dot(axes_x, axes_y), _dot(axes_y, axes_y) + blur
                determinant = xx * yy - xy * xy
                center_x, center_y = lens[0] * (x / z) + lens[2], lens[1] * (y / z) + lens[3]
                if not (zero < determinant < infinity and abs(center_x) < farthest and abs(center_y) < farthest):
                    continue
                reach_x, reach_y = math.sqrt(reach * xx) + margin, math.sqrt(reach * yy) + margin
                x0 = math.ceil(max(center_x - reach_x - half, zero))
                y0 = math.ceil(max(center_y - reach_y - half, zero))
                x1 = math.floor(min(center_x + reach_x + half, right))
                y1 = math.floor(min(center_y + reach_y + half, bottom))
                if x1 <= x0 or y1 <= y0:
                    continue
                box, splat = boxes[c, n], splats[c, n]
                box[0], box[1], box[2], box[3] = x0, x1, y0, y1
                splat[0], splat[1] = center_x, center_y
                splat[2], splat[3], splat[4] = yy / determinant, -xy / determinant, xx / determinant
                splat[5] = opacity
                splat[6], splat[7], splat[8] = colors[n, 0], colors[n, 1], colors[n, 2]
                splat[9] = z
                depths[c, n] = z


@parallel_kernel
def project_backward(
    means: Float[np.ndarray, "gaussian 3"],
    quats: Float[np.ndarray, "gaussian 4"],
    scales: Float[np.ndarray, "gaussian 3"],
    viewmats: Float[np.ndarray, "camera 4 4"],
    lenses: Float[np.ndarray, "camera 8"],
    limits: Float[np.ndarray, "4"],
    boxes: Int[np.ndarray, "camera gaussian 4"],
    grad_splats: Float[np.ndarray, "camera gaussian 10"],
    grad_means: Float[np.ndarray, "gaussian 3"],
    grad_quats: Float[np.ndarray, "gaussian 4"],
    grad_scales: Float[np.ndarray, "gaussian 3"],
    grad_opacities: Float[np.ndarray, " gaussian"],
    grad_colors: Float[np.ndarray, "gaussian 3"],
    grad_viewmats: Float[np.ndarray, "task camera 3 4"],
) -> None:
    """Carry gradients by the splats on to the Gaussians and cameras.

    The grad_ arrays after `grad_splats` are written, and come in as zeros. grad_viewmats holds the upper three rows,
    one part for each task of GAUSSIANS_PER_TASK: their sum is the gradient.
    """
    number = means.dtype.type
    zero, half, two = number(0), number(0.5), number(2)
    blur = limits[2]
    cameras, gaussians = boxes.shape[0], boxes.shape[1]
    for task in prange((gaussians + GAUSSIANS_PER_TASK - 1) // GAUSSIANS_PER_TASK):
        grad_axes = np.empty((3, 3), means.dtype)
        first = task * GAUSSIANS_PER_TASK
        for n in range(first, min(gaussians, first + GAUSSIANS_PER_TASK)):
            drawn = False
            for c in range(cameras):
                drawn |= boxes[c, n, 1] > boxes[c, n, 0]
            if not drawn:
                continue
            mean, scale = means[n], scales[n]
            rotation, unit_quat, inverse_length = _rotation(quats[n])
            axes = _half_axes(rotation, scale)
            grad_axes[:] = zero
            for c in range(cameras):
                if boxes[c, n, 1] <= boxes[c, n, 0]:
                    continue
                viewmat, lens, grad, grad_viewmat = viewmats[c], lenses[c], grad_splats[c, n], grad_viewmats[task, c]
                x, y, z = _to_camera(viewmat, mean)
                jacobian_x, jacobian_y, slope_x, slope_y, focal_x, focal_y = _image_jacobian(viewmat, lens, x, y, z)
                axes_x, axes_y = _row_times(jacobian_x, axes), _row_times(jacobian_y, axes)
                xx, xy, yy = _dot(axes_x, axes_x) + blur, _dot(axes_x, axes_y), _dot(axes_y, axes_y) + blur
                by_xx, by_xy, by_yy = _inverse_gradient(xx, xy, yy, grad[2], half * grad[3], grad[4])
                by_slope_x = by_slope_y = by_focal_x = by_focal_y = zero
                for i in range(3):
                    by_jacobian_x = by_jacobian_y = zero
                    for j in range(3):
                        by_axis_x = two * (by_xx * axes_x[j] + by_xy * axes_y[j])
                        by_axis_y = two * (by_xy * axes_x[j] + by_yy * axes_y[j])
                        by_jacobian_x += by_axis_x * axes[i][j]
                        by_jacobian_y += by_axis_y * axes[i][j]
                        grad_axes[i, j] += jacobian_x[i] * by_axis_x + jacobian_y[i] * by_axis_y
                    along_z = focal_x * by_jacobian_x * slope_x + focal_y * by_jacobian_y * slope_y
                    grad_viewmat[0, i] += focal_x * by_jacobian_x
                    grad_viewmat[1, i] += focal_y * by_jacobian_y
                    grad_viewmat[2, i] -= along_z
                    by_slope_x -= by_jacobian_x * focal_x * viewmat[2, i]
                    by_slope_y -= by_jacobian_y * focal_y * viewmat[2, i]
                    by_focal_x += by_jacobian_x * (viewmat[0, i] - slope_x * viewmat[2, i])
                    by_focal_y += by_jacobian_y * (viewmat[1, i] - slope_y * viewmat[2, i])
                if slope_x != x / z:  # beyond the clamp
                    by_slope_x = zero
                if slope_y != y / z:
                    by_slope_y = zero
                by_slope_x += lens[0] * grad[0]
                by_slope_y += lens[1] * grad[1]
                by_x, by_y = by_slope_x / z, by_slope_y / z
                by_z = grad[9] - (by_x * x + by_y * y + by_focal_x * focal_x + by_focal_y * focal_y) / z
                by_camera = (by_x, by_y, by_z)
                for i in range(3):
                    grad_means[n, i] += viewmat[0, i] * by_x + viewmat[1, i] * by_y + viewmat[2, i] * by_z
                    for j in range(3):
                        grad_viewmat[i, j] += by_camera[i] * mean[j]
                    grad_viewmat[i, 3] += by_camera[i]
                    grad_colors[n, i] += grad[6 + i]
                grad_opacities[n] += grad[5]
            for j in range(3):
                for i in range(3):
                    grad_scales[n, j] += grad_axes[i, j] * rotation[i][j]
                    grad_axes[i, j] *= scale[j]
            grad_quats[n, 0], grad_quats[n, 1], grad_quats[n, 2], grad_quats[n, 3] = _rotation_gradient(
                grad_axes, unit_quat, inverse_length
            )


@device_function
def _rotation(quat: Float[np.ndarray, "4"]) -> tuple[Matrix, tuple[float, float, float, float], float]:
    """Rotation matrix of a quaternion wxyz of any length, the unit quaternion, and 1 / length."""
    number = quat.dtype.type
    one, two = number(1), number(2)
    w, x, y, z = quat[0], quat[1], quat[2], quat[3]
    inverse_length = one / math.sqrt(w * w + x * x + y * y + z * z)
    w, x, y, z = w * inverse_length, x * inverse_length, y * inverse_length, z * inverse_length
    rotation = (
        (one - two * (y * y + z * z), two * (x * y - w * z), two * (x * z + w * y)),
        (two * (x * y + w * z), one - two * (x * x + z * z), two * (y * z - w * x)),
        (two * (x * z - w * y), two * (y * z + w * x), one - two * (x * x + y * y)),
    )
    return rotation, (w, x, y, z), inverse_length


@device_function
def _rotation_gradient(
    grad: Float[np.ndarray, "3 3"], unit_quat: tuple[float, float, float, float], inverse_length: float
) -> tuple[float, float, float, float]:
    """Gradient by the quaternion, from the gradient by its rotation matrix."""
    w, x, y, z = unit_quat
    around_x, around_y, around_z = grad[2, 1] - grad[1, 2], grad[0, 2] - grad[2, 0], grad[1, 0] - grad[0, 1]
    with_x, with_y, with_z = grad[1, 2] + grad[2, 1], grad[0, 2] + grad[2, 0], grad[0, 1] + grad[1, 0]
    g00, g11, g22 = grad[0, 0] + grad[0, 0], grad[1, 1] + grad[1, 1], grad[2, 2] + grad[2, 2]
    by_w = x * around_x + y * around_y + z * around_z
    by_x = w * around_x + y * with_z + z * with_y - x * (g11 + g22)
    by_y = w * around_y + x * with_z + z * with_x - y * (g00 + g22)
    by_z = w * around_z + x * with_y + y * with_x - z * (g00 + g11)
    along = by_w * w + by_x * x + by_y * y + by_z * z
    factor = inverse_length + inverse_length
    return (
        (by_w - along * w) * factor,
        (by_x - along * x) * factor,
        (by_y - along * y) * factor,
        (by_z - along * z) * factor,
    )


@device_function
def _half_axes(rotation: Matrix, scale: Float[np.ndarray, "3"]) -> Matrix:
    """Rotation times scales: its columns are the half axes of the Gaussian, in world axes."""
    (r00, r01, r02), (r10, r11, r12), (r20, r21, r22) = rotation
    s0, s1, s2 = scale[0], scale[1], scale[2]
    return (r00 * s0, r01 * s1, r02 * s2), (r10 * s0, r11 * s1, r12 * s2), (r20 * s0, r21 * s1, r22 * s2)


@device_function
def _to_camera(viewmat: Float[np.ndarray, "4 4"], mean: Float[np.ndarray, "3"]) -> Triple:
    m0, m1, m2 = mean[0], mean[1], mean[2]
    x = viewmat[0, 0] * m0 + viewmat[0, 1] * m1 + viewmat[0, 2] * m2 + viewmat[0, 3]
    y = viewmat[1, 0] * m0 + viewmat[1, 1] * m1 + viewmat[1, 2] * m2 + viewmat[1, 3]
    z = viewmat[2, 0] * m0 + viewmat[2, 1] * m1 + viewmat[2, 2] * m2 + viewmat[2, 3]
    return x, y, z


@device_function
def _image_jacobian(
    viewmat: Float[np.ndarray, "4 4"], lens: Float[np.ndarray, "8"], x: float, y: float, z: float
) -> tuple[Triple, Triple, float, float, float, float]:
    """Gradients of a pixel's x and y by world coordinates, taken within the lens' widened field of view.

    With them, the slopes x/z and y/z where they were taken, fx/z and fy/z.
    """
    slope_x = min(lens[5], max(lens[4], x / z))
    slope_y = min(lens[7], max(lens[6], y / z))
    focal_x, focal_y = lens[0] / z, lens[1] / z
    z0, z1, z2 = viewmat[2, 0], viewmat[2, 1], viewmat[2, 2]
    jacobian_x = (
        focal_x * (viewmat[0, 0] - slope_x * z0),
        focal_x * (viewmat[0, 1] - slope_x * z1),
        focal_x * (viewmat[0, 2] - slope_x * z2),
    )
    jacobian_y = (
        focal_y * (viewmat[1, 0] - slope_y * z0),
        focal_y * (viewmat[1, 1] - slope_y * z1),
        focal_y * (viewmat[1, 2] - slope_y * z2),
    )
    return jacobian_x, jacobian_y, slope_x, slope_y, focal_x, focal_y


@device_function
def _inverse_gradient(
    xx: float, xy: float, yy: float, by_inverse_xx: float, by_inverse_xy: float, by_inverse_yy: float
) -> Triple:
    """Gradient by a symmetric 2x2 matrix, from the gradient G by its inverse Q: -Q G Q."""
    determinant = xx * yy - xy * xy
    qxx, qxy, qyy = yy / determinant, -xy / determinant, xx / determinant
    a, b = by_inverse_xx * qxx + by_inverse_xy * qxy, by_inverse_xx * qxy + by_inverse_xy * qyy
    c, d = by_inverse_xy * qxx + by_inverse_yy * qxy, by_inverse_xy * qxy + by_inverse_yy * qyy
    return -(qxx * a + qxy * c), -(qxx * b + qxy * d), -(qxy * b + qyy * d)


@device_function
def _row_times(row: Triple, matrix: Matrix) -> Triple:
    return (
        row[0] * matrix[0][0] + row[1] * matrix[1][0] + row[2] * matrix[2][0],
        row[0] * matrix[0][1] + row[1] * matrix[1][1] + row[2] * matrix[2][1],
        row[0] * matrix[0][2] + row[1] * matrix[1][2] + row[2] * matrix[2][2],
    )


@device_function
def _dot(a: Triple, b: Triple) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
