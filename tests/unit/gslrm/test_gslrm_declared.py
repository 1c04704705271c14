"""What the configuration says of weights holds, or nothing starts from them."""

from pathlib import Path

import pytest

from mouse_facelift.formats.card import WeightsCard
from mouse_facelift.formats.licensed import LicensedWeights
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.formats.whole import sha256
from mouse_facelift.gslrm import fresh_gslrm, load_gslrm, read_config
from mouse_facelift.gslrm.declared import require_as_declared
from mouse_facelift.training.trained import read_card, write_weights
from tests.unit.gslrm.tiny_finetune import DECLARED

SHIPPED = Path(__file__).resolve().parents[3] / "mouse_facelift/gslrm/weights/gslrm_small.safetensors"


@pytest.fixture
def card(finetune) -> Path:
    """The card of weights that were fine-tuned on pictures of a mouse."""
    return finetune("out", {"steps": 1}).card


def declared(**changes: str):
    return DECLARED.model_copy(update=changes)


def test_weights_as_declared_give_their_card(card, checkpoint):
    weights = card.with_name("weights.safetensors")
    assert require_as_declared(*checkpoint, declared(sha256=sha256(checkpoint.weights))) is None
    found = require_as_declared(weights, checkpoint.config, declared(domain="mouse", sha256=sha256(weights)))
    assert found == WeightsCard.read(card)


def test_another_file_than_declared_is_refused_before_its_card_is_read(card, checkpoint):
    weights = card.with_name("weights.safetensors")
    found, expected = sha256(weights), "0" * 64
    card.write_text("no card")
    with pytest.raises(ValueError) as error:
        require_as_declared(weights, checkpoint.config, declared(sha256=expected))
    assert str(error.value) == f"{weights}: sha256: found {found}, expected {expected} (checkpoints.small.sha256)"


def test_a_card_under_another_license_names_itself_and_the_row(card, checkpoint):
    with pytest.raises(ValueError) as error:
        require_as_declared(
            card.with_name("weights.safetensors"), checkpoint.config, declared(domain="mouse", license="x")
        )
    assert str(error.value) == f"{card}: license: found MIT, expected x (checkpoints.small.license)"


def test_licenses_go_on_to_all_that_comes_of_weights(finetune, checkpoint, table, tmp_path):
    drew = LicensedWeights(file="drew.pt", sha256="2" * 64, license="research alone")
    drawn = table.with_name("drawn.json")
    SampleTable.read(table).model_copy(update={"drawn_by": (drew,)}).write(drawn)
    first = WeightsCard.read(finetune("first", {"steps": 1}, table=drawn).card)
    start = LicensedWeights(file=str(checkpoint.weights), sha256=sha256(checkpoint.weights), license="MIT")
    assert (first.license, first.origins) == ("MIT AND research alone", (start, drew))
    again = declared(domain="mouse", license=first.license)
    second = finetune("second", {"steps": 1}, checkpoint=tmp_path / "first/weights.safetensors", declared=again)
    card = WeightsCard.read(second.card)
    assert card.license == first.license
    assert [one.sha256 for one in card.origins] == [first.weights_sha256, start.sha256, drew.sha256]


def test_a_card_of_another_domain_names_itself_and_the_row(card, checkpoint):
    with pytest.raises(ValueError) as error:
        require_as_declared(card.with_name("weights.safetensors"), checkpoint.config, declared(domain="human-head"))
    assert str(error.value) == f"{card}: domain: found mouse, expected human-head (checkpoints.small.domain)"


def test_a_card_of_another_network_is_refused(card, checkpoint):
    text = checkpoint.config.read_text().replace('"num_views": 3', '"num_views": 4')
    checkpoint.config.write_text(text)
    with pytest.raises(ValueError, match=r"card\.json: network\.num_views: found 3, expected 4 \(.*start\.json\)"):
        require_as_declared(card.with_name("weights.safetensors"), checkpoint.config, declared(domain="mouse"))
    WeightsCard.model_validate(WeightsCard.read(card).model_dump() | {"network": "{}"}).write(card)
    with pytest.raises(ValueError, match=r"card\.json: network: 9 validation errors for GslrmConfig\nimage_tokenizer"):
        require_as_declared(card.with_name("weights.safetensors"), checkpoint.config, declared(domain="mouse"))


def test_no_training_starts_from_other_weights_than_declared(finetune, checkpoint, tmp_path):
    with pytest.raises(ValueError, match=r"start\.safetensors: sha256: found .*, expected 0{64}"):
        finetune("out", declared=declared(sha256="0" * 64))
    assert not (tmp_path / "out").exists()


def test_fine_tuned_weights_are_a_start_of_their_own_domain(finetune, checkpoint):
    first = finetune("first", {"steps": 1})
    second = finetune("second", {"steps": 1}, checkpoint=first.weights, declared=declared(domain="mouse"))
    assert WeightsCard.read(second.card).parent == sha256(first.weights)
    with pytest.raises(ValueError, match=r"first/card\.json: domain: found mouse, expected procedural"):
        finetune("third", {"steps": 1}, checkpoint=first.weights)


def test_the_shipped_weights_are_as_their_card_says():
    config = SHIPPED.with_suffix(".json")
    card = require_as_declared(SHIPPED, config, DECLARED)
    assert card is not None and card == read_card(SHIPPED)
    load_gslrm(SHIPPED, config)


def test_absent_weights_are_named(checkpoint, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.pt: no such weights"):
        require_as_declared(tmp_path / "none.pt", checkpoint.config, DECLARED)


def test_weights_that_were_written_over_no_longer_fit_their_card(card, checkpoint):
    weights = card.with_name("weights.safetensors")
    write_weights(weights, fresh_gslrm(read_config(checkpoint.config), seed=9))
    with pytest.raises(ValueError, match=r"card\.json: weights_sha256: found .*, but .*weights\.safetensors has"):
        require_as_declared(weights, checkpoint.config, declared(domain="mouse"))
