"""Nothing is computed on cameras, tables or networks that do not belong together."""

import json

import pytest

from mouse_facelift.formats.sample_folder import Sample
from mouse_facelift.formats.sample_table import SampleTable
from mouse_facelift.gslrm.declared import require_size
from mouse_facelift.training.honesty import load_honest_sample, require_contract_kept, require_honest, require_views
from tests.tiny_samples import CONTRACT, VIEW_NAMES, blobs, ring, write_table

BROKEN = "focal: view 0: found 725.0000, 820.0000 px, expected 17.1560"


def ask(table, contract=CONTRACT, allowed: bool = False) -> None:
    require_honest(SampleTable.read(table), table, contract, allowed, "full")


def test_honest_cameras_pass(table) -> None:
    ask(table)
    ask(table, allowed=True)


@pytest.mark.parametrize("allowed", [False, True])
def test_a_table_made_for_another_contract_is_refused(table, allowed: bool) -> None:
    other = CONTRACT.model_copy(update={"distance": 2.5})
    with pytest.raises(ValueError) as error:
        ask(table, other, allowed)
    assert str(error.value) == (
        f"experiment full: {table}: contract: found {CONTRACT.hash}, expected {other.hash},"
        " that of the config's camera_contract"
    )


def test_violations_are_told_unless_they_are_allowed(tmp_path) -> None:
    table = write_table(tmp_path, violations=(BROKEN,) * 8)
    with pytest.raises(ValueError) as error:
        ask(table)
    lines = str(error.value).splitlines()
    assert lines[0] == f"experiment full: {table} (normalization contract) breaks the camera contract:"
    assert lines[1:8] == [f"  {BROKEN}"] * 6 + ["  ... and 2 more"]
    assert lines[8] == "set experiments.full.allow_broken_contract: true to see what that does"
    ask(table, allowed=True)


def test_what_may_never_break_the_contract_is_not_told_how_to(tmp_path) -> None:
    table = write_table(tmp_path, violations=(BROKEN,))
    with pytest.raises(ValueError) as error:
        require_contract_kept(SampleTable.read(table), table, CONTRACT, "generators.index")
    assert str(error.value) == (
        f"generators.index: {table} (normalization contract) breaks the camera contract:\n  {BROKEN}"
    )


def test_cameras_are_looked_at_even_where_the_table_tells_of_no_fault(tmp_path) -> None:
    sample = blobs(0)
    zoomed = CONTRACT.model_copy(update={"focal": 20.0})
    table = write_table(tmp_path, ("test",), (Sample("zoomed", ring(4, zoomed), sample.images),))
    path = tmp_path / "zoomed" / "opencv_cameras.json"
    with pytest.raises(ValueError) as error:
        ask(table)
    assert f"{path}: focal: view 0: found 20.0000, 20.0000 px, expected 17.1560" in str(error.value)
    ask(table, allowed=True)


def test_a_setting_that_asks_for_too_many_views_is_named(table) -> None:
    samples = SampleTable.read(table)
    require_views(samples, table, "experiments.full.views.inputs", 4)
    with pytest.raises(ValueError, match=r"experiments\.full\.views\.inputs: found 5, .*have 4 views"):
        require_views(samples, table, "experiments.full.views.inputs", 5)


def test_a_network_of_another_picture_size_is_refused(tiny_config, tmp_path) -> None:
    require_size(tiny_config, tmp_path / "n.json", CONTRACT)
    with pytest.raises(ValueError, match=r"n\.json: image_tokenizer\.image_size: found 16 px, expected 64 px"):
        require_size(tiny_config, tmp_path / "n.json", CONTRACT.model_copy(update={"image_size": 64}))


def test_a_sample_with_other_views_than_its_table_is_refused(tmp_path) -> None:
    whole = blobs(0)
    less = Sample("less", whole.cameras[:3], whole.images[:3])
    table = write_table(tmp_path, ("test",), (less,))
    samples = SampleTable.read(table)
    with pytest.raises(ValueError, match=rf"less: found 3 views, expected {len(VIEW_NAMES)} as of all samples"):
        load_honest_sample(samples, table, samples.samples[0])


def test_a_sample_that_changed_since_is_refused(table) -> None:
    path = table.parent / "blobs_000" / "opencv_cameras.json"
    content = json.loads(path.read_text())
    content["frames"][0]["fx"] += 1e-9
    path.write_text(json.dumps(content))
    samples = SampleTable.read(table)
    with pytest.raises(ValueError, match=r"blobs_000/opencv_cameras\.json: sha256 .* it changed since"):
        load_honest_sample(samples, table, samples.samples[0])
