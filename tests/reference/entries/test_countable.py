"""Which categories have entries whose match counts, held against a slow search."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.generations import entry
from tests.reference.columns import tables_of
from tests.reference.stores import ENTRY, put
from uploadfilter.model import (
    QUALITY_FLOOR,
    Entry,
    EntrySignal,
    Signal,
    SignalType,
)
from uploadfilter.reference.entries import countable as module
from uploadfilter.reference.entries.countable import Countable, countable
from uploadfilter.reference.entries.tables import joined
from uploadfilter.reference.store import ReferenceDirectory

_KIN = {SignalType.WHASH: SignalType.AHASH}

SIGNALS = st.builds(
    EntrySignal,
    signal=st.sampled_from(SignalType).map(
        lambda kind: Signal(type=kind, value=bytes(range(kind.width_bytes)))
    ),
    quality=st.sampled_from([None, QUALITY_FLOOR - 1, QUALITY_FLOOR]),
)
ENTRIES = st.lists(
    st.builds(
        Entry,
        id=st.integers(0, 4).map(str),
        category=st.sampled_from("AB"),
        signals=st.lists(
            SIGNALS, min_size=1, max_size=4, unique_by=lambda it: it.signal.type
        ).map(tuple),
        exact_only=st.booleans(),
    ),
    max_size=6,
)


def hashed(kind: SignalType) -> EntrySignal:
    """Return a signal of some value."""
    return EntrySignal(signal=Signal(type=kind, value=bytes(range(kind.width_bytes))))


def slowly(entries: Sequence[Entry], gone: frozenset[str]) -> Countable:
    """Check one entry after the other; a repeated id adds signals to its entry."""
    alone, weak = set(), set()
    merged: dict[str, Entry] = {}
    for item in entries:
        known = merged.setdefault(item.id, replace(item, signals=()))
        merged[item.id] = replace(
            known,
            signals=(*known.signals, *item.signals),
            exact_only=known.exact_only or item.exact_only,
        )
    for item in merged.values():
        if item.id in gone:
            continue
        kinds = {
            each.signal.type
            for each in item.signals
            if each.signal.type.is_exact
            or not (
                item.exact_only
                or (each.quality is not None and each.quality < QUALITY_FLOOR)
            )
        }
        short = {kind for kind in kinds if kind in tuple(SignalType)[4:]}
        if kinds - short or len({_KIN.get(kind, kind) for kind in short}) > 1:
            alone.add(item.category)
        if short:
            weak.add(item.category)
    return Countable(alone=frozenset(alone), weak=frozenset(weak))


@settings(max_examples=60)
@given(ENTRIES, ENTRIES, ENTRIES, st.sets(st.integers(0, 4)), st.integers(1, 3))
def test_fast_and_slow_look_agree(
    first: list[Entry],
    second: list[Entry],
    other: list[Entry],
    gone: set[int],
    at_a_time: int,
) -> None:
    """Entries are withdrawn, of low quality, exact only or weak, in any parts."""
    tables = joined(
        joined(tables_of("a", first), tables_of("b", second)), tables_of("c", other)
    )
    ids = frozenset(map(str, gone))
    withdrawn = {(name, word) for name in "abc" for word in ids}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_SIGNALS_AT_A_TIME", at_a_time)
        found = countable(tables, {"a", "c"}, withdrawn)

    assert found == slowly(first, ids) | slowly(other, ids)


A, B = frozenset("A"), frozenset("B")


def test_generation_leaves_out_what_rejects_nothing(tmp_path: Path) -> None:
    """These are monitored, replaced, revoked, suppressed or removed entries."""
    directory = ReferenceDirectory(tmp_path / "reference", clock=lambda: 1e9)
    other = replace(ENTRY, id="2", category="B")
    weak = entry("3", hashed(SignalType.PHASH), category="C")
    seen = []
    with directory.writer() as writer:
        put(writer, "a", [ENTRY])
        put(writer, "b", [other, other])
        writer.compact()
        put(writer, "c", [weak], enforced=False)
        seen.append(writer.generation.countable())
        put(writer, "a", [ENTRY], enforced=False)
        seen.append(writer.generation.countable())
        writer.switch_off("b", "2", why="stock", by="ab", until=1e9 + 60)
        seen.append(writer.generation.countable())
        seen.append(writer.generation.countable(also_withdrawn=True))
        put(writer, "c", [weak])
        seen.append(writer.generation.countable())
        writer.switch_on("b", ["2"])
        writer.remove_set("c")
        seen.append(writer.generation.countable({"b"}))
        writer.revoke("b", ["2"])
        seen.append(writer.generation.countable())

    assert seen == [
        Countable(alone=A | B),
        Countable(alone=B),
        Countable(),
        Countable(alone=B),
        Countable(weak=frozenset("C")),
        Countable(alone=B),
        Countable(),
    ]


def test_suppression_that_ends_is_noticed(tmp_path: Path) -> None:
    """The remembered result of a generation does not outlive a suppression."""
    now = [1e9]
    directory = ReferenceDirectory(tmp_path / "reference", clock=lambda: now[0])
    with directory.writer() as writer:
        put(writer, "a", [ENTRY])
        writer.switch_off("a", "1", why="stock", by="ab", until=1e9 + 60)
        before = writer.generation.countable()
        now[0] += 61
        after = writer.generation.countable()

    assert (before, after) == (Countable(), Countable(alone=A))
