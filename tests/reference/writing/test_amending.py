"""A set after a delta equals an import of the whole set."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.generations import entry, exactly, pdq
from uploadfilter.model import Entry, Signal, SignalType
from uploadfilter.reference.entries.sets import ENTRIES, SetInfo, Signed
from uploadfilter.reference.store import ReferenceDirectory

INFO = SetInfo(
    name="s",
    issuer="unit",
    categories=("1",),
    enforced=True,
    imported_at=1,
    signed=Signed(root="ab", sequence=1, signers=("dora", "eve")),
)
OTHER = replace(INFO, name="other", signed=None)


def item(entry_id: str, number: int) -> Entry:
    """Make an entry with a digest of each type and a perceptual signal."""
    digests = exactly(
        *(
            Signal(type=kind, value=bytes([number, 7]) * (kind.width_bytes // 2))
            for kind in (SignalType.MD5, SignalType.SHA1, SignalType.SHA256)
        )
    )
    return entry(entry_id, *digests, pdq(bytes([number, 0xA5]) * 16))


def put(
    directory: ReferenceDirectory,
    items: Collection[Entry],
    *,
    info: SetInfo = INFO,
    without: Collection[str] | None = None,
    revoked: Collection[str] = (),
) -> SetInfo:
    """Put entries in force."""
    with directory.writer(create=True) as writer:
        collected = writer.collect()
        for one in items:
            collected.add(one)
        return writer.replace_set(collected, info, without=without, revoked=revoked)


def ids_in(directory: ReferenceDirectory, name: str = "s") -> set[str]:
    """Return the ids of the entries that are in force."""
    with directory.writer() as writer:
        return set(writer.generation.first_ids(name, 1000))


@settings(max_examples=5, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 9), min_size=1),
    st.dictionaries(st.sampled_from("abcdef"), st.none() | st.integers(0, 9)),
    st.booleans(),
)
def test_change_is_what_a_whole_import_would_be(
    tmp_path_factory: pytest.TempPathFactory,
    old: dict[str, int],
    change: dict[str, int | None],
    compacted: bool,
) -> None:
    """Ids, numbers and signals are those of the whole, in the overlay and the base."""
    path = tmp_path_factory.mktemp("amended")
    one, two = (ReferenceDirectory(path / name) for name in ("one", "two"))
    wanted = {i: n for i, n in (old | change).items() if n is not None}
    added = [item(i, n) for i, n in change.items() if n is not None]
    gone = [i for i, n in change.items() if n is None]
    put(one, [item("z", 77)], info=OTHER)
    put(one, [item(i, n) for i, n in old.items()])
    if compacted:
        with one.writer() as writer:
            writer.compact()

    changed = put(one, added, without=gone)
    whole = put(two, [item(i, n) for i, n in wanted.items()])

    assert ids_in(one) == ids_in(two) == set(wanted)
    assert ids_in(one, "other") == {"z"}
    assert (changed.entries, changed.counts) == (whole.entries, whole.counts)
    assert changed.exact_alone == whole.exact_alone == 0


def test_first_change_of_nothing_is_the_set(tmp_path: Path) -> None:
    """If there is no set yet, the delta is the whole set."""
    directory = ReferenceDirectory(tmp_path / "r")

    assert put(directory, [item("a", 1)], without=["b"]).entries == 1


def test_withdrawn_for_good_at_the_same_time(tmp_path: Path) -> None:
    """A set and its withdrawals come into force together."""
    directory = ReferenceDirectory(tmp_path / "r")
    put(directory, [item("a", 1), item("b", 2)])
    info = put(directory, [item("c", 3)], without=[], revoked=["a", "c", "later"])

    assert ids_in(directory) == {"b"}
    assert info.entries - info.revoked == 1
    again = put(directory, [item("a", 1), item("later", 4)], without=[])
    assert ids_in(directory) == {"b"}
    assert again.entries - again.revoked == 1


def test_what_is_known_of_signatures_is_kept(tmp_path: Path) -> None:
    """The number and the signers are the same when overlay and base are read again."""
    directory = ReferenceDirectory(tmp_path / "r")
    put(directory, [item("a", 1)])
    with directory.writer() as writer:
        writer.compact()
        assert writer.sets[0].signed == INFO.signed
        assert [it[ENTRIES] for it in writer.sets[0].counts.values()] == [1]
