"""A disk that is full while something is written: it is said, what was there stays, and nothing half-made is left."""

import errno
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from mouse_facelift.evaluation.page import Page
from mouse_facelift.evaluation.score_tables import write_both, write_scores
from mouse_facelift.formats.drawn import DrawnPictures
from mouse_facelift.formats.packs import Pack, write_pack
from mouse_facelift.formats.ply import write_ply
from mouse_facelift.formats.predictions import Renderings
from mouse_facelift.formats.sample_folder import Sample, write_sample
from mouse_facelift.formats.spz import write_spz
from mouse_facelift.formats.tensors import write_tensors
from mouse_facelift.formats.views import write_depths
from mouse_facelift.formats.whole import whole_file, whole_folder, write_text_whole
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.imaging.video import write_video
from mouse_facelift.mvdiffusion.loading import load_unet, write_unet
from mouse_facelift.mvdiffusion.prompts import write_prompt_embeddings
from mouse_facelift.viewing.turntable import write_turn
from tests.faults.readers import Nothing, state_folder
from tests.tiny_samples import CONTRACT, ring

ROOM = 40_000  # bytes; everything below takes more
SIDE = 128
CHANCE = np.random.default_rng(2)
PIXELS = CHANCE.integers(0, 256, (6, SIDE, SIDE, 4), np.uint8)
BEFORE = b"made before"


def scene(count: int = 6000) -> Gaussians:
    generator = torch.Generator().manual_seed(0)
    return Gaussians(
        means=torch.rand(count, 3, generator=generator),
        log_scales=-3 + torch.rand(count, 3, generator=generator),
        quats=torch.randn(count, 4, generator=generator),
        opacity_logits=torch.randn(count, generator=generator),
        sh=torch.rand(count, 1, 3, generator=generator),
    )


def table() -> pd.DataFrame:
    return pd.DataFrame(CHANCE.random((3000, 4)), columns=list("abcd"))


def write_video_whole(path: Path) -> None:
    with whole_file(path) as partial:
        write_video(partial, PIXELS[..., :3], rate=25, crf=4)


def write_sample_whole(path: Path) -> None:
    with whole_folder(path) as partial:
        contract = CONTRACT.model_copy(update={"image_size": SIDE})
        write_sample(partial, Sample("s", ring(6, contract), torch.from_numpy(PIXELS)), list("abcdef"))


def write_depths_whole(path: Path) -> None:
    with whole_folder(path) as partial:
        write_depths(partial, torch.from_numpy(CHANCE.random((6, SIDE, SIDE))))


def write_figure(path: Path) -> None:
    page = Page(900, 900)
    page.picture(CHANCE.random((800, 800, 3)).astype(np.float32), 0, 0, 800)
    page.save(path, "none")


def write_pack_of_noise(path: Path) -> None:
    depth = CHANCE.random((6, 1, SIDE, SIDE)).astype(np.float16)
    poses, lenses = (CHANCE.random((6, 1, *shape)).astype(np.float32) for shape in ((4, 4), (4,)))
    write_pack(path, Pack(PIXELS[:, None], depth, poses, lenses))


def gradients() -> list[np.ndarray]:
    """Pictures of which a video is small and a GIF is not."""
    across = np.arange(SIDE, dtype=np.float64)
    shown = np.stack(np.broadcast_arrays(2 * across, 2 * across[:, None], 255 - 2 * across), axis=-1)
    return [np.roll(shown, 3 * step, axis=1).astype(np.uint8) for step in range(12)]


def write_state(path: Path) -> None:
    state_folder(path.parent).save(3, nn.Linear(200, 100), Nothing(), [{"step": 3}])


# By the name of the file or folder that is to be whole.
WRITERS: dict[str, Callable[[Path], object]] = {
    "manifest.json": lambda path: write_text_whole(path, "0 " * ROOM),
    "page.html": lambda path: write_text_whole(path, "<p>ü</p>" * ROOM),
    "scores.csv": lambda path: write_scores(table(), path),
    "both.parquet": lambda path: write_both(table(), path.with_suffix(".csv"), {"a": "a number"}),
    "renderings.npz": lambda path: Renderings(*(torch.rand(6, *s, 64, 64) for s in ((3,), (), ()))).write(path),
    "drawn.npz": lambda path: DrawnPictures(torch.from_numpy(PIXELS)[None, ..., :3].movedim(-1, 2)).write(path),
    "animals_000.npz": write_pack_of_noise,
    "sample": write_sample_whole,
    "depths": write_depths_whole,
    "weights.safetensors": lambda path: write_tensors(path, nn.Linear(200, 100).state_dict()),
    "step_00000003.pt": write_state,
    "prompts.pt": lambda path: write_prompt_embeddings(path, torch.rand(6, 77, 64)),
    "scene.ply": lambda path: write_ply(path, scene()),
    "scene.spz": lambda path: write_spz(path, scene()),
    "video.mp4": write_video_whole,
    "turn.gif": lambda path: write_turn(path.with_name("other.mp4"), path, gradients(), 10),
    "turn.mp4": lambda path: write_turn(path, path.with_suffix(".gif"), list(PIXELS[..., :3].repeat(2, axis=1)), 10),
    "sheet.png": write_figure,
}  # fmt: skip


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk of its own in memory, with little room."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here, which takes root: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def small_files(folder: Path) -> Iterator[None]:
    """No file may grow beyond a size; needs no rights."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("no_room", [small_disk, small_files])
@pytest.mark.parametrize("name", WRITERS)
def test_what_has_no_room_is_said_and_nothing_half_made_is_left(
    name: str, no_room: Callable[[Path], Iterator[None]], tmp_path: Path
) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    path = folder / name
    with no_room(folder):
        is_folder = not path.suffix
        if is_folder:
            path.mkdir()
        (path / "file" if is_folder else path).write_bytes(BEFORE)
        if name == "turn.gif":
            (folder / "other.mp4").write_bytes(BEFORE)
        with pytest.raises(OSError) as refused:
            WRITERS[name](path)
        left = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if not file.is_dir())
        assert (path / "file" if is_folder else path).read_bytes() == BEFORE
    assert refused.value.errno in (errno.ENOSPC, errno.EFBIG)
    assert path.stem in str(refused.value), "the file is not named"
    others = {"other.mp4"} if name == "turn.gif" else set()
    assert set(left) - others == {f"{name}/file" if is_folder else name}


def test_a_network_that_has_no_room_leaves_the_one_before(project_template: Path, tmp_path: Path) -> None:
    unet = load_unet(project_template / "results/generator_starts/tiny/pipeckpts/unet")
    write_unet(tmp_path / "unet", unet)
    before = {path.name: path.read_bytes() for path in (tmp_path / "unet").iterdir()}
    with small_files(tmp_path), pytest.raises(OSError, match="unet"):
        write_unet(tmp_path / "unet", unet)
    assert {path.name: path.read_bytes() for path in (tmp_path / "unet").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["unet"]
