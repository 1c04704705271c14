import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mouse_facelift.formats.licensed import LicensedWeights
from mouse_facelift.formats.ply import read_ply, write_ply
from mouse_facelift.geometry.gaussians import Gaussians


def scene(count: int, seed: int = 0) -> Gaussians:
    generator = torch.Generator().manual_seed(seed)
    return Gaussians(
        means=torch.randn(count, 3, generator=generator),
        log_scales=torch.randn(count, 3, generator=generator),
        quats=torch.randn(count, 4, generator=generator),
        opacity_logits=torch.randn(count, generator=generator),
        sh=3 * torch.randn(count, 1, 3, generator=generator),
    )


@settings(deadline=None, max_examples=20)
@given(count=st.integers(0, 50), seed=st.integers(0, 100))
def test_what_is_written_reads_back_exactly(tmp_path_factory, count, seed):
    path = tmp_path_factory.mktemp("ply") / "scene.ply"
    gaussians = scene(count, seed)
    write_ply(path, gaussians)
    found = read_ply(path)
    assert all(torch.equal(getattr(found, name), value) for name, value in vars(gaussians).items())
    assert [file.name for file in path.parent.iterdir()] == ["scene.ply"]


def test_a_vertex_has_62_properties_in_239_bytes(tmp_path):
    write_ply(tmp_path / "scene.ply", scene(7))
    header, _, content = (tmp_path / "scene.ply").read_bytes().partition(b"end_header\n")
    assert header.count(b"\nproperty ") == 62
    assert len(content) == 7 * 239


def test_weights_behind_a_scene_stand_in_the_header(tmp_path):
    behind = [LicensedWeights(file="Mäuse/a.pt", sha256=digit * 64, license="MIT AND for research") for digit in "12"]
    write_ply(tmp_path / "scene.ply", scene(3), behind)
    write_ply(tmp_path / "plain.ply", scene(3))
    header, _, _ = (tmp_path / "scene.ply").read_bytes().partition(b"end_header\n")
    for digit in "12":
        assert f"\ncomment weights sha256 {digit * 64} license MIT AND for research\n".encode() in header
    assert torch.equal(read_ply(tmp_path / "scene.ply").means, read_ply(tmp_path / "plain.ply").means)


def test_normals_of_other_writers_are_passed_over(tmp_path):
    path = tmp_path / "scene.ply"
    write_ply(path, scene(1))
    header, end, content = path.read_bytes().partition(b"end_header\n")
    header = header.replace(b"property uchar red", b"property float nx\nproperty uchar red")
    path.write_bytes(header + end + content[:12] + b"\0\0\0\0" + content[12:])
    assert torch.equal(read_ply(path).quats, scene(1).quats)


def test_what_the_file_cannot_hold_is_refused(tmp_path):
    batch = Gaussians(**{name: value[None] for name, value in vars(scene(2)).items()})
    with pytest.raises(ValueError, match="one scene with one color coefficient"):
        write_ply(tmp_path / "scene.ply", batch)
    with pytest.raises(ValueError, match="one scene with one color coefficient"):
        write_ply(tmp_path / "scene.ply", Gaussians(**{**vars(scene(2)), "sh": torch.zeros(2, 4, 3)}))
    scales = torch.tensor([[0.0, 0.0, torch.inf], [0.0, 0.0, 0.0]])
    with pytest.raises(ValueError, match="scale is not finite in 1 of 2 Gaussians"):
        write_ply(tmp_path / "scene.ply", Gaussians(**{**vars(scene(2)), "log_scales": scales}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"end_header\n", b"", "no end_header"),
        (b"ply\n", b"PLY\n", "expected a .ply file"),
        (b"binary_little_endian", b"ascii", "expected a .ply file"),
        (b"property float opacity\n", b"", r"no property \['opacity'\]"),
        (b"element vertex 2", b"element vertex 3", "3 Gaussians of 239 bytes need 717, found 478"),
        (b"element vertex 2", b"element face 2", "'element face 2'"),
        (b"property float x", b"property list uchar int x", "'property list uchar int x'"),
        (b"property float x\n", b"property float x\nproperty float x\n", "twice"),
    ],
)
def test_other_files_are_refused(tmp_path, old, new, message):
    path = tmp_path / "scene.ply"
    write_ply(path, scene(2))
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(ValueError, match=message) as error:
        read_ply(path)
    assert str(path) in str(error.value)


def test_colors_that_depend_on_direction_are_refused(tmp_path):
    path = tmp_path / "scene.ply"
    write_ply(path, scene(1))
    content = bytearray(path.read_bytes())
    content[-239 + 15 + 12 + 3] = 0x40  # top byte of f_rest_0
    path.write_bytes(content)
    with pytest.raises(ValueError, match="f_rest_0 is not 0"):
        read_ply(path)
