"""Quarantines and releases, as values."""

from tests.conformance.generations import RED, entry, exactly, pdq
from tests.reference.columns import tables_of
from tests.reference.stores import MD5
from uploadfilter.model import Entry
from uploadfilter.reference.entries.off import (
    GateFinding,
    Likeness,
    Off,
    Party,
    Release,
)
from uploadfilter.reference.entries.quarantining import digests_of, merged


def gated(name: str, digest: str = "00", since: int = 1) -> Off:
    """Return the gate's row of an entry."""
    finding = GateFinding(kind=Likeness.NEAR, corpus="own", distance=3, digest=digest)
    return Off(set="s", entry=name, party=Party.GATE, since=since, finding=finding)


def release(name: str, digest: str = "00") -> Release:
    """Return a release of an entry."""
    return Release(
        set="s", entry=name, party=Party.GATE, digest=digest, by=("a", "b"), at=2
    )


def test_release_is_of_an_entry_as_it_was() -> None:
    """An entry with other signals is quarantined again; older dates stay."""
    found = [gated("a", since=9), gated("b", "11"), gated("c")]
    kept = [gated("a"), gated("d")]

    result = merged(found, kept, [release("b"), release("c")])

    assert [(it.entry, it.since) for it in result] == [("a", 1), ("d", 1), ("b", 1)]


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
