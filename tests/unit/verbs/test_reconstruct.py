"""`reconstruct`: every kind of input becomes Gaussians and something to look at, or is refused in words."""

import json
import shutil
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame

from mouse_facelift.formats.ply import read_ply
from mouse_facelift.formats.sample_folder import read_sample
from mouse_facelift.formats.spz import read_spz
from mouse_facelift.formats.whole import sha256
from mouse_facelift.geometry.contract import contract_violations
from mouse_facelift.imaging.pictures import read_rgba, write_rgb, write_rgba
from mouse_facelift.imaging.video import probe_video, write_video
from mouse_facelift.settings import read_settings
from mouse_facelift.verbs import Reconstruction, check, reconstruct
from tests.spoil import turn_camera
from tests.tiny_project import WEIGHTS, write_config

CALIBRATION = Path("results/simulated/walk/calibration.toml")
SAMPLES = Path("results/samples/real.fill")
OUT = Path("out")
RELEASED = ("front", "front_right", "right", "back", "left", "front_left")


def require_whole(record: Reconstruction, frames: int) -> None:
    """Everything that is promised is there, and the record tells of it."""
    assert Reconstruction.read(OUT / "reconstruction.json") == record
    assert len(record.frames) == record.shown_frames == frames
    assert probe_video(OUT / "turntable.mp4").frames >= frames
    assert (OUT / "turntable.gif").read_bytes().startswith(b"GIF8")
    assert "<script" in (OUT / "viewer.html").read_text()
    settings = read_settings(Path("config.yaml"))
    for number, frame in enumerate(record.frames):
        assert frame.ply == f"gaussians/frame_{number:06d}.ply"
        assert len(read_ply(OUT / frame.ply)) == len(read_spz(OUT / frame.spz)) == frame.kept
        assert frame.predicted == frame.kept + frame.faint + frame.outside
        sample = read_sample(OUT / frame.views)
        assert len(frame.view_names) == len(sample.cameras)
        assert contract_violations(sample.cameras, settings.camera_contract) == []
    assert record.network.sha256 == sha256(Path(WEIGHTS))
    assert record.network.accepted_by.startswith("experiments.zero_shot")
    assert not [path for path in Path().iterdir() if ".partial" in path.name]


# (a) cameras


def test_pictures_with_cameras(pictures):
    record = reconstruct(pictures, OUT, cameras=CALIBRATION, normalization="fill")
    require_whole(record, 1)
    (frame,) = record.frames
    assert set(record.inputs) == {*map(str, pictures), str(CALIBRATION)}
    assert record.inputs[str(pictures[0])] == sha256(pictures[0])
    assert frame.view_names == tuple(path.stem for path in pictures)
    assert len(frame.residuals) == 6
    assert 0 < max(residual.p95 for residual in frame.residuals) < 1  # px
    assert record.verdict is not None
    assert record.verdict.light == "amber"  # one frame says nothing of time
    assert check(OUT / frame.views).light == "green"
    assert record.generator is None
    assert record.normalization is not None
    assert record.normalization.name == "fill"


def test_masks_beside_pictures_are_as_good_as_alpha(pictures):
    for folder in ("bare", "masks"):
        Path(folder).mkdir()
    for path in pictures:
        pixels = read_rgba(path)
        write_rgb(Path("bare") / path.name, pixels[..., :3])
        write_rgb(Path("masks") / path.name, np.repeat(pixels[..., 3:], 3, axis=2))
    with pytest.raises(ValueError, match=r"Camera1\.png: found 3 channels.*--masks"):
        reconstruct([Path("bare")], OUT, cameras=CALIBRATION, normalization="fill")
    with_alpha = reconstruct(pictures, Path("alpha"), cameras=CALIBRATION, normalization="fill")
    record = reconstruct([Path("bare")], OUT, cameras=CALIBRATION, normalization="fill", masks=Path("masks"))
    assert record.frames[0].residuals == with_alpha.frames[0].residuals
    for file in sorted(Path("alpha/views").rglob("*.png")):
        assert (OUT / "views" / file.relative_to("alpha/views")).read_bytes() == file.read_bytes()
    (Path("masks") / "Camera4.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"masks: no mask called \['Camera4'\]"):
        reconstruct([Path("bare")], OUT, cameras=CALIBRATION, normalization="fill", masks=Path("masks"))


def test_a_wrong_camera_is_refused_in_the_verdicts_words(pictures):
    turn_camera(CALIBRATION, 2, 8.0)
    with pytest.raises(
        ValueError, match=r"calibration\.toml: the verdict on these pictures and cameras is red\n.*Camera3"
    ):
        reconstruct(pictures, OUT, cameras=CALIBRATION, normalization="fill")
    assert not OUT.exists()


def test_an_unknown_camera_is_named(pictures):
    pictures[0].rename("frame/Kamera1.png")
    with pytest.raises(ValueError, match=r"no camera \['Kamera1'\] in the calibration; it holds"):
        reconstruct([Path("frame")], OUT, cameras=CALIBRATION, normalization="fill")


def test_messages_name_pictures_as_they_were_given(pictures):
    pixels = read_rgba(pictures[0])
    write_rgba(pictures[0], np.ascontiguousarray(pixels[:-8]))
    with pytest.raises(ValueError, match=r"frame/Camera1\.png: camera Camera1: found 144 x 120 px") as refused:
        reconstruct(pictures, OUT, cameras=CALIBRATION, normalization="fill")
    assert "mouse-facelift-" not in str(refused.value)


def test_what_a_calibration_leaves_unsaid_is_asked_for(pictures):
    shutil.copy(CALIBRATION, "other.toml")
    with pytest.raises(ValueError, match=r"other\.toml: which way is up.*--up.*--millimeters-per-unit"):
        reconstruct(pictures, OUT, cameras=Path("other.toml"), normalization="contract")
    record = reconstruct(
        pictures,
        OUT,
        cameras=Path("other.toml"),
        normalization="contract",
        up=(0.0, 0.0, 1.0),
        millimeters_per_unit=1.0,
    )
    assert record.verdict is not None
    assert record.verdict.up == (0, 0, 1)


def test_a_normalization_must_be_honest_and_named(pictures):
    with pytest.raises(ValueError, match=r"normalizations\.resize: breaks the contract"):
        reconstruct(pictures, OUT, cameras=CALIBRATION, normalization="resize")
    with pytest.raises(ValueError, match=r"normalizations: 5 to choose from.*--normalization"):
        reconstruct(pictures, OUT, cameras=CALIBRATION)


# (c) sequences, and sample folders


def test_sample_folders_go_in_as_they_are(project):
    record = reconstruct([SAMPLES / "blobs_000"], OUT)
    require_whole(record, 1)
    given, kept = read_sample(SAMPLES / "blobs_000"), read_sample(OUT / record.frames[0].views)
    assert bool((given.images == kept.images).all())
    assert record.frames[0].view_names == ("left", "front", "right", "back")
    assert 0.2 < record.frames[0].subject_radius < 1
    again = reconstruct([SAMPLES], OUT)
    require_whole(again, 4)
    assert [frame.source for frame in again.frames] == [str(SAMPLES / f"blobs_{number:03d}") for number in range(4)]
    assert again.frames[0].kept == record.frames[0].kept


def test_some_of_the_views_stand_around_most_evenly(project):
    (frame,) = reconstruct([SAMPLES / "blobs_000"], OUT, views=2).frames
    assert frame.view_names in {("left", "right"), ("front", "back")}  # opposite ones of a ring
    (frame,) = reconstruct([SAMPLES / "blobs_000"], OUT, views=9).frames
    assert len(frame.view_names) == 4


def test_the_order_of_given_samples_stays(project):
    given = [SAMPLES / "blobs_002", SAMPLES / "blobs_001"]
    assert [frame.source for frame in reconstruct(given, OUT).frames] == list(map(str, given))


def test_a_sample_that_breaks_the_contract_is_refused(project):
    path = SAMPLES / "blobs_001/opencv_cameras.json"
    content = json.loads(path.read_text())
    content["frames"][2]["fx"] *= 1.5
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="blobs_001: the cameras break the contract:\n  focal: view 2"):
        reconstruct([SAMPLES], OUT)
    assert not OUT.exists()
    opaque = SAMPLES / "blobs_000/images/cam_001.png"
    pixels = read_rgba(opaque)
    pixels[..., 3] = 255
    write_rgba(opaque, pixels)
    with pytest.raises(ValueError, match="blobs_000: view front: opaque everywhere: found no mask"):
        reconstruct([SAMPLES / "blobs_000"], OUT)


def test_a_page_of_a_long_sequence_shows_some_frames(project, config):
    full = reconstruct([SAMPLES], OUT)
    config["exports"]["page_megabytes"] = (OUT / "viewer.html").stat().st_size / 1e6 / 3
    write_config(config)
    small = (OUT / "turntable.gif").stat().st_size + 2.5 * (OUT / full.frames[0].spz).stat().st_size
    config["exports"]["page_megabytes"] = max(small / 1e6, 0.01)
    write_config(config)
    record = reconstruct([SAMPLES], OUT)
    assert 1 <= record.shown_frames < 4
    assert len(record.frames) == 4
    assert f"{record.shown_frames} of 4 frames" in (OUT / "viewer.html").read_text()


# (b) photographs


def test_a_photograph_is_drawn_from(pictures):
    record = reconstruct(pictures[:1], OUT, normalization="fill", generator="view_index")
    require_whole(record, 1)
    (frame,) = record.frames
    assert frame.view_names == tuple(f"drawn_{view}" for view in RELEASED)
    assert frame.photograph is not None
    assert read_rgba(OUT / frame.photograph).shape == (32, 32, 4)
    assert record.generator is not None
    assert (record.generator.domain, record.generator.accepted_by) == ("mouse", "generators.view_index")
    assert record.generator.white == 0.05
    assert frame.subject_radius == 0.6
    reconstruct(pictures[:1], Path("again"), normalization="fill", generator="view_index")
    assert (Path("again") / frame.ply).read_bytes() == (OUT / frame.ply).read_bytes()


def test_photographs_of_a_folder_are_a_sequence(pictures):
    record = reconstruct([Path("frame")], OUT, normalization="fill", generator="view_index")
    require_whole(record, 6)
    assert [frame.source for frame in record.frames] == list(map(str, pictures))
    assert len({(OUT / frame.ply).read_bytes() for frame in record.frames}) == 6


def test_a_video_with_masks(project):
    recording = CALIBRATION.parent
    record = reconstruct(
        [recording / "videos/Camera2.mp4"],
        OUT,
        masks=recording / "masks/Camera2.mp4",
        frames=(1, 8, 3),
        normalization="fill",
        generator="view_index",
    )
    require_whole(record, 3)
    assert [frame.source for frame in record.frames] == [
        f"{recording}/videos/Camera2.mp4: frame {number}" for number in (1, 4, 7)
    ]
    assert set(record.inputs) == {f"{recording}/{kind}/Camera2.mp4" for kind in ("videos", "masks")}


def test_a_video_with_alpha(pictures):
    rgba = read_rgba(pictures[0])
    with av.open("film.mov", "w") as container:
        stream = container.add_stream("qtrle", rate=25)
        stream.height, stream.width = rgba.shape[:2]
        stream.pix_fmt = "argb"
        for _ in range(2):
            container.mux(stream.encode(VideoFrame.from_ndarray(rgba, format="rgba")))
        container.mux(stream.encode())
    record = reconstruct([Path("film.mov")], OUT, normalization="fill", generator="view_index")
    require_whole(record, 2)
    still = reconstruct(pictures[:1], Path("still"), normalization="fill", generator="view_index")
    framed = [
        read_rgba(folder / str(made.frames[0].photograph)) for folder, made in ((OUT, record), (Path("still"), still))
    ]
    assert (framed[0] == framed[1]).all()


def test_videos_that_cannot_be_used(project):
    video = CALIBRATION.parent / "videos/Camera1.mp4"
    drawn = {"normalization": "fill", "generator": "view_index"}
    with pytest.raises(ValueError, match=r"Camera1\.mp4: found pictures of format yuv\w+, expected some with an alpha"):
        reconstruct([video], OUT, **drawn)
    with pytest.raises(ValueError, match=r"Camera1\.mp4: frames 0 to 99 by 1: expected 0 <= start < stop <= 12"):
        reconstruct([video], OUT, masks=video, frames=(0, 99, 1), **drawn)
    Path("broken.mp4").write_bytes(video.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"broken\.mp4: not a video that can be read"):
        reconstruct([Path("broken.mp4")], OUT, masks=video, **drawn)
    write_video(Path("black.mp4"), [np.zeros((128, 144), np.uint8)] * 12, 25, 10)
    with pytest.raises(ValueError, match=r"Camera1\.mp4: frame 0: mask: (empty|found)"):
        reconstruct([video], OUT, masks=Path("black.mp4"), **drawn)
    assert not OUT.exists()


def test_photographs_that_cannot_be_used(pictures):
    drawn = {"normalization": "fill", "generator": "view_index"}
    with pytest.raises(ValueError, match="6 pictures without cameras: give their calibration"):
        reconstruct(pictures, OUT, **drawn)
    write_rgb(Path("bare.png"), read_rgba(pictures[0])[..., :3])
    with pytest.raises(ValueError, match=r"bare\.png: found 3 channels, expected 4.*--masks"):
        reconstruct([Path("bare.png")], OUT, **drawn)
    cv2.imwrite("mask.png", np.zeros((10, 10), np.uint8))
    with pytest.raises(ValueError, match=r"bare\.png: mask: found 10 x 10 px, expected 144 x 128"):
        reconstruct([Path("bare.png")], OUT, masks=Path("mask.png"), **drawn)
    with pytest.raises(ValueError, match=r"normalizations\.contract: is not of mode fill"):
        reconstruct(pictures[:1], OUT, normalization="contract", generator="view_index")


def test_options_without_effect_are_refused(pictures):
    with pytest.raises(ValueError, match="cameras, generator: of no use here: sample folders go in as they are"):
        reconstruct([SAMPLES], OUT, cameras=CALIBRATION, generator="view_index")
    with pytest.raises(ValueError, match="generator: of no use here: pictures with cameras"):
        reconstruct(pictures, OUT, cameras=CALIBRATION, normalization="fill", generator="view_index")
    with pytest.raises(ValueError, match="accept_red: of no use here: photographs have no cameras"):
        reconstruct(pictures[:1], OUT, normalization="fill", generator="view_index", accept_red=("gaps",))
    with pytest.raises(ValueError, match="views: found 0, expected 1 or more"):
        reconstruct([SAMPLES], OUT, views=0)


# what is taken, and where it is written


def test_no_configuration_is_an_error(project):
    Path("config.yaml").rename("elsewhere.yaml")
    with pytest.raises(FileNotFoundError, match=r"config\.yaml: no such configuration.*--config"):
        reconstruct([SAMPLES], OUT)
    assert len(reconstruct([SAMPLES], OUT, config=Path("elsewhere.yaml")).frames) == 4


def test_only_a_reconstruction_is_replaced(project):
    OUT.mkdir()
    (OUT / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match=r"out: found files that are no reconstruction"):
        reconstruct([SAMPLES], OUT)
    assert (OUT / "thesis.tex").exists()
    with pytest.raises(ValueError, match="they would be removed"):
        reconstruct([SAMPLES], Path())
    shutil.rmtree(OUT)
    OUT.mkdir()
    reconstruct([SAMPLES / "blobs_000"], OUT)
    shutil.copytree(SAMPLES, OUT / "samples")
    with pytest.raises(ValueError, match="out: holds out/samples, which would be removed"):
        reconstruct([OUT / "samples"], OUT)


def test_inputs_that_are_nothing_known(project):
    with pytest.raises(FileNotFoundError, match="nowhere: no such file or folder"):
        reconstruct([Path("nowhere")], OUT)
    with pytest.raises(ValueError, match=r"config\.yaml: found a file '\.yaml', expected a sample folder"):
        reconstruct([Path("config.yaml")], OUT)
    Path("empty").mkdir()
    with pytest.raises(ValueError, match=r"empty: found \[\], expected"):
        reconstruct([Path("empty")], OUT)
    with pytest.raises(ValueError, match="expected all of one kind"):
        reconstruct([SAMPLES, Path("config.yaml")], OUT)
    with pytest.raises(ValueError, match="nothing to reconstruct"):
        reconstruct([], OUT)
