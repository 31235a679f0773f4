"""VICS is read unchanged: media of hash sets and cases, by category numbers."""

import json
from typing import Any

import pytest

from tests.conformance.foreign import read
from tests.hashsets.foreign.vics import HEADER, MEDIA, ONE, SHA1, SUBJECTS, TWO
from uploadfilter.hashsets.tally import Problem


def vics(*media: dict[str, Any], region: str = "US") -> bytes:
    """Return a hash set of VICS 2.0."""
    context = HEADER.format(region, "Media")
    return json.dumps({"@odata.context": context, "value": media}).encode()


@pytest.mark.parametrize(
    ("region", "harmless"), [("US", 1), ("us", 1), ("UK", 0), ("Default", 0)]
)
def test_category_five_is_harmless_in_one_country(region: str, harmless: int) -> None:
    """The meaning of numbers is known only for the United States."""
    medium = {"MediaID": 1, "Category": 5, "MD5": ONE}
    found, tally = read(SUBJECTS["vics-2.0"], vics(medium, region=region))

    assert len(found) == 1 - harmless
    assert tally.categories == {"5": 1}
    assert tally.foreign is not None
    assert bool(tally.foreign.meanings) == bool(harmless)
    assert region in tally.foreign.title


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        pytest.param("MD5", 17, Problem.BAD_FIELD, id="number"),
        pytest.param("MD5", ONE[:-1], Problem.ODD_LENGTH, id="odd"),
        pytest.param("MD5", SHA1, Problem.WRONG_LENGTH, id="length"),
        pytest.param("MD5", "", Problem.NO_SIGNALS, id="nothing"),
        pytest.param("MD5", "0" * 32, Problem.DEGENERATE, id="zeros"),
        pytest.param("Category", True, Problem.BAD_CATEGORY, id="flag"),
        pytest.param("Category", 1.5, Problem.BAD_CATEGORY, id="fraction"),
        pytest.param("MediaID", "", Problem.BAD_ID, id="empty-id"),
        pytest.param("MediaID", 2**63 - 1, None, id="huge-id"),
        pytest.param("AlternativeHashes", {}, None, id="empty-object"),
        pytest.param("AlternativeHashes", {"a": 1}, Problem.BAD_FIELD, id="object"),
        pytest.param("AlternativeHashes", [1], Problem.BAD_FIELD, id="no-object"),
    ],
)
def test_odd_medium_is_told(field: str, value: object, problem: Problem | None) -> None:
    """With the reason, and the number of its record."""
    odd = {"MediaID": 2, "Category": 1, "MD5": TWO, field: value}
    _, tally = read(SUBJECTS["vics-2.0"], vics(MEDIA[1], odd))

    expected = [] if problem is None else [(problem, 2)]
    assert [(item.problem, item.first_line) for item in tally.problems] == expected


def test_media_may_come_one_a_line() -> None:
    """A part of an export that other tools cut out is read like the export."""
    lines = b"\n".join(json.dumps(medium).encode() for medium in MEDIA)
    found, _ = read(SUBJECTS["vics-2.0"], lines, is_known=True)

    assert [name for name, _, _ in found] == ["1", "2", "3", "auto"]


def test_unknown_field_is_counted() -> None:
    """A field of a later version is named in the report."""
    _, tally = read(SUBJECTS["vics-2.0"], vics({**MEDIA[1], "Novelty": 1}))

    assert tally.ignored_fields == {"Novelty": 1}
