import math
from collections.abc import Iterator

import jaxtyping
import pytest
import torch

from mouse_facelift.geometry.gaussians import Gaussians


def scenes(*shape: int, sh: int = 1) -> Gaussians:
    generator = torch.Generator().manual_seed(0)
    return Gaussians(
        means=torch.randn(*shape, 3, generator=generator),
        log_scales=torch.randn(*shape, 3, generator=generator),
        quats=torch.randn(*shape, 4, generator=generator),
        opacity_logits=torch.randn(*shape, generator=generator),
        sh=torch.randn(*shape, sh, 3, generator=generator),
    )


def test_values_after_activation():
    gaussians = Gaussians(
        means=torch.zeros(1, 3),
        log_scales=torch.tensor([[0.0, math.log(2), -1.2]]),
        quats=torch.tensor([[3.0, 0.0, 4.0, 0.0]]),
        opacity_logits=torch.tensor([-2.0]),
        sh=torch.tensor([[[0.0, 10.0, -10.0]]]),
    )
    torch.testing.assert_close(gaussians.scales, torch.tensor([[1.0, 2.0, 0.3012]]), rtol=0, atol=1e-4)
    torch.testing.assert_close(gaussians.rotations, torch.tensor([[0.6, 0.0, 0.8, 0.0]]))
    torch.testing.assert_close(gaussians.opacities, torch.tensor([0.1192]), rtol=0, atol=1e-4)
    torch.testing.assert_close(gaussians.colors, torch.tensor([[0.5, 3.3209, 0.0]]), rtol=0, atol=1e-4)


def test_scenes_and_rows_are_chosen():
    batch = scenes(2, 5)
    assert len(batch) == 2
    scene = batch[1]
    assert len(scene) == 5
    assert torch.equal(scene.quats, batch.quats[1])
    assert torch.equal(batch[1:].sh, batch.sh[1:])
    rows = torch.tensor([True, False, False, True, False])
    assert torch.equal(scene.select(rows).means, scene.means[[0, 3]])
    assert torch.equal(scene.select(torch.tensor([3, 0])).opacity_logits, scene.opacity_logits[[3, 0]])


def test_scenes_are_not_mixed_up_with_rows():
    with pytest.raises(ValueError, match="use `select`"):
        scenes(5)[0]
    with pytest.raises(ValueError, match="choose one scene"):
        scenes(2, 5).select(torch.tensor([0]))


@pytest.fixture
def without_shape_checks() -> Iterator[None]:
    """As the library runs outside of tests, where only its own checks speak."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.usefixtures("without_shape_checks")
@pytest.mark.parametrize(
    ("field", "shape"),
    [
        ("log_scales", (5, 2)),
        ("log_scales", (4, 3)),
        ("quats", (5, 3)),
        ("opacity_logits", (5, 1)),
        ("sh", (5, 3)),
        ("sh", (4, 1, 3)),
        ("means", (3,)),
    ],
)
def test_fields_that_do_not_fit_are_refused(field, shape):
    values = {**vars(scenes(5)), field: torch.zeros(shape)}
    with pytest.raises(ValueError, match=r"must be \["):
        Gaussians(**values)


def test_number_types_are_not_mixed():
    with pytest.raises(ValueError, match=r"sh is torch\.float64 .* means are torch\.float32"):
        Gaussians(**{**vars(scenes(5)), "sh": torch.zeros(5, 1, 3, dtype=torch.float64)})
    assert scenes(5).to(dtype=torch.float64).sh.dtype == torch.float64


def test_a_detached_copy_has_no_history():
    gaussians = scenes(5)
    tracked = Gaussians(**{name: value.clone().requires_grad_() for name, value in vars(gaussians).items()})
    assert tracked.scales.requires_grad
    assert not any(value.requires_grad for value in vars(tracked.detach()).values())


def test_a_color_that_depends_on_direction_has_no_one_value():
    with pytest.raises(ValueError, match="4 coefficients"):
        _ = scenes(5, sh=4).colors
