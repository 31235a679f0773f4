"""The page shows the decisions that were asked for, whatever was asked."""

from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proxy.admin.desk import watched
from tests.web.counting.rejections import decision
from uploadfilter.proxy.admin.choosing import choices, wanted_of, words_for_none
from uploadfilter.proxy.admin.facts import gather
from uploadfilter.proxy.admin.page import render
from uploadfilter.web.counting.recent import EVERYTHING, RecentDecisions, Wanted


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        pytest.param("", EVERYTHING, id="nothing"),
        pytest.param("verdict=&action=&id=", EVERYTHING, id="any-of-each"),
        pytest.param("action=REJECT", Wanted(action="REJECT"), id="action"),
        pytest.param(
            "reason=too_deep&route=photos&kind=zip",
            Wanted(reason="too_deep", route="photos", kind="zip"),
            id="three",
        ),
        pytest.param(
            urlencode({"id": "2026 1125 O123 4567 89AB CDEF O123"}),
            Wanted(id="20261125-0123456789abcdef0123"),
            id="id-as-it-is-shown",
        ),
        pytest.param("id=17", Wanted(id="17"), id="no-id"),
        pytest.param("colour=red", EVERYTHING, id="unknown"),
        pytest.param("a=1&" * 30, EVERYTHING, id="too-many"),
        pytest.param("action=" + "x" * 999, Wanted(action="x" * 64), id="long"),
    ],
)
def test_query_is_read(query: str, wanted: Wanted) -> None:
    """The fields of the form, and any text that may stand in an address."""
    assert wanted_of(query) == wanted


@given(st.text(max_size=200))
def test_any_query_has_an_answer(query: str) -> None:
    """No text in an address causes an error."""
    wanted = wanted_of(query)

    assert words_for_none(wanted)
    assert list(choices(RecentDecisions(), wanted))


def test_what_was_chosen_stays_in_the_form() -> None:
    """It stays even if no kept decision has it any more."""
    found = {
        item.name: item for item in choices(RecentDecisions(), Wanted(reason="crashed"))
    }

    assert found["reason"].options == ("crashed",)
    assert found["reason"].chosen == "crashed"
    assert found["action"].options == ()


async def test_ten_rejections_are_found_after_three_hundred_uploads(
    tmp_path: Path,
) -> None:
    """They stand on the page, also with one field of its form."""
    async with watched(tmp_path) as proxy:
        for number in range(10):
            proxy.metrics.decided(decision(number, "unit7"))
        for number in range(10, 310):
            proxy.metrics.decided(decision(number, rejected=False))
        health, history = proxy.health(), proxy.history()
        everything = gather(proxy, health, history)
        rejected = gather(proxy, health, history, wanted_of("action=REJECT"))
        one = gather(proxy, health, history, wanted_of(f"id={decision(3).id}"))
        none = gather(proxy, health, history, wanted_of("reason=crashed"))

    assert {item.action for item in everything.decisions} == {"ACCEPT"}
    assert [item.id for item in rejected.decisions] == [
        decision(number).id for number in reversed(range(10))
    ]
    assert [item.id for item in one.decisions] == [decision(3).id]
    assert "<option selected>REJECT</option>" in render(rejected)
    assert none.decisions == ()
    assert "No decision that is kept here fits" in render(none)
