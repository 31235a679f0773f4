"""The part of decisions that the operator's page may show."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.counting.rejections import decision
from uploadfilter.decisions.records.records import (
    ContentRecord,
)
from uploadfilter.web.counting import recent as module
from uploadfilter.web.counting.recent import (
    EVERYTHING,
    KEPT_OF_EACH,
    KINDS_SHOWN,
    REMEMBERED,
    SETS_SHOWN,
    RecentDecision,
    RecentDecisions,
    Wanted,
)


def test_sets_are_named_once_and_few() -> None:
    """A picture in many sets does not fill the page."""
    sets = ["a", "a", *(f"b{number}" for number in range(SETS_SHOWN + 3))]

    recent = RecentDecision.of(decision(0, *sets))

    assert recent.sets == ("a", "b0", "b1", "b2")


def test_client_is_the_beginning_of_its_hash() -> None:
    """The page shows enough to compare two rows, and less than the log does."""
    assert RecentDecision.of(decision(client="0123456789abcdef")).client == "01234567"
    assert RecentDecision.of(decision(client=None)).client == ""


def test_no_entry_and_no_category_is_shown() -> None:
    """Of a match, the page names the hash set only."""
    shown = repr(msgspec.structs.asdict(RecentDecision.of(decision(0, "unit7"))))

    assert "unit7" in shown
    assert "secret" not in shown


def test_newest_come_first_and_oldest_are_forgotten() -> None:
    """However many decisions there were, the last ones are shown."""
    recent = RecentDecisions()
    for number in range(REMEMBERED + 2):
        recent.add(decision(number))

    ids = [item.id for item in recent]
    assert len(ids) == REMEMBERED
    assert ids[0] == f"20261125-{REMEMBERED + 1:020x}"
    assert ids[-1] == f"20261125-{2:020x}"


def test_kinds_of_what_was_uploaded_are_shown_once_and_few() -> None:
    """Members do not count; a form may have many files."""
    kinds = ["png", "png", *(f"k{number}" for number in range(KINDS_SHOWN))]
    record = decision(kinds=kinds, route="photos")
    inside = ContentRecord(path="0!/1", kind="gif", size=1, reason=None, views=())
    record = msgspec.structs.replace(record, contents=(inside, *record.contents))

    shown = RecentDecision.of(record)

    assert shown.kinds == ("png", "k0", "k1")
    assert shown.route == "photos"


WANTED = st.builds(
    Wanted,
    verdict=st.sampled_from(["", "MATCH", "NO_MATCH"]),
    action=st.sampled_from(["", "REJECT", "ACCEPT"]),
    kind=st.sampled_from(["", "png", "zip"]),
    route=st.sampled_from(["", "a", "b"]),
)
RECORDS = st.lists(
    st.tuples(
        st.booleans(),
        st.lists(st.sampled_from(["png", "zip"]), max_size=2),
        st.sampled_from([None, "a", "b"]),
    ),
    max_size=120,
)


@given(RECORDS, WANTED)
def test_chosen_are_the_newest_that_are_wanted(
    made: list[tuple[bool, list[str], str | None]], wanted: Wanted
) -> None:
    """They are at least as many as are kept of one kind, in their order."""
    recent = RecentDecisions()
    records = [
        decision(number, rejected=rejected, kinds=kinds, route=route)
        for number, (rejected, kinds, route) in enumerate(made)
    ]
    for record in records:
        recent.add(record)
    every = [RecentDecision.of(record) for record in reversed(records)]
    right = [item for item in every if wanted.admits(item)][:REMEMBERED]

    chosen = list(recent.chosen(wanted))

    assert chosen[:KEPT_OF_EACH] == right[:KEPT_OF_EACH]
    assert set(chosen) <= {item for item in every if wanted.admits(item)}
    assert sorted(chosen, key=lambda item: item.id, reverse=True) == chosen


def test_kinds_that_are_kept_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kind with the oldest last decision is dropped, and its choices as well."""
    monkeypatch.setattr(module, "MOST_KINDS", 2)
    monkeypatch.setattr(module, "REMEMBERED", 1)
    recent = RecentDecisions()
    for number, route in enumerate(["a", "b", "a", "c", "c"]):
        recent.add(decision(number, route=route))

    assert recent.choices()["route"] == ("a", "c")
    assert [item.route for item in recent.chosen(Wanted(verdict="MATCH"))] == ["c"]
    assert [item.route for item in recent.chosen(EVERYTHING)] == ["c"]
