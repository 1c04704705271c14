"""One HTML file that shows a scene, wherever it is opened: nothing is fetched, and no request leaves it.

Its code is bundled from `viewer_page/` (three.js and spark, which draws splats) into `viewing/bundle/`.
"""

import base64
import html
import json
from importlib.resources import files
from pathlib import Path

from mouse_facelift.formats.whole import write_text_whole
from mouse_facelift.viewing.scene import Picture, Scene, SceneCamera, SceneFrame

BUNDLE = files("mouse_facelift.viewing") / "bundle"


def write_scene_page(path: Path, scene: Scene, most_megabytes: float) -> None:
    """Write a scene as a page.

    Raises:
        ValueError: the scene has no frames, or its Gaussians and pictures take more than `most_megabytes`.
    """
    if not scene.frames:
        raise ValueError(f"{path}: a page needs at least one frame of Gaussians")
    data = _Data()
    described = _describe(scene, data)
    if data.size > 1e6 * most_megabytes:
        raise ValueError(
            f"{path}: Gaussians and pictures of {len(scene.frames)} frames take {data.size / 1e6:.0f} MB,"
            f" allowed {most_megabytes:g} (exports.page_megabytes); keep the models of fewer samples, or of fainter"
            " Gaussians fewer"
        )
    data.add_element("scene", "application/json", json.dumps(described).replace("<", "\\u003c"))
    data.add_element("code", "text/plain", base64.b64encode((BUNDLE / "viewer.js.gz").read_bytes()).decode())
    page = (BUNDLE / "page.html").read_text(encoding="utf-8")
    for key, value in {
        "title": html.escape(scene.title),
        "style": (BUNDLE / "style.css").read_text(encoding="utf-8"),
        "licenses": html.escape((BUNDLE / "THIRD_PARTY.txt").read_text(encoding="utf-8")),
        "loader": (BUNDLE / "loader.js").read_text(encoding="utf-8"),
        "data": "\n".join(data.elements),
    }.items():
        page = page.replace(f"{{{{{key}}}}}", value)
    write_text_whole(path, page)


class _Data:
    """Elements of the page that hold its data; equal pictures stand there once."""

    def __init__(self) -> None:
        self.elements: list[str] = []
        self.size = 0
        self._known: dict[bytes, str] = {}

    def add_element(self, name: str, media_type: str, text: str, attributes: str = "") -> None:
        self.elements.append(f'<script id="{name}" type="{media_type}"{attributes}>{text}</script>')

    def add(self, content: bytes, media_type: str) -> str:
        """Add bytes; returns the name of their element."""
        if content not in self._known:
            name = self._known[content] = f"data-{len(self._known)}"
            self.size += len(content)
            described = f' data-type="{html.escape(media_type)}"'
            self.add_element(name, "text/plain", base64.b64encode(content).decode(), described)
        return self._known[content]

    def add_picture(self, picture: Picture) -> str:
        return self.add(picture.content, picture.media_type)


def _describe(scene: Scene, data: _Data) -> dict[str, object]:
    return {
        "title": scene.title,
        "subtitle": scene.subtitle,
        "center": scene.center,
        "distance": scene.distance,
        "radius": scene.radius,
        "frames": [_describe_frame(frame, data) for frame in scene.frames],
        "tables": [{"title": table.title, "head": table.head, "rows": table.rows} for table in scene.tables],
        "poster": scene.poster and data.add_picture(scene.poster),
    }


def _describe_frame(frame: SceneFrame, data: _Data) -> dict[str, object]:
    return {
        "sequence": frame.sequence,
        "label": frame.label,
        "gaussians": frame.gaussians,
        "splats": data.add(frame.spz, "application/octet-stream"),
        "cameras": [_describe_camera(camera, data) for camera in frame.cameras],
    }


def _describe_camera(camera: SceneCamera, data: _Data) -> dict[str, object]:
    return {
        "name": camera.name,
        "role": camera.role,
        "words": camera.words,
        "camera_to_world": camera.camera_to_world.tolist(),
        "fxfycxcy": camera.fxfycxcy.tolist(),
        "width": camera.width,
        "height": camera.height,
        "picture": data.add_picture(camera.picture),
    }
