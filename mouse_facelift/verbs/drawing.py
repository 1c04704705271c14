"""A view generator that is chosen and loaded, and how it draws."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.whole import sha256
from mouse_facelift.mvdiffusion.drawn_sample import DRAWN
from mouse_facelift.mvdiffusion.generate import draw_sample
from mouse_facelift.mvdiffusion.generator import Generator, load_generator
from mouse_facelift.mvdiffusion.loading import find_weights
from mouse_facelift.mvdiffusion.prompts import RELEASED_VIEWS, write_prompts
from mouse_facelift.rendering.backends import device_of
from mouse_facelift.settings import CameraContract, Compute, DeclaredWeights, GeneratedDataset
from mouse_facelift.training.trained import read_card_on, require_checksum, weights_behind
from mouse_facelift.verbs.choice import ChosenGenerator
from mouse_facelift.verbs.record import UsedGenerator


@dataclass(frozen=True)
class Drawing:
    """Draws the released six views from one."""

    generator: Generator
    chosen: ChosenGenerator
    used: UsedGenerator

    @property
    def contract(self) -> CameraContract:
        return self.generator.contract

    def draw(self, front: Sample) -> tuple[Sample, tuple[str, ...]]:
        """Draw the views of a sample's first view, on the contract, and say what they are called."""
        rule = GeneratedDataset(generator=self.chosen.name, of=front.name, cameras="released", white=self.chosen.white)
        drawn = draw_sample(self.generator, front, front.name, rule, self.chosen.sampling)
        return drawn, tuple(DRAWN + view for view in RELEASED_VIEWS)


def load_drawing(chosen: ChosenGenerator, contract: CameraContract, compute: Compute) -> Drawing:
    """Load a chosen generator, strictly.

    Raises:
        FileNotFoundError: a file is absent.
        ValueError: weights are not those of their card or row, or do not fit, or not the contract.
    """
    weights = find_weights(chosen.unet)
    declared = DeclaredWeights(row=chosen.row, domain=chosen.domain, license=chosen.license, sha256=chosen.sha256)
    require_checksum(weights, declared)
    card = None if chosen.card is None else read_card_on(weights, chosen.card, contract)
    with tempfile.TemporaryDirectory(prefix="mouse-facelift-") as scratch:
        prompts = chosen.prompts
        if prompts is None:
            prompts = Path(scratch) / "prompts.pt"
            write_prompts(chosen.start, prompts)
        generator = load_generator(chosen.start, prompts, chosen.unet, chosen.ray_film, contract)
    generator.to(device_of(compute.renderer))
    itself, *origins = weights_behind(weights, card, declared)
    used = UsedGenerator(
        row=chosen.row,
        weights=str(weights),
        sha256=itself.sha256,
        license=itself.license,
        origins=tuple(origins),
        ray_film=None if chosen.ray_film is None else sha256(chosen.ray_film),
        domain=chosen.domain,
        accepted_by=chosen.accepted_by,
        trained_on=None if card is None else card.trained_on,
        status=None if card is None else card.status,
        sampling=chosen.sampling,
        white=chosen.white,
    )
    return Drawing(generator, chosen, used)
