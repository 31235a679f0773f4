"""An id is found however it was written down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.decisions.records.ids import EXAMPLE, written_id
from uploadfilter.decisions.records.records import new_decision_id

IDS = st.builds(
    new_decision_id,
    st.floats(0, 4e9),
    st.binary(min_size=10, max_size=10),
)
BETWEEN = st.text(" -\u2013\u00a0\n./", max_size=3)
SWAPS = {"0": "0Oo", "1": "1IilL", "5": "5Ss", "2": "2Zz"}


@given(IDS, st.data())
def test_id_is_read_as_people_write_it(decision: str, data: st.DataObject) -> None:
    """With anything between, in capitals, and with letters that look like digits."""
    written = data.draw(st.sampled_from(["", "Decision: ", "nr. "]))
    for sign in decision.replace("-", ""):
        choices = SWAPS.get(sign, sign + sign.upper())
        written += data.draw(st.sampled_from(choices)) + data.draw(BETWEEN)

    assert written_id(written) == decision


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(EXAMPLE[:-1], id="a-digit-short"),
        pytest.param(EXAMPLE + "0", id="a-digit-more"),
        pytest.param(EXAMPLE.replace("a", "g"), id="no-digit"),
        pytest.param("unit7/a17", id="an-entry"),
    ],
)
def test_what_is_no_id_is_none(text: str) -> None:
    """Left-out ids cannot be guessed."""
    assert written_id(text) is None
