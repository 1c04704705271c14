"""GS-LRM against numbers of the published network at a tiny size."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mouse_facelift.formats.ply import write_ply
from mouse_facelift.geometry.gaussians import Gaussians
from mouse_facelift.geometry.rays import nearest_point_rays
from mouse_facelift.gslrm import Gslrm, load_gslrm
from mouse_facelift.gslrm.filters import FACELIFT_INFERENCE, FACELIFT_TRAINING, FACELIFT_WEB_DEMO
from mouse_facelift.gslrm.losses import (
    RELEASED_WEIGHTS,
    LossNetworks,
    LossWeights,
    PixelPositions,
    distance_from_rays,
    gslrm_loss,
    l2,
    psnr,
    spread_of_distances,
    ssim,
)
from mouse_facelift.gslrm.perceptual import PerceptualDistance, load_perceptual_distance
from mouse_facelift.gslrm.rays import posed_images

pytestmark = pytest.mark.shared

# Another float32 implementation agreed to 3e-6, to 1.2e-5 in unit quaternions; the rest is room for another BLAS.
CLOSE = {"rtol": 0.0, "atol": 2e-5}
ROTATION_CLOSE = {"rtol": 0.0, "atol": 1e-4}


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as stored:
        return dict(stored)


@pytest.fixture(scope="module")
def golden(shared: Path) -> Path:
    return shared / "golden" / "gslrm_tiny"


@pytest.fixture(scope="module")
def model(golden: Path) -> Gslrm:
    return load_gslrm(golden / "model.safetensors", golden / "config.json")


@pytest.fixture(scope="module")
def inputs(golden: Path) -> dict[str, Tensor]:
    stored = arrays(golden / "inputs.npz")
    return {
        "images": torch.from_numpy(stored["image_rgba_u8"])[None, :, :3] / 255,
        "camera_to_world": torch.from_numpy(stored["c2w"])[None],
        "fxfycxcy": torch.from_numpy(stored["fxfycxcy"])[None],
    }


def assert_close(found: Tensor, stored: np.ndarray, tolerance: Mapping[str, float] = CLOSE) -> None:
    torch.testing.assert_close(found, torch.from_numpy(stored), **tolerance)


def test_posed_input(golden, inputs):
    rays = nearest_point_rays(inputs["camera_to_world"], inputs["fxfycxcy"], 48, 48)
    assert_close(posed_images(inputs["images"], rays)[0], arrays(golden / "intermediate.npz")["posed_images"])


def test_tokens_at_every_stage(golden, inputs, model):
    seen = {}
    blocks = model.transformer_layers
    hooks = [
        model.patch_embedder.register_forward_hook(lambda _, __, out: seen.update(patch_tokens=out[0])),
        model.input_layer_norm.register_forward_hook(lambda _, __, out: seen.update(input_tokens=out[0])),
        blocks[0].register_forward_hook(lambda _, __, out: seen.update(block_0=out[0])),
        blocks[-1].register_forward_hook(lambda _, __, out: seen.update(tokens=out[0])),
    ]
    with torch.no_grad():
        model(**inputs)
    for hook in hooks:
        hook.remove()
    stored = arrays(golden / "intermediate.npz")
    seen["patch_tokens"] = seen["patch_tokens"].reshape(stored["patch_tokens"].shape)
    for name, tokens in seen.items():
        assert_close(tokens, stored[name])


def test_gaussians(golden, inputs, model):
    stored = arrays(golden / "gaussians.npz")
    with torch.no_grad():
        assert_close(model.predict_raw(**inputs)[0], stored["raw"])
        gaussians = model(**inputs)[0]
    assert_close(gaussians.means, stored["xyz"])
    assert_close(gaussians.log_scales, stored["log_scale"])
    assert_close(gaussians.scales, stored["scale"])
    assert_close(gaussians.quats, stored["raw"][:, 9:13])
    assert_close(gaussians.rotations, stored["rotation"], ROTATION_CLOSE)
    assert_close(gaussians.opacity_logits, stored["opacity_logit"][:, 0])
    assert_close(gaussians.opacities, stored["opacity"][:, 0])
    assert_close(gaussians.sh[:, 0], stored["raw"][:, 3:6])


@pytest.mark.parametrize("checkpoint_activations", [False, True])
def test_gradients(golden, inputs, checkpoint_activations):
    model = load_gslrm(golden / "model.safetensors", golden / "config.json", checkpoint_activations)
    stored = arrays(golden / "grads.npz")
    gaussians = model(**inputs)
    fields = (gaussians.means, gaussians.sh, gaussians.log_scales, gaussians.quats, gaussians.opacity_logits)
    loss = sum(field.square().mean() for field in fields)
    loss.backward()
    assert loss.item() == pytest.approx(stored["loss"].item(), rel=1e-5)
    norms = {name: parameter.grad.norm().item() for name, parameter in model.named_parameters()}
    expected = dict(zip(stored["names"].tolist(), stored["norms"].tolist(), strict=True))
    assert norms == pytest.approx(expected, rel=1e-4)


@pytest.fixture(scope="module")
def stored_gaussians(golden: Path) -> Gaussians:
    stored = {name: torch.from_numpy(array) for name, array in arrays(golden / "gaussians.npz").items()}
    return Gaussians(
        means=stored["xyz"],
        log_scales=stored["log_scale"],
        quats=stored["raw"][:, 9:13],
        opacity_logits=stored["opacity_logit"][:, 0],
        sh=stored["raw"][:, None, 3:6],
    )


@pytest.mark.parametrize(
    ("name", "clean_up"),
    [("inference", FACELIFT_INFERENCE), ("web_demo", FACELIFT_WEB_DEMO), ("training", FACELIFT_TRAINING)],
)
def test_clean_up_keeps_the_same_rows(golden, stored_gaussians, name, clean_up):
    stored = arrays(golden / "filters.npz")
    kept = clean_up.keep(stored_gaussians).numpy()
    np.testing.assert_array_equal(kept, np.unpackbits(stored[f"keep_{name}"])[: len(kept)].astype(bool))
    assert kept.sum() == stored[f"count_{name}"]


def test_ply_is_the_same_to_the_byte(golden, stored_gaussians, tmp_path):
    write_ply(tmp_path / "first24.ply", stored_gaussians.select(torch.arange(24)))
    assert (tmp_path / "first24.ply").read_bytes() == (golden / "first24.ply").read_bytes()


@pytest.fixture(scope="module")
def pictures(golden: Path) -> dict[str, Tensor]:
    stored = arrays(golden / "losses.npz")
    target = torch.from_numpy(stored["target_rgba_u8"]) / 255
    return {"rendering": torch.from_numpy(stored["rendering"]), "target": target[:, :3], "alpha": target[:, 3:]}


@pytest.fixture(scope="module")
def placed(golden: Path, inputs: dict[str, Tensor], pictures: dict[str, Tensor]) -> PixelPositions:
    rays = nearest_point_rays(inputs["camera_to_world"][0, :2], inputs["fxfycxcy"][0, :2], 48, 48)
    return PixelPositions(torch.from_numpy(arrays(golden / "losses.npz")["xyz"]), rays, pictures["alpha"])


@pytest.fixture(scope="module")
def perceptual() -> PerceptualDistance:
    """The network of the perceptual loss with the closed-form weights of the golden numbers."""
    channels = (3, 64, 64, 128, 128, *[256] * 4, *[512] * 8)
    tensors = {}
    for n, (inputs, outputs) in enumerate(pairwise(channels), start=1):
        weight = (scattered(outputs * inputs * 9, 10_000_000 * n) - 0.5) * np.sqrt(12) * np.sqrt(2 / (9 * inputs))
        bias = (scattered(outputs, 10_000_000 * n + 5_000_000) - 0.5) * 0.1
        tensors[f"conv{n}.weight"] = torch.from_numpy(weight).float().reshape(outputs, inputs, 3, 3)
        tensors[f"conv{n}.bias"] = torch.from_numpy(bias).float()
    return load_perceptual_distance(tensors)


def scattered(count: int, start: int) -> np.ndarray:
    """Numbers in 0..1 from the integer hash that the golden numbers' README gives."""
    x = (np.arange(count, dtype=np.uint64) + np.uint64(start)) & np.uint64(0xFFFFFFFF)
    x = (x * np.uint64(2654435761)) & np.uint64(0xFFFFFFFF)
    x ^= x >> np.uint64(16)
    x = (x * np.uint64(2246822519)) & np.uint64(0xFFFFFFFF)
    x ^= x >> np.uint64(13)
    return x.astype(np.float64) / 2**32


def test_losses_of_pictures(golden, pictures):
    stored = arrays(golden / "losses.npz")
    rendering, target = pictures["rendering"], pictures["target"]
    mean_squared_error = l2(rendering, target)
    assert_close(mean_squared_error.double(), stored["l2"])
    assert_close(psnr(mean_squared_error).double(), stored["psnr"])
    assert_close(1 - ssim(rendering, target).double(), stored["ssim_loss"])


def test_losses_of_positions(golden, placed):
    stored = arrays(golden / "losses.npz")
    assert_close(distance_from_rays(placed.positions, placed.rays).double(), stored["pixelalign"])
    masked = distance_from_rays(placed.positions, placed.rays, placed.mask)
    assert_close(masked.double(), stored["pixelalign_masked"])
    assert_close(spread_of_distances(placed.positions, placed.rays).double(), stored["pointsdist"])


def test_perceptual_loss(golden, pictures, perceptual):
    stored = arrays(golden / "losses.npz")
    rendering, target = pictures["rendering"], pictures["target"]
    terms = torch.stack(perceptual.terms(rendering, target)).double()
    torch.testing.assert_close(terms, torch.from_numpy(stored["perceptual_terms_unweighted"]), rtol=1e-5, atol=0)
    losses = gslrm_loss(rendering, target, RELEASED_WEIGHTS, LossNetworks(perceptual))
    assert_close(losses["perceptual"].double(), stored["perceptual"])
    assert_close(losses["total"].double(), stored["total_l2_1_perceptual_half"])


def test_weighed_sum_of_all_terms(golden, pictures, perceptual, placed):
    stored = arrays(golden / "losses.npz")
    weights = LossWeights(l2=1.0, perceptual=0.5, ssim=0.2, pixelalign=0.3, pointsdist=0.1, lpips=0.0, alpha=0.0)
    losses = gslrm_loss(pictures["rendering"], pictures["target"], weights, LossNetworks(perceptual), placed)
    expected = (
        stored["total_l2_1_perceptual_half"]
        + 0.2 * stored["ssim_loss"]
        + 0.3 * stored["pixelalign_masked"]
        + 0.1 * stored["pointsdist"]
    )
    assert losses["total"].item() == pytest.approx(expected.item(), abs=2e-5)
