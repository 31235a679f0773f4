"""The text about a proposal that people read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.issuing.proposing import Review
from uploadfilter.issuing.wording import counted, entries, review_heading, review_lines

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
