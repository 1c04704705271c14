"""What generators take and give; FaceLift's network stands behind the same interface as the others."""

import pytest
import torch

from mouse_facelift.mvdiffusion import load_pipeline
from mouse_facelift.mvdiffusion.generators import FaceLiftGenerator, GeneratedViews, MultiViewGenerator, Reference
from mouse_facelift.mvdiffusion.generators.rigs import facelift_rig, sv3d_rig, zero123plus_rig
from mouse_facelift.mvdiffusion.sampling import Sampling, sample_views
from tests.unit.mvdiffusion.released import write_pipeline
from tests.unit.mvdiffusion.tiny_generators import disc

SIZE = 8
WHITE = (1.0, 1.0, 1.0)
SAMPLING = Sampling(steps=2, guidance=2.0, eta=1.0)


@pytest.fixture(scope="module")
def facelift(tmp_path_factory) -> FaceLiftGenerator:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("released") / "pipeckpts"
    write_pipeline(folder)
    return FaceLiftGenerator(load_pipeline(folder), torch.randn(6, 5, 12), SAMPLING, facelift_rig(SIZE))


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def test_facelift_draws_the_views_of_its_rig(facelift):
    assert isinstance(facelift, MultiViewGenerator)
    reference = disc(SIZE)
    views = facelift.generate(reference, seed(1), facelift_rig(SIZE).cameras)
    picture = reference.over(WHITE, SIZE)
    drawn = sample_views(facelift.pipeline, picture[None], facelift.prompts[None], SAMPLING, seed(1))[0]
    assert torch.equal(views.pictures[1:], drawn[1:])
    assert views.reference_row == 0
    torch.testing.assert_close(views.pictures[0], picture / 255)
    assert torch.equal(views.cameras.camera_to_world, facelift_rig(SIZE).cameras.camera_to_world)
    assert views.background == WHITE


def test_facelift_refuses_what_it_cannot_follow(facelift):
    with pytest.raises(ValueError, match=r"FaceLift cannot follow camera \d: it stands off the orbit by"):
        facelift.generate(disc(SIZE), seed(1), zero123plus_rig("v1.2", 4.0, SIZE).cameras)
    with pytest.raises(ValueError, match=r"elevation 0.0 degrees, this one is \+20.00 degrees away"):
        facelift.generate(disc(SIZE, elevation=20.0), seed(1))
    with pytest.raises(ValueError, match="6 prompts for a rig of 2"):
        FaceLiftGenerator(facelift.pipeline, facelift.prompts, SAMPLING, sv3d_rig((0.0, 90.0), (0.0, 0.0)))
    with pytest.raises(ValueError, match=r"its azimuth is 30\.0, expected 0"):
        FaceLiftGenerator(facelift.pipeline, facelift.prompts, SAMPLING, zero123plus_rig("v1.2", 4.0))


def test_a_reference_is_laid_on_the_generators_background():
    reference = disc(16, color=(200, 60, 30))
    shown = reference.over((0.5, 0.5, 0.5), 16)
    assert shown[:, 8, 8].tolist() == [200, 60, 30]
    assert shown[:, 0, 0].tolist() == [127, 127, 127]
    assert reference.over(WHITE, 16)[:, 0, 0].tolist() == [255, 255, 255]


def test_no_color_under_transparency_bleeds_when_a_reference_is_resized():
    rgba = torch.zeros(4, 16, 16, dtype=torch.uint8)
    rgba[0] = 255  # red throughout, white where it shows
    rgba[:, 4:12, 4:12] = 255
    smaller = Reference(rgba, 0.0).over(WHITE, 8)
    assert smaller.shape == (3, 8, 8)
    assert smaller.min() >= 254


@pytest.mark.parametrize(
    ("rgba", "elevation", "told"),
    [
        (torch.zeros(4, 8, 8, dtype=torch.uint8), 0.0, "transparent everywhere"),
        (torch.full((4, 8, 6), 255, dtype=torch.uint8), 0.0, "6 x 8 px, expected a square"),
        (torch.full((4, 8, 8), 255, dtype=torch.uint8), 90.0, "90.0 degrees"),
        (torch.full((4, 8, 8), 255, dtype=torch.uint8), float("nan"), "nan degrees"),
    ],
)
def test_a_reference_that_shows_nothing_is_refused(rgba, elevation, told):
    with pytest.raises(ValueError, match=told):
        Reference(rgba, elevation)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"pictures": torch.zeros(5, 3, SIZE, SIZE)}, r"\[5, 8, 8\], their cameras say \[6, 8, 8\]"),
        ({"pictures": torch.zeros(6, 3, SIZE, 2 * SIZE)}, r"\[6, 8, 16\]"),
        ({"pictures": torch.full((6, 3, SIZE, SIZE), torch.nan)}, "not finite"),
        ({"pictures": torch.full((6, 3, SIZE, SIZE), 1.5)}, "1.5"),
        ({"background": (1.0, 2.0, 1.0)}, "2.0"),
        ({"reference_row": 6}, "row 6 of 6"),
    ],
)
def test_views_that_do_not_fit_their_cameras_are_refused(changes, told):
    fields = {
        "pictures": torch.zeros(6, 3, SIZE, SIZE),
        "cameras": facelift_rig(SIZE).cameras,
        "background": WHITE,
        "reference_row": 0,
    }
    with pytest.raises(ValueError, match=told):
        GeneratedViews(**fields | changes)
