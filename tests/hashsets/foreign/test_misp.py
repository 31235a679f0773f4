"""Events of MISP are read as they are: one entry for each object or attribute."""

import json
from typing import Any

import pytest

from tests.conformance.foreign import read
from tests.hashsets.foreign.misp import EVENT, ONE, SUBJECTS, attribute
from uploadfilter.hashsets.foreign.misp import MISP
from uploadfilter.hashsets.tally import Problem, Tally


@pytest.mark.parametrize(
    "document_",
    [
        pytest.param(EVENT, id="event"),
        pytest.param([EVENT], id="list-of-events"),
        pytest.param({"response": EVENT}, id="response"),
        pytest.param({"response": {"Attribute": [attribute("md5", ONE)]}}, id="search"),
        pytest.param({"Attribute": [attribute("md5", ONE, Event={})]}, id="attributes"),
    ],
)
def test_attributes_are_found_wherever_an_answer_has_them(document_: object) -> None:
    """Exports, feeds and searches wrap them in different ways."""
    found, tally = read(SUBJECTS["misp"], json.dumps(document_).encode(), is_known=True)

    assert found[0][:2] == ("u", "Payload")
    assert tally.malformed == 0


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param({"type": None}, id="type"),
        pytest.param({"to_ids": "perhaps"}, id="flag"),
        pytest.param({"deleted": 17}, id="number"),
    ],
)
def test_odd_attribute_is_malformed(odd: dict[str, Any]) -> None:
    """The meaning of a word that is not a flag is unknown."""
    made = MISP.item({**attribute("md5", ONE), **odd}, Tally())

    assert made is Problem.BAD_FIELD
