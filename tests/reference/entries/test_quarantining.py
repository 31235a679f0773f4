"""Quarantines and releases, as values."""

import pytest

from tests.conformance.generations import RED, entry, exactly, pdq
from tests.reference.columns import tables_of
from tests.reference.stores import MD5
from uploadfilter.errors import HashSetNameError, UsageError
from uploadfilter.model import Entry
from uploadfilter.reference.entries.quarantining import (
    Likeness,
    Quarantine,
    Release,
    digests_of,
    merged,
    new_release,
)


def quarantine(name: str, digest: str = "00", since: int = 1) -> Quarantine:
    """Return a quarantine of an entry."""
    return Quarantine(
        set="s",
        entry=name,
        kind=Likeness.NEAR,
        corpus="own",
        distance=3,
        digest=digest,
        since=since,
    )


def release(name: str, digest: str = "00") -> Release:
    """Return a release of an entry."""
    return Release(set="s", entry=name, digest=digest, by=("a", "b"), at=2)


def test_release_is_of_an_entry_as_it_was() -> None:
    """An entry with other signals is quarantined again; older dates stay."""
    found = [quarantine("a", since=9), quarantine("b", "11"), quarantine("c")]
    kept = [quarantine("a"), quarantine("d")]

    result = merged(found, kept, [release("b"), release("c")])

    assert [(it.entry, it.since) for it in result] == [("a", 1), ("d", 1), ("b", 1)]


@pytest.mark.parametrize(
    ("by", "named"),
    [
        ([], "nobody is named"),
        (["ab"], "only 'ab' is named"),
        (["ab", "AB"], "only 'ab' is named, 2 times"),
    ],
)
def test_one_person_is_not_enough(by: list[str], named: str) -> None:
    """A release needs two people, and the same person twice is one."""
    words = f"is ended by 2 different people, and {named}$"
    with pytest.raises(UsageError, match=words):
        new_release([quarantine("a")], "s", "a", by=by, at=1.0)


def test_only_what_is_in_quarantine_is_released() -> None:
    """Another entry is an error with a hint."""
    with pytest.raises(HashSetNameError, match="not in quarantine"):
        new_release([quarantine("a")], "s", "b", by=["x", "y"], at=1.0)
    made = new_release([quarantine("a", "77")], "s", "a", by=["x", "y"], at=1.0)
    assert (made.digest, made.by) == ("77", ("x", "y"))


def test_digest_changes_with_each_signal() -> None:
    """Equal entries have equal digests, whatever lies beside them; others differ."""
    same = (*exactly(MD5), pdq(RED))
    entries = [
        entry("other", pdq(bytes(32))),
        entry("1", *same),
        entry("2", *reversed(same)),
        entry("3", *exactly(MD5)),
        entry("4", pdq(RED)),
        entry("5", *exactly(MD5), pdq(RED, quality=99)),
        entry("6", *same, exact_only=True),
    ]

    prints = digests_of(tables_of("s", entries), range(len(entries)))
    alone: list[Entry] = [entry("1", *same)]

    assert prints[1] == prints[2] == digests_of(tables_of("s", alone), [0])[0]
    assert len(set(prints)) == len(entries) - 1
