"""Packs of animals: what is written is read again, and what is no pack is refused by name."""

import numpy as np
import pytest

from mouse_facelift.formats.packs import Pack, read_pack, write_pack


def pack(animals=2, views=3):
    generator = np.random.default_rng(0)
    return Pack(
        generator.integers(0, 255, (animals, views, 6, 8, 4), dtype=np.uint8),
        generator.random((animals, views, 6, 8)).astype(np.float16),
        generator.random((animals, views, 4, 4), dtype=np.float32),
        generator.random((animals, views, 4), dtype=np.float32),
    )


def test_what_is_written_is_read_again(tmp_path):
    write_pack(tmp_path / "one.npz", pack())
    write_pack(tmp_path / "two.npz", pack())
    for found, expected in zip(read_pack(tmp_path / "one.npz"), pack(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fxfycxcy": None}, r"fields: found \['camera_to_world', 'depth', 'images'\], expected"),
        ({"masks": np.zeros(3)}, r"fields: found .*'masks'"),
        ({"images": pack().images.astype(np.float32)}, r"images: found float32 \(2, 3, 6, 8, 4\), expected uint8"),
        (
            {"images": pack().images[..., :3]},
            r"images: found uint8 \(2, 3, 6, 8, 3\), .*\(animal, view, height, width, 4",
        ),
        ({"images": pack().images[0]}, r"images: found uint8 \(3, 6, 8, 4\)"),
        (
            {"camera_to_world": pack(3).camera_to_world},
            r"camera_to_world: found float32 \(3, 3, 4, 4\).* animal = 2, view = 3",
        ),
        ({"fxfycxcy": pack().fxfycxcy.astype(object)}, "damaged: Object arrays cannot be loaded"),
    ],
)
def test_another_layout_is_named(tmp_path, changes, words):
    arrays = {name: array for name, array in (pack()._asdict() | changes).items() if array is not None}
    np.savez_compressed(tmp_path / "pack.npz", **arrays)
    with pytest.raises(ValueError, match=r"pack\.npz: " + words):
        read_pack(tmp_path / "pack.npz")


def test_damage_is_named(tmp_path):
    path = tmp_path / "pack.npz"
    write_pack(path, pack())
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"????" + whole[104:])
    with pytest.raises(ValueError, match=r"pack\.npz: damaged"):
        read_pack(path)
    path.write_bytes(whole[:200])
    with pytest.raises(ValueError, match=r"pack\.npz: not an \.npz file that can be read \(200 bytes\)"):
        read_pack(path)
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        read_pack(tmp_path / "none.npz")


def test_a_wrong_pack_is_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"camera_to_world: found float32 \(3, 3, 4, 4\)"):
        write_pack(tmp_path / "pack.npz", pack()._replace(camera_to_world=pack(3).camera_to_world))
