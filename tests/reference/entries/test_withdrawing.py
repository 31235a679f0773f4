"""The withdrawn entries of a set are the same as those found with dictionaries."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reference.columns import tables_of
from uploadfilter.model import (
    QUALITY_FLOOR,
    Entry,
    EntrySignal,
    Geometry,
    Signal,
    SignalType,
)
from uploadfilter.reference.entries import withdrawing
from uploadfilter.reference.entries.tables import Tables, joined
from uploadfilter.reference.entries.withdrawing import ids_at, withdrawn, withdrawn_ids


def signal_of(kind: SignalType, number: int) -> Signal:
    """Return one of a few signals of a type."""
    return Signal(type=kind, value=bytes([number]) * kind.width_bytes)


SIGNALS = st.one_of(
    st.builds(
        EntrySignal,
        signal=st.builds(
            signal_of,
            st.sampled_from([SignalType.MD5, SignalType.SHA1]),
            st.integers(1, 4),
        ),
    ),
    st.builds(
        EntrySignal,
        signal=st.builds(
            signal_of,
            st.sampled_from([SignalType.PDQ, SignalType.PHASH]),
            st.integers(1, 4),
        ),
        quality=st.none() | st.sampled_from([QUALITY_FLOOR - 1, QUALITY_FLOOR]),
    ),
    st.builds(
        EntrySignal,
        signal=st.builds(signal_of, st.just(SignalType.PDQ), st.integers(1, 4)),
        geometry=st.sampled_from([Geometry.FULL, Geometry.THUMB512]),
    ),
)
ENTRIES = st.builds(
    Entry,
    id=st.sampled_from(["1", "2", "a-longer-id", "ä"]),
    category=st.just("A"),
    signals=st.lists(SIGNALS, min_size=1, max_size=3).map(tuple),
    exact_only=st.booleans(),
)
SETS = st.lists(ENTRIES, max_size=5, unique_by=lambda entry: entry.id)


def lost(old: Sequence[Entry], new: Sequence[Entry]) -> set[str]:
    """Return the entries that must not come back, found out entry by entry."""
    after = {entry.id: entry for entry in new}
    return {
        entry.id
        for entry in old
        if entry.id not in after or is_lost(entry, after[entry.id])
    }


def is_lost(old: Entry, new: Entry) -> bool:
    """Tell whether one entry held something that it holds no more."""
    had_perceptual = any(not item.signal.type.is_exact for item in old.signals)
    if new.exact_only and not old.exact_only and had_perceptual:
        return True
    return any(not any(keeps(one, two) for two in new.signals) for one in old.signals)


def keeps(old: EntrySignal, new: EntrySignal) -> bool:
    """Tell whether a signal is another one, which is matched if it was before."""
    if (old.signal, old.geometry) != (new.signal, new.geometry):
        return False
    return is_matched(new) or not is_matched(old)


def is_matched(item: EntrySignal) -> bool:
    """Tell whether the stated quality suffices."""
    return item.quality is None or item.quality >= QUALITY_FLOOR


def beside_others(entries: Sequence[Entry]) -> Tables:
    """Return the tables of a set between two other ones with the same entries."""
    other = [Entry(id="1", category="A", signals=(EntrySignal(signal=OTHER),))]
    return joined(
        joined(tables_of("before", other), tables_of("s", entries)),
        tables_of("z", entries or other),
    )


OTHER = signal_of(SignalType.MD5, 9)


@given(old=SETS, new=SETS)
def test_what_was_withdrawn_is_what_dictionaries_say(
    old: list[Entry], new: list[Entry]
) -> None:
    """The results agree for ids alone, and for all signals."""
    before, after = beside_others(old), beside_others(new)
    missing = withdrawn_ids(before, after, "s")
    found = withdrawn(before, after, "s")

    gone = {entry.id for entry in old} - {entry.id for entry in new}
    assert set(ids_at(before.entries, missing)) == gone
    assert set(ids_at(before.entries, found)) == lost(old, new)


def test_ids_with_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes only propose ids that may be equal."""
    monkeypatch.setattr(withdrawing, "_MULTIPLIER", np.uint64(0))
    monkeypatch.setattr(withdrawing, "_ROWS_AT_A_TIME", 2)
    item = (EntrySignal(signal=OTHER),)
    entries = [Entry(id=f"id-{n}", category="A", signals=item) for n in range(5)]
    before, after = tables_of("s", entries), tables_of("s", entries[:0:-1])

    assert list(ids_at(before.entries, withdrawn(before, after, "s"))) == ["id-0"]


@pytest.mark.parametrize("name", ["s", "t"])
def test_set_that_is_not_there_was_not_compared(name: str) -> None:
    """Every entry of a set that is gone counts as lost; an unknown set has none."""
    item = (EntrySignal(signal=OTHER),)
    before = tables_of("s", [Entry(id="1", category="A", signals=item)])
    counts: Mapping[str, int] = {"s": 1, "t": 0}

    assert len(withdrawn(before, tables_of("u", []), name)) == counts[name]
