"""What comes of weights says so, and under which licenses."""

from pathlib import Path

import pytest

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.licensed import LicensedWeights, all_of, in_words, licenses_of, once_each
from mouse_facelift.formats.whole import sha256
from mouse_facelift.settings import StoredGenerator, read_settings

REPOSITORY = Path(__file__).parents[3]
START = LicensedWeights(file="start.pt", sha256="1" * 64, license="MIT")
DREW = LicensedWeights(file="drew.pt", sha256="2" * 64, license="research alone AND MIT")


def test_licenses_of_several_weights_all_hold_and_are_told_once():
    assert licenses_of([START, DREW, START]) == "MIT AND research alone"
    assert all_of(["a AND b", "b AND c"]) == "a AND b AND c"
    assert licenses_of([]) == ""


def test_weights_are_joined_once_each_wherever_they_stand():
    moved = START.model_copy(update={"file": "elsewhere.pt"})
    relicensed = START.model_copy(update={"license": "CC0-1.0"})
    assert once_each([START, DREW], [moved, relicensed]) == (START, DREW, relicensed)


def test_words_name_file_checksum_and_license():
    assert in_words([]) == "none"
    assert in_words([START]) == f"start.pt sha256 {'1' * 64} (MIT)"


@pytest.mark.parametrize("configuration", ["config.yaml", "config/learning.yaml"])
def test_shipped_weights_have_the_project_s_license(configuration):
    settings = read_settings(REPOSITORY / configuration)
    rows = [(Path(row.weights), row.license) for row in settings.checkpoints.values()]
    for start in settings.generator_starts.values():
        assert isinstance(start, StoredGenerator)
        rows.append((Path(start.folder) / "unet/diffusion_pytorch_model.safetensors", start.license))
    assert (REPOSITORY / "LICENSE").read_text().startswith("MIT License")
    for weights, license in rows:
        beside = [weights.with_suffix(".card.json"), weights.parents[2] / "card.json"]
        card = WeightsCard.read(next(REPOSITORY / path for path in beside if (REPOSITORY / path).is_file()))
        assert (card.license, card.origins, license) == ("MIT", (), "MIT")
        assert card.weights_sha256 == sha256(REPOSITORY / weights)
