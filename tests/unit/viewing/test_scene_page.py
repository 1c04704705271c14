"""The page, in a real browser: from a file, without a request, it shows what the project's own rasterizer does."""

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mouse_facelift.formats.spz import write_spz
from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.imaging.pictures import encode_rgba
from mouse_facelift.rendering.render import render
from mouse_facelift.viewing.scene import Picture, Scene, SceneCamera, SceneFrame, SceneTable
from mouse_facelift.viewing.scene_page import write_scene_page
from tests.browser import CHROMIUM, SOFTWARE_WEBGL, Browser, browser
from tests.tiny_samples import CONTRACT, ring

VIEWS, FRAMES = 4, 3
SIZE = 32
RIG = ring(VIEWS, CONTRACT.model_copy(update={"image_size": SIZE, "focal": 2 * CONTRACT.focal}))
STAGE = (640, 480)  # px of the window

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


def body(frame: int) -> Gaussians:
    """A few blobs of different colors, which rise from frame to frame."""
    generator = torch.Generator().manual_seed(5)
    return Gaussians(
        means=0.5 * (2 * torch.rand(20, 3, generator=generator) - 1) + torch.tensor([0.0, 0.0, 0.2 * (frame - 1)]),
        log_scales=-2.4 + 0.4 * torch.randn(20, 3, generator=generator),
        quats=torch.randn(20, 4, generator=generator),
        opacity_logits=torch.full((20,), 2.0),
        sh=3 * torch.rand(20, 1, 3, generator=generator) - 1.5,
    )


def camera(cameras: Cameras, view: int, picture: np.ndarray) -> SceneCamera:
    return SceneCamera(
        name=f"camera <{view}>",
        role="held_out" if view == 0 else "input",
        words=f"PSNR of view {view}",
        camera_to_world=cameras.camera_to_world[view],
        fxfycxcy=cameras.fxfycxcy[view],
        width=SIZE,
        height=SIZE,
        picture=Picture(encode_rgba(picture), "image/png"),
    )


def plain_picture(view: int) -> np.ndarray:
    """Green or blue all over."""
    return np.full((SIZE, SIZE, 4), (0, 200, 0, 255) if view % 2 else (0, 0, 200, 255), dtype=np.uint8)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    folder = tmp_path_factory.mktemp("spz")
    frames = []
    for number in range(FRAMES):
        write_spz(folder / "a.spz", body(number))
        cameras = tuple(camera(RIG, view, plain_picture(view)) for view in range(VIEWS))
        frames.append(SceneFrame("walk", f"frame {10 * number}", 20, (folder / "a.spz").read_bytes(), cameras))
    return Scene(
        title="full & <b>bold</b>",
        subtitle="four cameras",
        center=(0.0, 0.0, 0.0),
        distance=2.7,
        radius=0.6,
        frames=tuple(frames),
        tables=(SceneTable("Views held out", ("", "PSNR"), (("full", "20.1"), ("hull", "18.0"))),),
        poster=Picture(encode_rgba(plain_picture(1)), "image/png"),
    )


@pytest.fixture(scope="module")
def page(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "full.html"
    write_scene_page(path, scene, most_megabytes=10.0)
    return path


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser(*SOFTWARE_WEBGL) as started:
        yield started


@pytest.fixture
def opened(chromium: Browser, page: Path) -> Browser:
    chromium.open(page.as_uri(), *STAGE)
    chromium.wait("document.body?.dataset.state === 'drawn' && document.body.dataset.frame === '0'")
    return chromium


def stage_of(opened: Browser) -> np.ndarray:
    """The canvas as it is seen, overlays included."""
    left, top, width, height = opened.run(
        "(r => [r.left, r.top, r.width, r.height])(document.getElementById('stage').getBoundingClientRect())"
    )
    return opened.screenshot()[round(top) : round(top + height), round(left) : round(left + width)]


def test_a_page_holds_all_it_needs(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", text)
    assert "<title>full &amp; &lt;b&gt;bold&lt;/b&gt;</title>" in text
    assert "Permission is hereby granted" in html.unescape(text)
    data = re.search(r'<script id="scene" type="application/json">(.*?)</script>', text)
    assert data is not None
    described = json.loads(data.group(1))
    assert [frame["label"] for frame in described["frames"]] == ["frame 0", "frame 10", "frame 20"]
    pictures = {camera["picture"] for frame in described["frames"] for camera in frame["cameras"]}
    assert len(pictures) == 2  # equal pictures stand there once


def test_a_page_is_not_larger_than_allowed(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"frames take 0 MB, allowed 0.001 \(exports.page_megabytes\)"):
        write_scene_page(tmp_path / "a.html", scene, most_megabytes=0.001)
    with pytest.raises(ValueError, match="at least one frame"):
        write_scene_page(tmp_path / "a.html", replace(scene, frames=()), most_megabytes=1.0)
    assert not list(tmp_path.iterdir())


@needs_browser
def test_it_opens_from_a_file_without_errors_and_asks_for_nothing(opened: Browser, page: Path) -> None:
    assert opened.errors == []
    assert opened.requests == [page.as_uri()]
    assert stage_of(opened).std() > 5
    assert opened.run("document.getElementById('title').textContent") == "full & <b>bold</b>"
    assert opened.run("document.querySelector('#facts tbody tr').textContent") == "full20.1"


@needs_browser
def test_time_moves_by_slider_keys_and_play(opened: Browser) -> None:
    before = stage_of(opened)
    opened.run("document.getElementById('frusta').click()")
    opened.run("s = document.getElementById('slider'); s.value = 2; s.dispatchEvent(new Event('input')); 0")
    opened.wait("document.body.dataset.frame === '2'")
    after = stage_of(opened)
    assert np.abs(after.astype(int) - before).mean() > 0.5
    assert opened.run("document.getElementById('moment').textContent") == "frame 20 (3/3)"
    opened.press(",")
    opened.wait("document.body.dataset.frame === '1'")
    opened.press(" ")
    opened.wait("document.body.dataset.frame === '0'")
    opened.press(" ")
    assert opened.run("document.getElementById('play').textContent") == "Play"
    assert opened.errors == []


@needs_browser
@pytest.mark.parametrize("view", [0, 2])
def test_through_a_camera_it_shows_what_the_rasterizer_does(opened: Browser, view: int) -> None:
    opened.press(str(view + 1))
    opened.wait(f"document.body.dataset.view === '{view}'")
    opened.run(
        "document.getElementById('border').style.border = 'none'; document.getElementById('caption').hidden = true"
    )
    shown = stage_of(opened)
    height, width = shown.shape[:2]
    side = min(height, width)
    K = RIG.intrinsics.clone()
    K[:, :2] *= side / SIZE
    cameras = Cameras(RIG.camera_to_world, K, side, side)[[view]]
    expected = (render(body(0), cameras, "cpu").rgb[0].clamp(0, 1) * 255).permute(1, 2, 0).numpy()
    top, left = (height - side) // 2, (width - side) // 2
    found = shown[top : top + side, left : left + side].astype(float)
    error = np.sqrt(((found - expected) ** 2).mean())
    assert 20 * np.log10(255 / error) > 40  # dB; 45 to 47 were measured, and 18 to 20 for another view


@needs_browser
def test_the_camera_s_picture_lies_over_the_gaussians(opened: Browser) -> None:
    opened.press("2")
    opened.wait("document.body.dataset.view === '1'")
    without = stage_of(opened)
    opened.press("g")
    opened.run("o = document.getElementById('opacity'); o.value = 100; o.dispatchEvent(new Event('input')); 0")
    opened.wait("document.getElementById('truth').complete")
    whole = stage_of(opened)
    height, width = whole.shape[:2]
    assert (whole[height // 2, width // 2] == (0, 200, 0)).all()
    assert (whole[height // 2, 2] == without[height // 2, 2]).all()  # beside the picture
    assert opened.run("document.getElementById('score').textContent") == "PSNR of view 1"
    opened.press("g")
    assert np.array_equal(stage_of(opened), without)


@needs_browser
def test_a_drag_turns_the_view_and_leaves_a_camera(opened: Browser) -> None:
    opened.press("3")
    opened.wait("document.body.dataset.view === '2'")
    through = stage_of(opened)
    opened.drag((200, 250), (320, 230))
    opened.wait("document.body.dataset.view === ''")
    assert np.abs(stage_of(opened).astype(int) - through).mean() > 1
    assert opened.run("document.getElementById('from').value") == ""


@needs_browser
@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_it_without_scrolling_sideways(chromium: Browser, page: Path, dark: bool) -> None:
    chromium.open(page.as_uri(), 390, 844, dark=dark, phone=True)
    chromium.wait("document.body?.dataset.state === 'drawn'")
    assert chromium.run("document.documentElement.scrollWidth") == 390
    small = chromium.run(
        "[...document.querySelectorAll('button, select')].filter(e => e.offsetParent && e.offsetHeight < 40).length"
    )
    assert small == 0
    corner = chromium.screenshot()[100, 380]
    assert (corner.mean() < 60) == dark
    assert chromium.errors == []


@needs_browser
def test_without_webgl_it_says_so_and_shows_the_turntable(page: Path) -> None:
    with browser("--disable-gpu", "--disable-3d-apis") as without:
        without.open(page.as_uri(), 800, 600)
        without.wait("document.body?.dataset.state === 'told'")
        assert "no WebGL 2" in without.run("document.getElementById('words').innerText")
        without.wait("document.getElementById('poster').complete")
        assert without.run("document.getElementById('poster').naturalWidth") == SIZE
        assert without.run("document.querySelector('#facts').innerText").startswith("Views held out")
        assert without.errors == []
