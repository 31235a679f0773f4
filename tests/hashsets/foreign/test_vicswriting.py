"""Entries written as VICS are read back unchanged; left-out values are counted."""

import hashlib
import io
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.hashsets import formats
from uploadfilter.hashsets.exporting import entries_of, id_of
from uploadfilter.hashsets.foreign.vicswriting import (
    LOST_WORDS,
    Lost,
    Version,
    vics_document,
)
from uploadfilter.hashsets.tally import Tally
from uploadfilter.model import Entry, EntrySignal, Geometry, Signal, SignalType

CARRIED = (SignalType.MD5, SignalType.SHA1, SignalType.SHA256, SignalType.PDQ)


def value_of(kind: SignalType, seed: int) -> bytes:
    """Return a value that is neither flat nor known."""
    data = hashlib.sha256(f"{kind} {seed}".encode()).digest()
    return data[: kind.width_bytes]


SIGNALS = st.builds(
    lambda kind, seed, quality, window, geometry: EntrySignal(
        signal=Signal(type=kind, value=value_of(kind, seed)),
        quality=None if kind.is_exact else quality,
        geometry=geometry if kind is SignalType.PDQ else None,
        window="full" if kind.is_exact else window,
    ),
    st.sampled_from(SignalType),
    st.integers(0, 50),
    st.none() | st.integers(50, 100),
    st.sampled_from(["full", "full", "c60"]),
    st.sampled_from([None, None, Geometry.FULL]),
)
IDS = st.from_regex(r"[0-9]{1,20}|[a-zA-Zä.-]{1,8}", fullmatch=True)
ENTRIES = st.lists(
    st.builds(
        Entry,
        id=IDS,
        category=st.sampled_from(["1", "2", "A", "007"]),
        signals=st.lists(SIGNALS, min_size=1, max_size=5).map(tuple),
        exact_only=st.booleans(),
    ),
    max_size=8,
)


def read_back(data: bytes) -> list[Entry]:
    """Return the entries of a file."""
    tally = Tally()
    items = formats.read(
        io.BufferedReader(io.BytesIO(data)),
        categories=None,
        signal_type=None,
        tally=tally,
        tick=lambda: None,
        id_of=id_of,
    )
    entries = list(entries_of(items, ""))
    assert tally.problems == ()
    return entries


def carried(entry: Entry) -> dict[tuple[str, str], set[tuple[SignalType, bytes]]]:
    """Return the values that VICS has a place for, by id and category."""
    kept = {
        (item.signal.type, item.signal.value)
        for item in entry.signals
        if item.signal.type in CARRIED
        and (
            item.signal.type.is_exact
            or (item.window == "full" and not entry.exact_only)
        )
    }
    return {(entry.id, entry.category): kept} if kept else {}


@given(entries=ENTRIES, version=st.sampled_from(Version))
def test_what_is_written_is_read_back_as_the_same(
    entries: list[Entry], version: Version
) -> None:
    """Ids, categories, digests and plain PDQ, in the order in which they came."""
    lost: Counter[Lost] = Counter()
    data = b"".join(vics_document(entries, version, lost))
    expected = [shape for entry in entries if (shape := carried(entry))]
    found = [carried(entry) for entry in read_back(data)] if expected else []

    assert found == expected
    assert len(json.loads(data)["value"]) == len(expected)
    assert lost[Lost.ENTRY] == len(entries) - len(expected)
    signals = sum(len(entry.signals) for entry in entries)
    written = sum(
        len([r for r in record if r in {"MD5", "SHA1"}])
        + len(record.get("AlternativeHashes", ()))
        for record in json.loads(data)["value"]
    )
    assert lost[Lost.SIGNAL] == signals - written


def test_what_has_no_place_is_counted() -> None:
    """No written entry matches more than before."""
    pdq = Signal(type=SignalType.PDQ, value=value_of(SignalType.PDQ, 1))
    sha256 = Signal(type=SignalType.SHA256, value=value_of(SignalType.SHA256, 1))
    phash = Signal(type=SignalType.PHASH, value=value_of(SignalType.PHASH, 1))
    only = (EntrySignal(signal=sha256), EntrySignal(signal=pdq))
    stated = EntrySignal(signal=pdq, quality=80, geometry=Geometry.FULL)
    entries = [
        Entry(id="1", category="1", signals=only, exact_only=True),
        Entry(id="a", category="1", signals=(stated,)),
        Entry(id="2", category="1", signals=(EntrySignal(signal=phash),)),
    ]
    lost: Counter[Lost] = Counter()
    data = b"".join(vics_document(entries, Version.VICS_2, lost))
    first, second = json.loads(data)["value"]

    assert [it["HashName"] for it in first["AlternativeHashes"]] == ["SHA256"]
    assert (first["MediaID"], second["MediaID"]) == (1, "a")
    assert +lost == {
        Lost.ENTRY: 1,
        Lost.SIGNAL: 2,
        Lost.QUALITY: 1,
        Lost.GEOMETRY: 1,
        Lost.EXACT_ONLY: 1,
        Lost.NO_MD5: 2,
        Lost.NO_NUMBER: 1,
    }
    assert LOST_WORDS.keys() == set(Lost)


@pytest.mark.parametrize("version", Version)
def test_header_says_the_version(version: Version) -> None:
    """A file without entries is a document, too."""
    data = b"".join(vics_document((), version, Counter()))

    assert json.loads(data)["value"] == []
    assert (b"1.3.xml#Media" in data) == (version is Version.VICS_1_3)
