"""Entries as a hash set brings them."""

from hypothesis import strategies as st

from uploadfilter.model import Entry, EntrySignal, Geometry, Signal, SignalType

MD5 = Signal(type=SignalType.MD5, value=bytes(range(16)))

SIGNALS = st.builds(
    lambda kind, fill, quality, window: EntrySignal(
        signal=Signal(type=kind, value=bytes([fill]) * kind.width_bytes),
        quality=None if kind.is_exact else quality,
        geometry=Geometry.FULL if kind is SignalType.PDQ and fill % 2 else None,
        window=window,
    ),
    st.sampled_from(SignalType),
    st.integers(0, 255),
    st.none() | st.integers(0, 100),
    st.sampled_from(["full", "c60"]),
)

ENTRIES = st.builds(
    Entry,
    id=st.text(st.characters(codec="utf-8"), min_size=1, max_size=8),
    category=st.sampled_from("ABC"),
    signals=st.lists(SIGNALS, min_size=1, max_size=4).map(tuple),
    exact_only=st.booleans(),
)
