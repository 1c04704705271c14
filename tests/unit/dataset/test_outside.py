"""FaceLift's own samples load without a special case; what is off the contract does not."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from mouse_facelift.dataset.outside import import_sample
from mouse_facelift.settings import CameraContract

RELEASED = CameraContract(
    image_size=512, focal=548.9937744140625, distance=2.7, distance_range=(1.8, 3.6), subject_radius=1.0
)


@pytest.fixture
def facelift_sample(shared: Path) -> Path:
    return shared / "real" / "facelift_sample" / "gslrm" / "sample_000"


@pytest.mark.shared
def test_a_released_sample_is_on_the_contract(facelift_sample: Path) -> None:
    sample = import_sample(facelift_sample, RELEASED)
    assert sample.name == "sample_000"
    assert sample.images.shape == (32, 512, 512, 4)
    distances = torch.linalg.vector_norm(sample.cameras.centers, dim=-1)
    torch.testing.assert_close(distances, torch.full_like(distances, 2.7), atol=1e-5, rtol=0)
    assert 0.05 < float(sample.alpha.mean()) < 0.5
    assert bool((sample.over_white()[:, :, 0, 0] == 1).all())


@pytest.mark.shared
def test_a_sample_off_the_contract_is_refused(facelift_sample: Path, tmp_path: Path) -> None:
    cameras = json.loads((facelift_sample / "opencv_cameras.json").read_text())
    cameras["frames"] = cameras["frames"][:2]
    cameras["frames"][1]["fx"] = 725.0
    (tmp_path / "images").mkdir()
    for frame in cameras["frames"]:
        shutil.copyfile(facelift_sample / frame["file_path"], tmp_path / frame["file_path"])
    (tmp_path / "opencv_cameras.json").write_text(json.dumps(cameras))
    with pytest.raises(ValueError, match=r"focal: view 1: found 725\.0000, 548\.9938 px, expected 548\.9938"):
        import_sample(tmp_path, RELEASED)
    half = RELEASED.model_copy(update={"image_size": 256, "focal": RELEASED.focal / 2})
    with pytest.raises(ValueError, match="image_size: found 512 x 512 px, expected 256 x 256"):
        import_sample(tmp_path, half)
