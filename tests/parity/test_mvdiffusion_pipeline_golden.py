"""Loading, sampling and one training step against numbers of the published pipeline at a tiny size."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from mouse_facelift.mvdiffusion import Pipeline, embed_prompts, load_pipeline, load_unet
from mouse_facelift.mvdiffusion.conditioning import decode_latents, encode_pictures
from mouse_facelift.mvdiffusion.objective import Draws, Objective, TrainingInputs, diffusion_loss, training_inputs
from mouse_facelift.mvdiffusion.sampling import Conditions, Sampling, denoise, draw, prepare_conditions, sample_views

pytestmark = pytest.mark.shared

# The tolerances that come with the numbers.
EXACT = {"rtol": 0.0, "atol": 1e-6}
CLOSE = {"rtol": 0.0, "atol": 1e-4}

THREE_STEPS = Sampling(steps=3, guidance=3.0, eta=1.0)
VIEWS = 6


def arrays(path: Path) -> dict[str, Tensor]:
    with np.load(path) as stored:
        return {name: torch.from_numpy(array) for name, array in stored.items()}


@pytest.fixture(scope="module")
def golden(shared: Path) -> Path:
    return shared / "golden" / "mvdiffusion_pipeline_tiny"


@pytest.fixture(scope="module")
def pipeline(golden: Path) -> Pipeline:
    return load_pipeline(golden / "pipeckpts")


@pytest.fixture(scope="module")
def stored(golden: Path) -> dict[str, Tensor]:
    return arrays(golden / "case_cfg3.npz")


@pytest.fixture(scope="module")
def variants(golden: Path) -> dict[str, Tensor]:
    return arrays(golden / "case_variants.npz")


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(4)


@pytest.fixture(scope="module")
def pictures(stored) -> Tensor:
    return stored["input_image_u8"].permute(2, 0, 1)[None]


def final_latents(pipeline, pictures, prompts, sampling, generator) -> Tensor:
    conditions = prepare_conditions(pipeline, pictures, prompts[None], sampling.guidance, generator)
    latents = draw((VIEWS, 4, 8, 8), torch.device("cpu"), generator)
    return [*denoise(pipeline, latents, conditions, sampling, VIEWS, generator)][-1]


def test_a_whole_sampling_run(pipeline, stored, pictures, generator):
    seen = []
    hook = pipeline.unet.register_forward_hook(lambda _, __, out: seen.append(out.sample))
    conditions = prepare_conditions(pipeline, pictures, stored["prompt_embeds"][None], 3.0, generator)
    torch.testing.assert_close(conditions.class_labels, stored["class_labels"], **EXACT)
    torch.testing.assert_close(conditions.image_latents, stored["image_latents"], **EXACT)
    latents = draw((VIEWS, 4, 8, 8), torch.device("cpu"), generator)
    torch.testing.assert_close(latents, stored["initial_latents"], rtol=0, atol=0)
    steps = torch.stack([*denoise(pipeline, latents, conditions, THREE_STEPS, VIEWS, generator)])
    hook.remove()
    torch.testing.assert_close(torch.stack(seen), stored["unet_output"], **CLOSE)
    torch.testing.assert_close(steps, stored["latents_after_step"], **CLOSE)
    torch.testing.assert_close(decode_latents(pipeline, steps[-1]), stored["images"], **CLOSE)


def test_pictures_to_the_bit(pipeline, stored, pictures, generator):
    images = sample_views(pipeline, pictures, stored["prompt_embeds"][None], THREE_STEPS, generator)[0]
    bits = (images.permute(0, 2, 3, 1) * 255).round().to(torch.uint8)
    difference = (bits.int() - stored["images_u8"].int()).abs()
    assert difference.max() <= 1
    # Rounding falls the other way where a value lies at the middle of two.
    assert (difference > 0).float().mean() < 1e-3


@pytest.mark.parametrize(
    ("name", "sampling"),
    [
        ("latents_guidance1", Sampling(steps=3, guidance=1.0, eta=1.0)),
        ("latents_eta0", Sampling(steps=3, guidance=3.0, eta=0.0)),
        ("latents_50steps", Sampling(steps=50, guidance=3.0, eta=1.0)),
    ],
)
def test_variants(pipeline, stored, variants, pictures, generator, name, sampling):
    found = final_latents(pipeline, pictures, stored["prompt_embeds"], sampling, generator)
    torch.testing.assert_close(found, variants[name], **CLOSE)


def test_fifty_steps_are_the_released_ones(pipeline, variants):
    pipeline.scheduler.set_timesteps(50)
    assert pipeline.scheduler.timesteps.tolist() == variants["timesteps_50"].tolist()


def test_the_published_half_precision_of_the_reference_explains_its_deviation(
    pipeline, stored, variants, pictures, generator
):
    whole = prepare_conditions(pipeline, pictures, stored["prompt_embeds"][None], 3.0, generator)
    halved = encode_pictures(pipeline, ((2 * (pictures / 255) - 1).half().float() + 1) / 2).mode
    references = torch.cat([torch.zeros(VIEWS, 4, 8, 8), halved.expand(VIEWS, 4, 8, 8)])
    latents = draw((VIEWS, 4, 8, 8), torch.device("cpu"), generator)
    conditions = Conditions(whole.class_labels, references, whole.prompts)
    found = [*denoise(pipeline, latents, conditions, THREE_STEPS, VIEWS, generator)][-1]
    torch.testing.assert_close(found, variants["latents_half_cast"], **CLOSE)
    assert (found - stored["latents_after_step"][-1]).abs().max() > 2e-4


@pytest.fixture(scope="module")
def step(golden: Path) -> dict[str, Tensor]:
    return arrays(golden / "train_step.npz")


@pytest.fixture(scope="module")
def training(pipeline, step) -> TrainingInputs:
    draws = Draws(
        embedding_noise=step["clip_noise"],
        posterior_noise=step["vae_posterior_noise"],
        noise=step["noise"],
        timesteps=step["timesteps"][::VIEWS],
        drop=step["random_p"],
    )
    objective = Objective(condition_drop_rate=step["condition_drop_rate"].item(), snr_gamma=step["snr_gamma"].item())
    pictures = step["images_u8"].permute(0, 1, 4, 2, 3) / 255
    return training_inputs(
        pipeline, pictures, step["prompt_embeds"].expand(len(pictures), -1, -1, -1), draws, objective
    )


def test_inputs_of_a_training_step(training, step):
    torch.testing.assert_close(training.class_labels, step["class_labels"], **EXACT)
    torch.testing.assert_close(training.sample[:, 4:], step["unet_input"][:, 4:], **EXACT)
    torch.testing.assert_close(training.sample[:, :4], step["unet_input"][:, :4], **CLOSE)
    torch.testing.assert_close(training.velocity, step["velocity_target"], **CLOSE)
    torch.testing.assert_close(training.timesteps, step["timesteps"])
    expected = step["snr"].clamp(max=5) / step["snr"]
    torch.testing.assert_close(training.weights, expected, rtol=1e-5, atol=0)
    # Drops of a quarter: picture's embedding alone, both, latent alone, none.
    told = [(training.class_labels[row].any().item(), training.sample[row, 4:].any().item()) for row in (0, 6, 12, 18)]
    assert told == [(False, True), (False, False), (True, False), (True, True)]


def test_loss_and_gradients_of_a_training_step(golden, training, step):
    unet = load_unet(golden / "pipeckpts" / "unet")
    loss = diffusion_loss(unet, training, VIEWS)
    loss.backward()
    assert loss.item() == pytest.approx(step["loss"].item(), rel=1e-6)
    norm = torch.stack([parameter.grad.norm() for parameter in unet.parameters()]).norm()
    assert norm.item() == pytest.approx(step["total_grad_norm"].item(), rel=1e-5)
    gradients = {name.removeprefix("grad::"): step[name] for name in step if name.startswith("grad::")}
    assert len(gradients) == 4
    for name, gradient in gradients.items():
        assert (unet.get_parameter(name).grad - gradient).norm() < 1e-4 * gradient.norm(), name


def test_the_text_encoder_is_read_as_its_own_library_reads_it(golden):
    folder = golden / "pipeckpts"
    prompts = ["front view", "back view"]
    tokens = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)(
        prompts, padding="max_length", max_length=77, return_tensors="pt"
    )
    with torch.no_grad():
        expected = CLIPTextModel.from_pretrained(folder / "text_encoder")(tokens.input_ids).last_hidden_state
    torch.testing.assert_close(embed_prompts(folder, prompts), expected.half(), rtol=0, atol=1e-3)
