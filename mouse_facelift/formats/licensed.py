"""Weights behind a result, and the license under which they came."""

from collections.abc import Iterable, Sequence

from mouse_facelift.formats.manifest import Record

AND = " AND "  # of SPDX license expressions: both hold


class LicensedWeights(Record):
    """One file of weights."""

    file: str
    """as the configuration or the run names it"""
    sha256: str
    license: str
    """as declared: an SPDX identifier, or plain words; of several that all hold, joined by AND"""


def once_each(*weights: Iterable[LicensedWeights]) -> tuple[LicensedWeights, ...]:
    """Join lists, each weights under each license once, in the order in which they come."""
    known: dict[tuple[str, str], LicensedWeights] = {}
    for found in (one for part in weights for one in part):
        known.setdefault((found.sha256, found.license), found)
    return tuple(known.values())


def all_of(licenses: Iterable[str]) -> str:
    """Join licenses by AND, once each: what comes of several weights must heed every one."""
    return AND.join(dict.fromkeys(name for license in licenses for name in license.split(AND)))


def licenses_of(weights: Iterable[LicensedWeights]) -> str:
    """The licenses of all, see `all_of`."""
    return all_of(one.license for one in weights)


def in_words(weights: Sequence[LicensedWeights]) -> str:
    """Name file, checksum and license of each; `none` without any."""
    return "; ".join(f"{one.file} sha256 {one.sha256} ({one.license})" for one in weights) or "none"
