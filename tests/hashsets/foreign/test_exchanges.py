"""Answers of exchanges are read unchanged, without withdrawn entries."""

import json
from typing import Any

import pytest

from tests.conformance.foreign import read
from tests.hashsets.foreign.exchanges import (
    ONE,
    PAGES,
    PDQ,
    SUBJECTS,
    shared,
)
from uploadfilter.hashsets.foreign.exchanges import STOP_NCII, THREAT_EXCHANGE
from uploadfilter.hashsets.tally import Problem, Tally


@pytest.mark.parametrize(
    ("indicator", "problem"),
    [
        pytest.param({"type": 7}, Problem.BAD_FIELD, id="type"),
        pytest.param({"should_delete": "maybe"}, Problem.BAD_FIELD, id="flag"),
        pytest.param({"should_delete": "yes"}, Problem.WITHDRAWN, id="flag-as-text"),
        pytest.param({"should_delete": None}, None, id="no-flag"),
        pytest.param({"descriptors": [{"status": "NON_MALICIOUS"}]}, "d", id="list"),
        pytest.param(shared(reactions={"data": [{"key": "DISAGREE_WITH_TAGS"}]}), "d"),
        pytest.param(shared(status="UNKNOWN", reactions=[[], None, 7]), None, id="odd"),
    ],
)
def test_indicator_is_taken_or_told(
    indicator: dict[str, Any], problem: Problem | str | None
) -> None:
    """Its owner may withdraw an indicator, and any other member may dispute it."""
    record = {"id": "1", "type": "HASH_MD5", "indicator": ONE, **indicator}
    made = THREAT_EXCHANGE.item(record, Tally())

    expected = {"id": "1", "md5": ONE} if problem is None else problem
    assert made == (Problem.DISPUTED if expected == "d" else expected)


def test_pages_may_come_one_after_the_other() -> None:
    """A file of several saved answers is read."""
    pages = "\n".join(map(json.dumps, PAGES)).encode()
    found, _ = read(SUBJECTS["threatexchange"], pages, is_known=True)

    assert [name for name, _, _ in found] == ["1", "2", "9"]


def test_unknown_state_of_a_record_is_malformed() -> None:
    """An unknown word is neither imported nor forgotten."""
    record = {"signalType": "ImagePDQ", "hashValue": PDQ, "hashStatus": "Paused"}
    made = STOP_NCII.item(record, Tally())

    assert made is Problem.BAD_FIELD
