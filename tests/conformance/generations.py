"""The requirements on every ``Generation``, in any store.

Each check makes a generation of entries that it knows and asks it. To have a new kind
of generation tested, parametrise a test over ``CHECKS``::

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_generation_conforms(check: Check) -> None:
        check(make_my_generation)
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np
import pytest

from tests.conformance.matchers import clustered, flipped
from tests.reference.search.near.views import batch_around
from uploadfilter.model import (
    FULL_WINDOW,
    PERCEPTUAL_TYPES,
    Entry,
    EntrySignal,
    EntryState,
    Geometry,
    Scan,
    Signal,
    SignalRow,
    SignalType,
    View,
)
from uploadfilter.reference.search.index import reference_search
from uploadfilter.reference.search.matching import (
    Candidate,
    Generation,
    Query,
    Thresholds,
    match_scans,
)
from uploadfilter.reference.search.near.asking import (
    NearGeneration,
)
from uploadfilter.reference.search.soft import reference_near

Sets = Mapping[str, Sequence[Entry]]
Make = Callable[[Sets, frozenset[str]], AbstractContextManager[NearGeneration]]
"""Makes a generation of sets by name, some of which are monitored only."""
Check = Callable[[Make], None]

ENFORCED: frozenset[str] = frozenset()
RED = bytes.fromhex("f0") + bytes(range(31))
MD5 = Signal(type=SignalType.MD5, value=bytes(range(16)))
SHA256 = Signal(type=SignalType.SHA256, value=bytes(range(32)))


def pdq(
    value: bytes,
    *,
    quality: int | None = None,
    geometry: Geometry | None = None,
) -> EntrySignal:
    """Return an entry's PDQ signal."""
    signal = Signal(type=SignalType.PDQ, value=value)
    return EntrySignal(signal=signal, quality=quality, geometry=geometry)


def entry(
    name: str,
    *signals: EntrySignal,
    category: str = "A",
    exact_only: bool = False,
) -> Entry:
    """Return an entry with the given signals."""
    return Entry(id=name, category=category, signals=signals, exact_only=exact_only)


def exactly(*signals: Signal) -> tuple[EntrySignal, ...]:
    """Return exact signals as those of an entry."""
    return tuple(EntrySignal(signal=signal) for signal in signals)


def ask(
    generation: Generation,
    value: bytes,
    *,
    signal_type: SignalType = SignalType.PDQ,
    threshold: int = 31,
    geometry: Geometry | None = Geometry.FULL,
) -> list[tuple[str, int]]:
    """Return id and distance of the matches of one query, sorted."""
    query = Query(
        signal=Signal(type=signal_type, value=value),
        threshold=threshold,
        geometry=geometry,
    )
    (candidates,) = generation.search([query])
    return sorted((found.entry, found.distance) for found in candidates)


def check_empty(make: Make) -> None:
    """A generation without entries answers, and finds nothing."""
    with make({}, ENFORCED) as generation:
        assert generation.number >= 1
        assert generation.entry_count == 0
        assert generation.signal_types == frozenset()
        assert generation.search([]) == ()
        assert ask(generation, RED) == []
        assert ask(generation, MD5.value, signal_type=SignalType.MD5) == []


def check_counts(make: Make) -> None:
    """It says how many entries it holds, of which types, and with which windows."""
    centre = replace(pdq(RED), window="c60")
    listed = {"a": [entry("1", *exactly(MD5)), entry("2", pdq(RED), centre)], "b": []}
    with make(listed, ENFORCED) as generation:
        assert generation.entry_count == 2
        assert generation.signal_types == {SignalType.MD5, SignalType.PDQ}
        assert generation.windows == {FULL_WINDOW, "c60"}


def check_candidate(make: Make) -> None:
    """A candidate says everything that the set says of entry and signal."""
    item = pdq(RED, quality=77, geometry=Geometry.FULL)
    query = Query(
        signal=Signal(type=SignalType.PDQ, value=flipped(RED, [3])),
        threshold=1,
        geometry=Geometry.FULL,
    )
    with make({"unit-7": [entry("x", item, category="B")]}, ENFORCED) as generation:
        assert generation.search([query]) == (
            (
                Candidate(
                    set="unit-7",
                    entry="x",
                    category="B",
                    state=EntryState.ACTIVE,
                    distance=1,
                    quality=77,
                    geometry=Geometry.FULL,
                    has_pdq=True,
                    value=RED,
                ),
            ),
        )


def check_film(make: Make) -> None:
    """A frame of a film says how many there are, and is not found altered."""
    listed = {"a": [entry("1", replace(pdq(RED), window="film:37"))]}
    query = Query(signal=Signal(type=SignalType.PDQ, value=RED), threshold=0)
    batch = batch_around(np.frombuffer(RED, np.uint8).reshape(1, 32), seed=1)
    with make(listed, ENFORCED) as generation:
        ((found,),) = generation.search([query])
        near = generation.search_near(batch)
    assert found.film_frames == 37
    assert near.candidates == ()


def check_exact(make: Make) -> None:
    """An exact signal is found by equality of type and value, in every entry."""
    near = flipped(MD5.value, [0])
    listed = {
        "a": [entry("1", *exactly(MD5, SHA256)), entry("2", *exactly(MD5))],
        "b": [entry("3", *exactly(SHA256), exact_only=True)],
    }
    with make(listed, ENFORCED) as generation:
        found = ask(generation, MD5.value, signal_type=SignalType.MD5)
        assert found == [("1", 0), ("2", 0)]
        assert ask(generation, near, signal_type=SignalType.MD5) == []
        found = ask(generation, SHA256.value, signal_type=SignalType.SHA256)
        assert found == [("1", 0), ("3", 0)]
        # A PDQ value has as many bytes as a SHA-256 one.
        assert ask(generation, SHA256.value, signal_type=SignalType.PDQ) == []


def check_monitored(make: Make) -> None:
    """Entries of a monitored set are found, and say that they are monitored."""
    listed = {"a": [entry("1", pdq(RED))], "b": [entry("1", pdq(RED))]}
    query = Query(signal=Signal(type=SignalType.PDQ, value=RED), threshold=31)
    with make(listed, frozenset({"b"})) as generation:
        (candidates,) = generation.search([query])
    assert {(found.set, found.state) for found in candidates} == {
        ("a", EntryState.ACTIVE),
        ("b", EntryState.MONITORED),
    }


def check_geometry(make: Make) -> None:
    """A stated geometry is compared with the same one, an unknown one with all."""
    listed = {
        "a": [
            entry("unknown", pdq(RED)),
            *(entry(shape, pdq(RED, geometry=shape)) for shape in Geometry),
        ]
    }
    with make(listed, ENFORCED) as generation:
        for shape in Geometry:
            found = ask(generation, RED, geometry=shape)
            assert found == sorted([(shape.value, 0), ("unknown", 0)])
        assert len(ask(generation, RED, geometry=None)) == 4


def check_quality(make: Make) -> None:
    """A signal of known quality below 50 never matches; an unknown one does."""
    listed = {
        "a": [
            entry("unknown", pdq(RED)),
            entry("49", pdq(RED, quality=49)),
            entry("50", pdq(RED, quality=50)),
            entry("0", pdq(RED, quality=0)),
            entry("100", pdq(RED, quality=100)),
        ]
    }
    with make(listed, ENFORCED) as generation:
        assert ask(generation, RED) == [("100", 0), ("50", 0), ("unknown", 0)]


def check_entries_with_pdq(make: Make) -> None:
    """A candidate of another type says whether PDQ may find its entry, too."""
    phash = Signal(type=SignalType.PHASH, value=bytes(8))
    (other,) = exactly(phash)
    listed = {
        "a": [
            entry("without", other),
            entry("with", other, pdq(RED)),
            entry("good", pdq(RED, quality=50, geometry=Geometry.FULL), other),
            entry("low", other, pdq(RED, quality=49)),
        ],
        "b": [entry("one of two", other, pdq(RED, quality=0), pdq(RED))],
    }
    with make(listed, ENFORCED) as generation:
        (found,) = generation.search([Query(signal=phash, threshold=0)])
        assert {it.entry: it.has_pdq for it in found} == {
            "without": False,
            "with": True,
            "good": True,
            "low": False,
            "one of two": True,
        }


def check_exact_only(make: Make) -> None:
    """No perceptual signal of an exact-only entry ever matches."""
    item = entry("1", pdq(RED), *exactly(MD5), exact_only=True)
    with make({"a": [item]}, ENFORCED) as generation:
        assert ask(generation, RED) == []
        found = ask(generation, MD5.value, signal_type=SignalType.MD5)
        assert found == [("1", 0)]


def check_threshold(make: Make) -> None:
    """The threshold is inclusive, and each query has its own."""
    near = [entry(str(n), pdq(flipped(RED, range(n)))) for n in (0, 31, 32, 48)]
    signal = Signal(type=SignalType.PDQ, value=RED)
    queries = [Query(signal=signal, threshold=bits) for bits in (48, 0, 31)]
    with make({"a": near}, ENFORCED) as generation:
        found = generation.search(queries)
    assert [sorted(c.entry for c in group) for group in found] == [
        ["0", "31", "32", "48"],
        ["0"],
        ["0", "31"],
    ]


def check_mixed_batch(make: Make) -> None:
    """A batch of all types answers in the order asked, repetitions included."""
    shared = bytes(range(1, 9))
    narrow = [kind for kind in PERCEPTUAL_TYPES if kind is not SignalType.PDQ]
    entries = [
        entry(kind, EntrySignal(signal=Signal(type=kind, value=shared)))
        for kind in narrow
    ]
    listed = {"a": [*entries, entry("md5", *exactly(MD5)), entry("pdq", pdq(RED))]}
    signals = [
        MD5,
        *(Signal(type=kind, value=shared) for kind in reversed(narrow)),
        Signal(type=SignalType.PDQ, value=RED),
        MD5,
        SHA256,
    ]
    with make(listed, ENFORCED) as generation:
        found = generation.search([Query(signal=s, threshold=4) for s in signals])
    assert [[c.entry for c in group] for group in found] == [
        ["md5"],
        ["whash"],
        ["ahash"],
        ["dhash"],
        ["phash"],
        ["pdq"],
        ["md5"],
        [],
    ]


def check_several_signals(make: Make) -> None:
    """An entry with several signals of a type is found through each."""
    item = entry("1", pdq(RED), pdq(flipped(RED, [9])), pdq(flipped(RED, range(90))))
    with make({"a": [item]}, ENFORCED) as generation:
        assert ask(generation, RED) == [("1", 0), ("1", 1)]


def check_against_twin(make: Make) -> None:
    """Every entry within the threshold is found, and nothing else."""
    for signal_type, limit in ((SignalType.PDQ, 48), (SignalType.DHASH, 10)):
        width = signal_type.width_bytes
        values = clustered(5, count=150, width=width, threshold=limit)
        entries = [
            entry(
                f"{row:03}",
                EntrySignal(signal=Signal(type=signal_type, value=value)),
            )
            for row, value in enumerate(values)
        ]
        with make({"a": entries}, ENFORCED) as generation:
            for value in values[:20]:
                found = ask(generation, value, signal_type=signal_type, threshold=limit)
                assert found == [
                    (f"{row:03}", distance)
                    for row, distance in reference_search(values, value, limit)
                ]


def check_complement(make: Make) -> None:
    """Exactly the entries near a view and near its negative match."""
    thresholds = Thresholds(pdq=40, pdq_complement=29, pdq_trim=17)
    values = clustered(7, count=120, width=32, threshold=29)
    entries = [entry(f"{row:03}", pdq(value)) for row, value in enumerate(values)]
    with make({"a": entries}, ENFORCED) as generation:
        for value in values[:12]:
            for name in ("stored", "trim:1"):
                matches = match_scans(
                    generation,
                    [_shown(value, name)],
                    thresholds=thresholds,
                    quality_of=lambda _plane: 100,
                )
                found = {(m.entry, m.distance, m.complement) for m in matches}
                assert found == {
                    (f"{row:03}", distance, complement)
                    for complement, asked in enumerate((value, flipped(value, _ALL)))
                    for row, distance in reference_search(
                        values,
                        asked,
                        thresholds.bits(
                            SignalType.PDQ, name, complement=bool(complement)
                        ),
                    )
                }


_ALL = range(256)


def _shown(value: bytes, name: str) -> Scan:
    """Return the scan of a small picture: one value in all geometries."""
    rows = tuple(
        SignalRow(type=SignalType.PDQ, values=value, geometry=geometry)
        for geometry in Geometry
    )
    view = View(name=name, rows=rows, plane=b"")
    return Scan(path="0", kind="png", size=1, views=(view,))


def check_near(make: Make) -> None:
    """Of few entries all with a sufficient score are found, with value and score."""
    values = clustered(9, count=120, width=32, threshold=60)
    entries = [entry(f"{row:03}", pdq(value)) for row, value in enumerate(values)]
    table = np.frombuffer(b"".join(values), np.uint8).reshape(-1, 32)
    batch = batch_around(table[::8], seed=9)
    with make({"a": entries[:50], "b": entries[50:]}, frozenset({"b"})) as generation:
        found = generation.search_near(batch)
    scores = {int(item.candidate.entry): item.score for item in found.candidates}
    assert scores == pytest.approx(reference_near(table, batch), abs=1e-3)
    assert found.is_complete
    assert found.work > 0
    for item in found.candidates:
        row = int(item.candidate.entry)
        assert item.value == values[row]
        asked = int.from_bytes(batch.values[item.view].tobytes())
        distance = (asked ^ int.from_bytes(item.value)).bit_count()
        assert item.candidate.distance == distance
        is_active = item.candidate.state is EntryState.ACTIVE
        assert is_active == (item.candidate.set == "a") == (row < 50)


def check_near_leaves_out(make: Make) -> None:
    """Entries that no perceptual search finds are not found by views either."""
    listed = {
        "a": [
            entry("full", pdq(RED, geometry=Geometry.FULL, quality=50)),
            entry("thumb", pdq(RED, geometry=Geometry.THUMB512)),
            entry("49", pdq(RED, quality=49)),
            entry("exact", pdq(RED), *exactly(MD5), exact_only=True),
            entry("md5", *exactly(MD5)),
        ]
    }
    batch = batch_around(np.frombuffer(RED, np.uint8).reshape(1, 32), seed=1)
    with make(listed, ENFORCED) as generation:
        found = generation.search_near(batch)
        nothing = generation.search_near(batch, least=1000)
    assert {item.candidate.entry for item in found.candidates} == {"full", "thumb"}
    assert nothing.candidates == ()


CHECKS: tuple[Check, ...] = (
    check_empty,
    check_counts,
    check_candidate,
    check_film,
    check_exact,
    check_monitored,
    check_geometry,
    check_quality,
    check_entries_with_pdq,
    check_exact_only,
    check_threshold,
    check_mixed_batch,
    check_several_signals,
    check_against_twin,
    check_complement,
    check_near,
    check_near_leaves_out,
)
