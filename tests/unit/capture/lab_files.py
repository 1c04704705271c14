"""One rig as each tool would write it: what readers must bring back to the same cameras."""

import json
import math
import pickle
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import scipy.io
import torch
from scipy.spatial.transform import Rotation

from mouse_facelift.geometry.calibration import Calibration
from mouse_facelift.geometry.cameras import invert_poses
from mouse_facelift.geometry.rotations import look_at

WIDTH, HEIGHT = 1152, 1024


def make_rig(names: Sequence[str], lens: Sequence[float], seed: int = 0) -> Calibration:
    """Cameras around the point (50, 60, 20), z up, lengths in mm."""
    chance = np.random.default_rng(seed)
    views = len(names)
    turn = np.linspace(0, 2 * np.pi, views, endpoint=False) + 0.3
    radius, height = chance.uniform(250, 400, views), chance.uniform(40, 300, views)
    centers = torch.tensor(np.stack([50 + radius * np.cos(turn), 60 + radius * np.sin(turn), height], axis=1))
    poses = look_at(centers, torch.tensor([50.0, 60.0, 20.0]).double(), torch.tensor([0.0, 0.0, 1.0]).double())
    intrinsics = np.tile(np.eye(3), (views, 1, 1))
    intrinsics[:, 0, 0] = chance.uniform(1500, 1700, views)
    intrinsics[:, 1, 1] = intrinsics[:, 0, 0] + chance.uniform(-5, 5, views)
    intrinsics[:, 0, 2] = WIDTH / 2 + chance.uniform(-30, 30, views)
    intrinsics[:, 1, 2] = HEIGHT / 2 + chance.uniform(-30, 30, views)
    return Calibration(
        list(names),
        torch.tensor(intrinsics),
        torch.tensor(lens, dtype=torch.float64).repeat(views, 1),
        invert_poses(poses),
        torch.tensor([[WIDTH, HEIGHT]] * views),
    )


def filestorage(content: dict[str, Any]) -> str:
    """Text of OpenCV's FileStorage, written without it."""
    lines = ["%YAML:1.0", "---"]
    for key, value in content.items():
        if isinstance(value, np.ndarray):
            rows, columns = value.shape
            data = ", ".join(repr(float(number)) for number in value.ravel())
            lines += [f"{key}: !!opencv-matrix", f"   rows: {rows}", f"   cols: {columns}", "   dt: d"]
            lines.append(f"   data: [ {data} ]")
        elif isinstance(value, list):
            lines += [f"{key}:", *(f'   - "{entry}"' for entry in value)]
        else:
            lines.append(f"{key}: {value}")
    return "\n".join([*lines, ""])


def _camera(rig: Calibration, view: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    pose = rig.world_to_camera[view].numpy()
    return rig.intrinsics[view].numpy().copy(), rig.distortion[view].numpy(), pose[:3, :3], pose[:3, 3]


def dannce_lens(rig: Calibration, view: int) -> dict[str, np.ndarray]:
    K, D, R, t = _camera(rig, view)
    K[:2, 2] += 1
    return {"K": K.T, "RDistort": D[[0, 1, 4]][None], "TDistort": D[2:4][None], "r": R.T, "t": t[None]}


def write_label3d(rig: Calibration, folder: Path) -> Path:
    cells, names = np.empty((len(rig), 1), object), np.empty((len(rig), 1), object)
    cells[:, 0], names[:, 0] = [dannce_lens(rig, view) for view in range(len(rig))], rig.names
    path = folder / "20260101_Label3D.mat"
    sizes = np.array([[HEIGHT, WIDTH]] * len(rig), dtype=float)
    scipy.io.savemat(path, {"camParams": cells, "imageSize": sizes, "camnames": names, "status": np.zeros((2, 3))})
    return path


def write_dannce_params(rig: Calibration, folder: Path) -> Path:
    for view, name in enumerate(rig.names):
        scipy.io.savemat(folder / f"{name}_params.mat", dannce_lens(rig, view))
    return folder


def mammal_cameras(rig: Calibration) -> list[dict[str, np.ndarray]]:
    found = []
    for view in range(len(rig)):
        K, _, R, t = _camera(rig, view)
        found.append({"K": K, "R": R, "T": t, "mapx": np.zeros((HEIGHT, WIDTH), np.float32)})
    return found


def write_mammal(rig: Calibration, folder: Path, protocol: int = 4) -> Path:
    path = folder / "new_cam.pkl"
    path.write_bytes(pickle.dumps(mammal_cameras(rig), protocol))
    return path


def write_jarvis(rig: Calibration, folder: Path) -> Path:
    for view, name in enumerate(rig.names):
        K, D, R, t = _camera(rig, view)
        content = {"intrinsicMatrix": K.T, "distortionCoefficients": D[None], "R": R.T, "T": t[:, None]}
        (folder / f"{name}.yaml").write_text(filestorage(content))
    return folder


def write_opencv(rig: Calibration, folder: Path) -> Path:
    for view, name in enumerate(rig.names):
        K, D, R, t = _camera(rig, view)
        turned = R if view % 2 else cv2.Rodrigues(R)[0]
        content = {"image_width": WIDTH, "image_height": HEIGHT, "camera_matrix": K, "R": turned, "T": t[:, None]}
        content["distortion_coefficients"] = D[:, None] if view % 2 else D[None]
        (folder / f"{name}.yml").write_text(filestorage(content))
    return folder


def write_easymocap(rig: Calibration, folder: Path) -> Path:
    intri: dict[str, Any] = {"names": rig.names}
    extri: dict[str, Any] = {"names": rig.names}
    for view, name in enumerate(rig.names):
        K, D, R, t = _camera(rig, view)
        intri |= {f"K_{name}": K, f"dist_{name}": D[None], f"H_{name}": HEIGHT, f"W_{name}": WIDTH}
        extri |= {f"R_{name}": Rotation.from_matrix(R).as_rotvec()[None], f"Rot_{name}": R, f"T_{name}": t[:, None]}
    (folder / "intri.yml").write_text(filestorage(intri))
    (folder / "extri.yml").write_text(filestorage(extri))
    return folder


def write_colmap_binary(rig: Calibration, folder: Path) -> Path:
    """IDs that are not contiguous, pictures in the reverse order, points behind every pose."""
    cameras, images = struct.pack("<Q", len(rig)), struct.pack("<Q", len(rig))
    for view in reversed(range(len(rig))):
        K, D, R, t = _camera(rig, view)
        parameters = [K[0, 0], K[1, 1], K[0, 2] + 0.5, K[1, 2] + 0.5, *D.tolist(), 0.0, 0.0, 0.0]
        cameras += struct.pack("<iiQQ12d", 3 * view + 7, 6, WIDTH, HEIGHT, *parameters)
        quaternion = -Rotation.from_matrix(R).as_quat(scalar_first=True)
        images += struct.pack("<i7di", 5 * view + 2, *quaternion, *t, 3 * view + 7)
        images += f"{rig.names[view]}.jpg".encode() + b"\0" + struct.pack("<Q2dq2dq", 2, 1, 2, 3, 4, 5, -1)
    (folder / "cameras.bin").write_bytes(cameras)
    (folder / "images.bin").write_bytes(images)
    return folder


def nerfstudio_content(rig: Calibration) -> dict[str, Any]:
    """Shared intrinsics at the top level, which frames state otherwise."""
    frames = []
    for view, name in enumerate(rig.names):
        K, _, R, t = _camera(rig, view)
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = R.T @ np.diag([1, -1, -1]), -R.T @ t
        lens = {"fl_x": K[0, 0], "fl_y": K[1, 1], "cx": K[0, 2] + 0.5, "cy": K[1, 2] + 0.5}
        frames.append({"file_path": f"./images/{name}.png", "transform_matrix": pose.tolist(), **lens})
    k1, k2, p1, p2, k3 = rig.distortion[0].tolist()
    lens = {"k1": k1, "k2": k2, "k3": k3, "p1": p1, "p2": p2, "fl_x": 1.0, "cx": 3.0}
    return {"camera_model": "OPENCV", "w": WIDTH, "h": HEIGHT, **lens, "frames": frames}


def write_nerfstudio(rig: Calibration, folder: Path) -> Path:
    path = folder / "transforms.json"
    path.write_text(json.dumps(nerfstudio_content(rig)))
    return path


def multical_content(rig: Calibration) -> dict[str, Any]:
    """The first camera is the master, the second is told relative to it, all others relative to the second."""
    cameras, poses = {}, {}
    matrices = rig.world_to_camera.numpy()
    for view, name in enumerate(rig.names):
        K, D, _, _ = _camera(rig, view)
        lens = {"model": "standard", "image_size": [float(WIDTH), float(HEIGHT)], "K": K.tolist()}
        cameras[name] = {**lens, "dist": [D.tolist()]}
        base = None if view == 0 else 0 if view == 1 else 1
        step = matrices[view] if base is None else matrices[view] @ np.linalg.inv(matrices[base])
        key = name if base is None else f"{name}_to_{rig.names[base]}"
        poses[key] = {"R": step[:3, :3].tolist(), "T": step[:3, 3].tolist()}
    return {"cameras": cameras, "camera_poses": dict(reversed(poses.items()))}


def write_multical(rig: Calibration, folder: Path) -> Path:
    path = folder / "calibration.json"
    path.write_text(json.dumps(multical_content(rig)))
    return path


def qualisys_text(rig: Calibration, **changes: str) -> str:
    """All cameras of the rig; `changes` are attributes of the second."""
    lines = ["<?xml version='1.0' encoding='ASCII'?>", "<calibration><cameras>"]
    for view, name in enumerate(rig.names):
        K, D, R, t = _camera(rig, view)
        x, y, z = (-R.T @ t).tolist()
        M = np.diag([1, -1, -1]) @ R
        rotation = " ".join(f'r{i + 1}{j + 1}="{float(M[i, j])!r}"' for i in range(3) for j in range(3))
        attributes = {"serial": name, "active": "1", "viewrotation": "0"} | (changes if view == 1 else {})
        words = " ".join(f'{key}="{value}"' for key, value in attributes.items())
        k1, k2, p1, p2, k3 = D.tolist()
        fx, fy, cx, cy = (64 * K[[0, 1, 0, 1], [0, 1, 2, 2]]).tolist()
        lines += [
            f"<camera {words}>",
            f'<fov_video left="0" top="0" right="{WIDTH - 1}" bottom="{HEIGHT - 1}"/>',
            f'<transform x="{x!r}" y="{y!r}" z="{z!r}" {rotation}/>',
            f'<intrinsic focalLengthU="{fx!r}" focalLengthV="{fy!r}" centerPointU="{cx!r}" centerPointV="{cy!r}"'
            f' radialDistortion1="{k1!r}" radialDistortion2="{k2!r}" radialDistortion3="{k3!r}" skew="0"'
            f' tangentalDistortion1="{p1!r}" tangentalDistortion2="{p2!r}" sensorMinU="0" sensorMinV="0"'
            f' sensorMaxU="{64 * (WIDTH - 1)}" sensorMaxV="{64 * (HEIGHT - 1)}"/>',
            "</camera>",
        ]
    return "\n".join([*lines, "</cameras></calibration>"])


def write_qualisys(rig: Calibration, folder: Path) -> Path:
    path = folder / "session.qca.txt"
    path.write_text(qualisys_text(rig))
    return path


def blender_content(rig: Calibration, focal: float) -> dict[str, Any]:
    content = nerfstudio_content(rig)
    frames = [
        {"file_path": f"./train/{name}", "transform_matrix": frame["transform_matrix"]}
        for name, frame in zip(rig.names, content["frames"], strict=True)
    ]
    return {"camera_angle_x": 2 * math.atan(WIDTH / (2 * focal)), "frames": frames}
