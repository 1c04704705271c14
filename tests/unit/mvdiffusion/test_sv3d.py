"""SV3D on the stock parts of Stable Video Diffusion: each frame hears of its own camera, the last is the reference."""

import math
import shutil
from pathlib import Path

import pytest
import torch
from diffusers.models.unets.unet_spatio_temporal_condition import UNetSpatioTemporalConditionModel
from diffusers.pipelines.stable_video_diffusion import pipeline_stable_video_diffusion as video
from diffusers.pipelines.stable_video_diffusion.pipeline_stable_video_diffusion import (
    StableVideoDiffusionPipeline,
    _resize_with_antialiasing,
)
from PIL import Image
from safetensors.torch import load_file, save_file

from mouse_facelift.geometry.cameras import Cameras
from mouse_facelift.geometry.rig import rig_angles
from mouse_facelift.mvdiffusion.generators import MultiViewGenerator, load_sv3d
from mouse_facelift.mvdiffusion.generators.rigs import sv3d_rig
from mouse_facelift.mvdiffusion.generators.sv3d import generator as drawing
from mouse_facelift.mvdiffusion.generators.sv3d.frames import turn_through, whole_turn
from mouse_facelift.mvdiffusion.generators.sv3d.generator import (
    Sv3dGenerator,
    Sv3dSampling,
    guidance_scales,
    prepare_conditions,
    resize_for_clip,
)
from mouse_facelift.mvdiffusion.generators.sv3d.unet import Sv3dUnet, camera_vector
from tests.unit.mvdiffusion.released import change
from tests.unit.mvdiffusion.tiny_generators import SV3D_UNET, WIDTH, disc, write_sv3d

SAMPLING = Sv3dSampling(steps=2, guidance=2.5, decoded_together=14)
SIZE = 8


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> dict[str, Path]:
    folders = {version: tmp_path_factory.mktemp(f"sv3d_{version}") for version in ("u", "p")}
    for version, folder in folders.items():
        torch.manual_seed(0)
        write_sv3d(folder, version)
    return folders


@pytest.fixture
def folder(written, tmp_path) -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(written["p"], tmp_path / "sv3d"))


@pytest.fixture(scope="module")
def generators(written) -> dict[str, Sv3dGenerator]:
    return {version: Sv3dGenerator(load_sv3d(folder, version), SAMPLING, SIZE) for version, folder in written.items()}


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


@pytest.mark.parametrize(("version", "vector"), [("u", 256), ("p", 1280)])
def test_the_unet_at_full_size_has_the_tensors_of_stable_video_diffusion(version, vector):
    """But for the width of what is added to the time embedding, 768 there."""
    with torch.device("meta"):
        video = UNetSpatioTemporalConditionModel().state_dict()
        found = Sv3dUnet(projection_class_embeddings_input_dim=vector, num_frames=21).state_dict()
    assert list(found) == list(video)
    assert {name for name in found if found[name].shape != video[name].shape} == {"add_embedding.linear_1.weight"}
    assert found["add_embedding.linear_1.weight"].shape == (1280, vector)
    assert len(found) == 1428
    assert sum(tensor.numel() for tensor in video.values()) == 1_524_623_082


@torch.no_grad()
def test_where_all_frames_are_told_the_same_it_is_the_stock_network():
    torch.manual_seed(1)
    sizes = SV3D_UNET | {"projection_class_embeddings_input_dim": 256, "addition_time_embed_dim": 256}
    stock, unet = UNetSpatioTemporalConditionModel(**sizes), Sv3dUnet(**sizes)
    unet.load_state_dict(stock.state_dict())
    sample, context = torch.randn(2, 5, 8, 4, 4), torch.randn(2, 1, WIDTH)
    vector = camera_vector(0.02, None, None, 5).expand(2, 5, 256)
    timestep = torch.tensor(1.2)
    expected = stock(sample, timestep, context, torch.full((2, 1), 0.02)).sample
    torch.testing.assert_close(unet(sample, timestep, context, vector), expected, rtol=0, atol=1e-5)
    told = vector.clone()
    told[:, 3] = camera_vector(0.5, None, None, 1)
    assert (unet(sample, timestep, context, told) - expected).abs().amax() > 1e-4
    with pytest.raises(ValueError, match="1280 numbers, the network expects 256"):
        unet(sample, timestep, context, torch.zeros(2, 5, 1280))
    with pytest.raises(ValueError, match="multiples of 2"):
        unet(sample[..., :3], timestep, context, vector)


def test_a_frame_is_told_noise_polar_and_azimuth():
    polars, azimuths = torch.tensor([1.0, 1.5]), torch.tensor([0.3, 0.0])
    vector = camera_vector(1e-5, polars, azimuths, 2)
    assert vector.shape == (2, 1280)
    frequencies = torch.exp(-math.log(10000) * torch.arange(256) / 256)
    torch.testing.assert_close(vector[0, 256:512], torch.cos(1.0 * frequencies))
    torch.testing.assert_close(vector[0, 512:768], torch.sin(1.0 * frequencies))
    torch.testing.assert_close(vector[0, 768:1024], torch.cos(0.3 * frequencies))
    torch.testing.assert_close(vector[1, 1024:], torch.zeros(256))
    torch.testing.assert_close(vector[:, 0], torch.ones(2))
    assert torch.equal(camera_vector(1e-5, None, None, 2), vector[:, :256])


def test_the_network_hears_polar_angles_and_azimuths_in_radians(generators):
    plan = turn_through([90.0], [30.0], 10.0)
    told = prepare_conditions(generators["p"].parts, disc(SIZE).over((1.0, 1.0, 1.0), SIZE), plan, seed(0))
    polars = torch.deg2rad(90 - torch.tensor(plan.elevations))
    azimuths = torch.deg2rad(torch.tensor(plan.azimuths))
    assert float(polars[-1]) == pytest.approx(math.radians(80))
    assert float(azimuths[-1]) == 0
    torch.testing.assert_close(told.vector, camera_vector(1e-5, polars, azimuths, 21))
    assert (told.context[0] == 0).all()
    assert (told.reference[0] == 0).all()
    assert told.context[1].abs().max() > 0
    with pytest.raises(ValueError, match="7 x 7 px, no multiple of 2"):
        prepare_conditions(generators["p"].parts, disc(SIZE).over((1.0, 1.0, 1.0), 7), plan, seed(0))


def test_u_draws_what_the_stock_pipeline_draws_with_its_vector_and_guidance(written, generators, monkeypatch):
    """Stable Video Diffusion's guidance rises to the end, and its vector holds two more numbers."""
    monkeypatch.setattr(drawing, "guidance_scales", lambda guidance: torch.linspace(1, guidance, 21))
    parts = generators["u"].parts
    picture = disc(SIZE).over((1.0, 1.0, 1.0), SIZE)
    drawn = drawing.draw_frames(parts, picture, whole_turn(0.0), SAMPLING, seed(5))

    stock = UNetSpatioTemporalConditionModel.from_pretrained(written["u"] / "unet")
    pipeline = StableVideoDiffusionPipeline(
        parts.vae, parts.image_encoder, stock, parts.scheduler, parts.feature_extractor
    )
    monkeypatch.setattr(pipeline, "_get_add_time_ids", lambda *_: torch.full((2, 1), 1e-5))
    monkeypatch.setattr(video, "_resize_with_antialiasing", lambda pixels, _: _resize_with_antialiasing(pixels, (8, 8)))
    expected = pipeline(
        Image.fromarray(picture.permute(1, 2, 0).numpy()),
        height=SIZE,
        width=SIZE,
        num_inference_steps=2,
        max_guidance_scale=2.5,
        noise_aug_strength=1e-5,
        decode_chunk_size=14,
        generator=seed(5),
        output_type="pt",
    ).frames[0]
    torch.testing.assert_close(drawn, expected, rtol=0, atol=1e-4)


def test_guidance_rises_to_the_middle_of_the_turn():
    scales = guidance_scales(2.5)
    assert [float(scales[frame]) for frame in (0, 5, 10, 15, 20)] == pytest.approx([1, 1.75, 2.5, 1.75, 1])


def test_noise_falls_from_700(generators):
    scheduler = generators["u"].parts.scheduler
    scheduler.set_timesteps(50)
    assert float(scheduler.sigmas[0]) == pytest.approx(700)
    assert float(scheduler.sigmas[-2]) == pytest.approx(0.002, rel=1e-4)
    assert float(scheduler.sigmas[-1]) == 0
    assert float(scheduler.timesteps[0]) == pytest.approx(0.25 * math.log(700))


@pytest.mark.parametrize("version", ["u", "p"])
def test_a_turn_is_drawn_by_the_seed_alone_and_ends_at_the_reference(generators, version):
    generator = generators[version]
    assert isinstance(generator, MultiViewGenerator)
    reference = disc(SIZE, elevation=15.0)
    views, again, other = (generator.generate(reference, seed(number)) for number in (1, 1, 2))
    assert torch.equal(views.pictures, again.pictures)
    assert not torch.equal(views.pictures, other.pictures)
    assert views.pictures.shape == (21, 3, SIZE, SIZE)
    assert views.reference_row == 20
    torch.testing.assert_close(views.pictures[20] * 255, reference.over((1.0, 1.0, 1.0), SIZE).float())
    turn = whole_turn(15.0)
    expected = sv3d_rig(turn.azimuths, turn.elevations, SIZE).cameras
    assert torch.equal(views.cameras.camera_to_world, expected.camera_to_world)


def test_p_follows_cameras_on_its_orbit_in_any_order(generators):
    wanted = sv3d_rig((200.0, 20.0, 100.0), (-10.0, 40.0, 0.0), SIZE).cameras
    reference = disc(SIZE, elevation=15.0)
    views = generators["p"].generate(reference, seed(1), wanted)
    assert len(views.pictures) == 4
    assert views.reference_row == 3
    torch.testing.assert_close(views.cameras.camera_to_world[:3], wanted.camera_to_world, atol=1e-9, rtol=0)
    angles = rig_angles(views.cameras.centers, torch.zeros(3).double(), torch.tensor([0.0, 0.0, 1.0]).double())
    assert angles.elevation.tolist() == pytest.approx([-10, 40, 0, 15], abs=1e-6)
    turned = generators["p"].generate(reference, seed(1), wanted[[1, 2, 0]])
    torch.testing.assert_close(turned.pictures[[2, 0, 1]], views.pictures[:3], atol=1e-5, rtol=0)
    further = wanted.camera_to_world.clone()
    further[1, :3, 3] *= 1.25
    with pytest.raises(ValueError, match=r"SV3D_p cannot follow camera 1: it stands off the orbit by \+0\.5 units"):
        generators["p"].generate(reference, seed(1), Cameras(further, wanted.intrinsics, SIZE, SIZE))


def test_u_follows_its_own_turn_alone(generators):
    turn = whole_turn(15.0)
    own = sv3d_rig(turn.azimuths, turn.elevations, SIZE).cameras
    assert len(generators["u"].generate(disc(SIZE, elevation=15.0), seed(1), own).pictures) == 21
    with pytest.raises(ValueError, match=r"SV3D_u draws fixed views: camera 0 .* \+0.00 and \+5.00 degrees off"):
        generators["u"].generate(disc(SIZE, elevation=10.0), seed(1), own)


def test_a_network_whose_azimuths_rise_clockwise_is_told_of_mirrored_ones(generators):
    plain = generators["p"]
    mirrored = Sv3dGenerator(plain.parts, SAMPLING, SIZE, clockwise=True)
    wanted = sv3d_rig((30.0, 300.0), (0.0, 20.0), SIZE).cameras
    opposite = sv3d_rig((330.0, 60.0), (0.0, 20.0), SIZE).cameras
    reference = disc(SIZE)
    views, expected = mirrored.generate(reference, seed(1), wanted), plain.generate(reference, seed(1), opposite)
    torch.testing.assert_close(views.pictures, expected.pictures, atol=1e-5, rtol=0)
    torch.testing.assert_close(views.cameras.camera_to_world[:2], wanted.camera_to_world, atol=1e-9, rtol=0)


def test_another_reference_gives_other_views(generators):
    views, other = (
        generators["u"].generate(disc(SIZE, color=color), seed(1)) for color in ((200, 60, 30), (30, 60, 200))
    )
    assert (views.pictures[:20] - other.pictures[:20]).abs().max() > 1e-3


@pytest.mark.parametrize("size", [(40, 40), (8, 8), (30, 25)])
def test_resizing_for_clip_is_that_of_stable_video_diffusion(size):
    picture = torch.rand(1, 3, *size, generator=seed(0))
    torch.testing.assert_close(resize_for_clip(picture, 8), _resize_with_antialiasing(picture, (8, 8)))


def test_the_other_version_and_single_files_are_refused(written, tmp_path):
    with pytest.raises(ValueError, match="projection_class_embeddings_input_dim is 1280, expected 256"):
        load_sv3d(written["p"], "u")
    single = tmp_path / "sv3d_u.safetensors"
    single.touch()
    with pytest.raises(ValueError, match="must first be converted"):
        load_sv3d(single, "u")
    with pytest.raises(FileNotFoundError, match="no folders"):
        load_sv3d(tmp_path, "u")


def test_every_tensor_that_differs_is_named(folder):
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    tensors["cam_embedding.weight"] = torch.zeros(3)
    del tensors["add_embedding.linear_1.weight"]
    save_file(tensors, path)
    with pytest.raises(ValueError, match="2 tensors") as error:
        load_sv3d(folder, "p")
    for told in ("not of this network: cam_embedding.weight", "missing: add_embedding.linear_1.weight"):
        assert told in str(error.value)


@pytest.mark.parametrize("part", ["unet", "vae", "image_encoder"])
def test_missing_weights_are_named(folder, part):
    for path in (folder / part).glob("*.safetensors"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{part}: no weights"):
        load_sv3d(folder, "p")


@pytest.mark.parametrize(
    ("file", "changes", "told"),
    [
        ("unet/config.json", {"num_frames": 25}, "num_frames is 25, expected 21"),
        ("unet/config.json", {"_class_name": "UNet2DConditionModel"}, "_class_name is 'UNet2DConditionModel'"),
        ("unet/config.json", {"cross_attention_dim": 16}, "to_k.weight is"),
        ("unet/config.json", {"camera": 1}, r"unknown keys \['camera'\]"),
        ("scheduler/scheduler_config.json", {"sigma_max": 80.0}, "sigma_max is 80.0, expected 700.0"),
        ("scheduler/scheduler_config.json", {"timestep_type": "discrete"}, "timestep_type"),
        ("vae/config.json", {"_class_name": "AutoencoderTiny"}, "AutoencoderTiny"),
        ("feature_extractor/preprocessor_config.json", {"do_flip": True}, "do_flip"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(folder, file, changes, told):
    change(folder / file, changes)
    with pytest.raises(ValueError, match=told):
        load_sv3d(folder, "p")


def test_the_class_of_converted_weights_may_have_its_own_name(folder):
    change(folder / "unet" / "config.json", {"_class_name": "SV3DUNetSpatioTemporalConditionModel"})
    assert load_sv3d(folder, "p").version == "p"
