"""What goes into an .spz comes out, as exactly as the format tells."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mouse_facelift.formats.ply import read_ply, write_ply
from mouse_facelift.formats.spz import read_spz, write_spz
from mouse_facelift.geometry.gaussians import Gaussians


def scene(count: int = 200, seed: int = 0) -> Gaussians:
    generator = torch.Generator().manual_seed(seed)
    return Gaussians(
        means=2 * torch.rand(count, 3, generator=generator) - 1,
        log_scales=-8 + 7 * torch.rand(count, 3, generator=generator),
        quats=torch.randn(count, 4, generator=generator),
        opacity_logits=3 * torch.randn(count, generator=generator),
        sh=(2 * torch.rand(count, 1, 3, generator=generator) - 1) * 1.8,
    )


def test_a_scene_comes_back_from_both_formats(tmp_path: Path) -> None:
    written = scene()
    write_ply(tmp_path / "a.ply", written)
    write_spz(tmp_path / "a.spz", written)
    exact, near = read_ply(tmp_path / "a.ply"), read_spz(tmp_path / "a.spz")
    assert torch.equal(exact.means, written.means)
    assert torch.equal(exact.quats, written.quats)
    assert float((near.means - written.means).abs().max()) <= 1 / 8192 + 1e-7
    assert float((near.log_scales - written.log_scales).abs().max()) <= 1 / 32 + 1e-6
    assert float((near.opacities - written.opacities).abs().max()) <= 1 / 510 + 1e-6
    assert float((near.colors - written.colors).abs().max()) <= 1 / 255 + 1e-6
    cosines = (near.rotations * written.rotations).sum(-1).abs().clamp(max=1)
    assert float(torch.rad2deg(2 * torch.arccos(cosines)).max()) < 0.4
    assert 8 * (tmp_path / "a.spz").stat().st_size < (tmp_path / "a.ply").stat().st_size


def test_equal_scenes_give_equal_bytes_and_none_is_empty(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_spz(tmp_path / f"{name}.spz", scene(seed=3))
    assert (tmp_path / "a.spz").read_bytes() == (tmp_path / "b.spz").read_bytes()
    assert (tmp_path / "a.spz").read_bytes()[:2] == b"\x1f\x8b"
    write_spz(tmp_path / "none.spz", scene().select(torch.zeros(200, dtype=torch.bool)))
    assert len(read_spz(tmp_path / "none.spz")) == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda s: {"means": s.means * 5000}, "means: found a center"),
        (lambda s: {"log_scales": s.log_scales * np.nan}, "scales: numbers that are not finite"),
        (lambda s: {"sh": s.sh.expand(200, 4, 3)}, "one color coefficient"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(tmp_path: Path, change, told) -> None:
    fields = {name: getattr(scene(), name) for name in ("means", "log_scales", "quats", "opacity_logits", "sh")}
    with pytest.raises(ValueError, match=told):
        write_spz(tmp_path / "a.spz", Gaussians(**{**fields, **change(scene())}))
    assert not list(tmp_path.iterdir())


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.spz").write_bytes(b"ply\nno")
    with pytest.raises(ValueError, match=r"a\.spz: not an \.spz file"):
        read_spz(tmp_path / "a.spz")
