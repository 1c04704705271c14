"""Fingerprints change with code and not with words."""

import pytest

from mouse_facelift import provenance


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path)
    (tmp_path / "room").mkdir()
    (tmp_path / "room/a.py").write_text('"""Words."""\n\n\ndef f(x):\n    """More."""\n    return x + 1\n')
    return tmp_path


def test_words_and_blank_lines_do_not_count(package):
    before = provenance.fingerprint("room")
    (package / "room/a.py").write_text("# a comment\ndef f(x):\n    return (x + 1)\n")
    assert provenance.fingerprint("room") == before == provenance.fingerprint("room")


@pytest.mark.parametrize("change", ["def f(x):\n    return x + 2\n", "def g(x):\n    return x + 1\n"])
def test_a_change_of_code_counts(package, change):
    before = provenance.fingerprint("room.a")
    (package / "room/a.py").write_text(change)
    assert provenance.fingerprint("room.a") != before


def test_a_module_is_taken_apart_once_for_all_rules_that_name_it(package):
    provenance.fingerprint("room")
    known = provenance._without_words.cache_info()
    assert provenance.fingerprint("room.a") != provenance.fingerprint("room", "room.a")
    assert provenance._without_words.cache_info().misses == known.misses


def test_a_new_file_counts_and_an_unknown_module_is_an_error(package):
    before = provenance.fingerprint("room")
    (package / "room/b.py").write_text("x = 1\n")
    assert provenance.fingerprint("room") != before
    with pytest.raises(ValueError, match="no module 'corridor'"):
        provenance.fingerprint("corridor")
