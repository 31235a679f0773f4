"""The text about a proposal that people read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.issuing.offices import Office, line_of
from uploadfilter.issuing.proposing import Review
from uploadfilter.issuing.signing import pending
from uploadfilter.issuing.wording import (
    counted,
    entries,
    missing,
    needed,
    review_heading,
    review_lines,
    withdrawn_again,
)

COUNTS = st.integers(0, 10**7)


def review(older: int, newer: int, added: int, changed: int, removed: int) -> Review:
    """Return a review with these counts."""
    return Review(
        older=older,
        newer=newer,
        added=added,
        changed=changed,
        removed=removed,
        entries=added + 1,
        categories={},
        is_full=True,
        expires_at=0,
    )


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 entries"), (1, "1 entry"), (2, "2 entries"), (1234, "1,234 entries")],
)
def test_count_agrees_with_its_noun(count: int, words: str) -> None:
    """The noun for 1 is singular."""
    assert entries(count) == words
    assert counted(count, "file") == words.replace("entries", "files").replace(
        "entry", "file"
    )


@given(older=st.integers(1, 99), added=COUNTS, changed=COUNTS, removed=COUNTS)
def test_every_count_is_said(
    older: int, added: int, changed: int, removed: int
) -> None:
    """Each change is stated once."""
    found = review(older, older + 1, added, changed, removed)
    lines = review_lines(found)

    assert [line.split()[0] for line in lines] == [
        f"{count:,}" for count in (added, changed, removed, added + 1)
    ]
    assert str(older) in review_heading(found)


def test_renewal_changes_nothing() -> None:
    """The text states that the set stays as it is."""
    found = review(3, 3, 0, 0, 0)

    assert review_heading(found) == "Number 3 stays as it is, with 1 entry."
    assert review_lines(found) == ()


def test_first_set_follows_none() -> None:
    """The text does not mention a number 0."""
    assert review_heading(review(0, 1, 5, 0, 0)) == "Number 1, the first:"


def test_missing_signatures_name_who_may_sign(tmp_path: Path) -> None:
    """Without the number and the noun, it would be read as who has signed."""
    office = Office(tmp_path / "o")
    office.issue(line_of("a", 1))
    office.stage(line_of("b", 2))
    office.propose()
    told = []
    for names in ((), ("dora",), ("eve",)):
        office.sign(*names)
        told += [missing(item) for item in pending(office.folder, office.now)]

    assert told == [
        "needs 2 signatures of dora, eve, gus (has 0)",
        "needs 1 more signature of eve, gus (has 1: dora)",
        "has all signatures: dora, eve",
    ]
    assert needed(1, ["fay"]) == "needs 1 signature of fay"


def test_many_withdrawn_entries_are_a_number() -> None:
    """A line has ten ids at most."""
    assert withdrawn_again(["a"]).endswith("1 entry that a duty officer withdrew: a")
    assert withdrawn_again([f"{n}" for n in range(12)]).endswith("9, 2 more")
    assert withdrawn_again(["a", "a"]) == withdrawn_again(["a"])
