"""Views are drawn here as the workflow draws them."""

from pathlib import Path

import pytest

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleTable, load_sample
from mouse_facelift.mvdiffusion.generate import generate_views
from mouse_facelift.settings import read_settings
from mouse_facelift.verbs.choice import choose_generator
from mouse_facelift.verbs.drawing import load_drawing
from tests.tiny_project import card_of

TABLE = Path("results/samples/real.fill/table.json")


def test_the_same_views_as_those_of_a_generated_dataset(project):
    settings = read_settings(Path("config.yaml"))
    chosen = choose_generator(settings, "view_index", None, ())
    assert chosen.card is not None and chosen.prompts is not None
    drawn_table = Path("results/samples/generated.fill/table.json")
    generate_views(
        TABLE,
        chosen.start,
        chosen.prompts,
        chosen.unet,
        chosen.card,
        drawn_table,
        "generated",
        settings.generated_datasets["generated"],
        chosen.sampling,
        settings.camera_contract,
        settings.compute,
    )
    drawing = load_drawing(chosen, settings.camera_contract, settings.compute)
    drawn = SampleTable.read(drawn_table).samples
    for row, drawn_row in zip(SampleTable.read(TABLE).samples, drawn, strict=True):
        whole = load_sample(TABLE, row)
        views, names = drawing.draw(Sample(row.name, whole.cameras[[0]], whole.images[[0]]))
        expected = load_sample(drawn_table, drawn_row)
        assert names == drawn_row.view_names[: len(names)]
        assert bool((views.images == expected.images[: len(names)]).all())


def test_a_generator_of_another_card_or_contract_is_refused(project):
    settings = read_settings(Path("config.yaml"))
    chosen = choose_generator(settings, "view_index", None, ())
    assert chosen.card is not None
    contract = settings.camera_contract.model_copy(update={"distance": 2.8})
    with pytest.raises(ValueError, match=r"card\.json: contract: found \w+, expected \w+, that of the config"):
        load_drawing(chosen, contract, settings.compute)
    card_of(Path("config.yaml"), "{}", "mouse", settings).write(chosen.card)
    with pytest.raises(ValueError, match=r"card\.json: weights_sha256"):
        load_drawing(chosen, settings.camera_contract, settings.compute)
