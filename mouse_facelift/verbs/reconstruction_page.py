"""The page of a reconstruction: its frames, played in time, among the cameras of the views that went in."""

from collections.abc import Sequence
from pathlib import Path

from mouse_facelift.formats.licensed import LicensedWeights
from mouse_facelift.formats.predictions import spread
from mouse_facelift.formats.sample_folder import CAMERAS_FILE, camera_frames_to_cameras, read_camera_frames
from mouse_facelift.settings import CameraContract, Exports
from mouse_facelift.verbs.record import ReconstructedFrame
from mouse_facelift.viewing.scene import Picture, Scene, SceneCamera, SceneFrame, count_table, weights_table
from mouse_facelift.viewing.scene_page import write_scene_page


def write_reconstruction_page(
    page: Path,
    poster: Path,
    frames: Sequence[ReconstructedFrame],
    title: str,
    radius: float,
    origins: Sequence[LicensedWeights],
    contract: CameraContract,
    exports: Exports,
) -> int:
    """Write the page `page`, in the folder of the reconstruction; returns how many frames it shows.

    Where `exports.page_megabytes` has not room for all of them, as many as fit are shown, spread evenly.

    Args:
        page: to write.
        poster: a GIF, for browsers that draw no Gaussians.
        frames: of the reconstruction.
        title: of the page.
        radius: world units that the animal reaches.
        origins: weights behind the Gaussians.
        contract: at whose distance the view begins.
        exports: how large the page may be.
    """
    home = page.parent
    room = 1e6 * exports.page_megabytes - poster.stat().st_size
    shown = spread(frames, max(1, int(room / max(_size(home, frame) for frame in frames))))
    words = f"{len(frames)} frame{'s' if len(frames) > 1 else ''}"
    if len(shown) < len(frames):
        words = f"{len(shown)} of {words}, for the page may have {exports.page_megabytes:g} MB (exports.page_megabytes)"
    scene = Scene(
        title=title,
        subtitle=words,
        center=(0.0, 0.0, 0.0),
        distance=contract.distance,
        radius=radius,
        frames=tuple(_describe(home, frame) for frame in shown),
        tables=(count_table(frames), weights_table(origins)),
        poster=Picture(poster.read_bytes(), "image/gif"),
    )
    write_scene_page(page, scene, exports.page_megabytes)
    return len(shown)


def _files(home: Path, frame: ReconstructedFrame) -> list[Path]:
    """Its Gaussians, then the pictures of its views."""
    views = read_camera_frames(home / frame.views / CAMERAS_FILE)
    return [home / frame.spz, *(home / frame.views / view["file_path"] for view in views)]


def _size(home: Path, frame: ReconstructedFrame) -> int:
    return sum(path.stat().st_size for path in _files(home, frame))


def _describe(home: Path, frame: ReconstructedFrame) -> SceneFrame:
    path = home / frame.views / CAMERAS_FILE
    cameras = camera_frames_to_cameras(read_camera_frames(path), path)
    spz, *pictures = _files(home, frame)
    return SceneFrame(
        sequence="reconstruction",
        label=frame.name.replace("_", " "),
        gaussians=frame.kept,
        spz=spz.read_bytes(),
        cameras=tuple(
            SceneCamera(
                name=name,
                role="input",
                words="" if frame.photograph is None else "drawn by a view generator",
                camera_to_world=cameras.camera_to_world[view],
                fxfycxcy=cameras.fxfycxcy[view],
                width=cameras.width,
                height=cameras.height,
                picture=Picture(pictures[view].read_bytes(), "image/png"),
            )
            for view, name in enumerate(frame.view_names)
        ),
    )
