"""Signals of an upload become matches by the rules of the contract."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.generations import CHECKS, Check, Sets, entry, exactly, pdq
from tests.conformance.matchers import flipped
from tests.reference.listed import ListedGeneration
from uploadfilter.model import (
    Entry,
    EntrySignal,
    EntryState,
    Geometry,
    Match,
    Scan,
    Signal,
    SignalRow,
    SignalType,
    Variant,
    View,
    ViewSignal,
)
from uploadfilter.reference.search import matching
from uploadfilter.reference.search.matching import (
    LONE_BITS,
    THRESHOLD_LIMITS,
    Thresholds,
    match_exact,
    match_scans,
)

VALUE = bytes(range(32))
MD5 = Signal(type=SignalType.MD5, value=bytes(range(16)))
SHA1 = Signal(type=SignalType.SHA1, value=bytes(range(20)))
PLANE = bytes(64 * 64 * 4)


@contextmanager
def listed(sets: Sets, monitored: frozenset[str]) -> Iterator[ListedGeneration]:
    """Make the plain generation that other tests use."""
    yield ListedGeneration(sets, monitored)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_listed_generation_conforms(check: Check) -> None:
    """The plain generation of the tests passes the suite of every generation."""
    check(listed)


def seen(
    value: bytes,
    *,
    signal_type: SignalType = SignalType.PDQ,
    variant: Variant = Variant.UPRIGHT,
    geometry: Geometry | None = Geometry.FULL,
) -> ViewSignal:
    """Return a signal of a view."""
    signal = Signal(type=signal_type, value=value)
    return ViewSignal(signal=signal, variant=variant, geometry=geometry)


def view(*signals: ViewSignal, name: str = "stored", plane: bytes = PLANE) -> View:
    """Return a view with the given signals."""
    rows = tuple(
        SignalRow(
            type=item.signal.type,
            values=item.signal.value,
            geometry=item.geometry,
            first=item.variant,
        )
        for item in signals
    )
    return View(name=name, rows=rows, plane=plane)


def test_many_signals_are_searched_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """For any number of signals, one search takes a bounded number of queries."""
    monkeypatch.setattr(matching, "SLICE_QUERIES", 3)
    values = [bytes([n]) * 32 for n in range(8)]
    generation = ListedGeneration({"s": [entry("x", pdq(values[7]))]})
    picture = scan(view(*map(seen, values)))
    matches = match_scans(
        generation, [picture], thresholds=Thresholds(pdq=0), quality_of=lambda _: 99
    )

    # Eight signals and their complements; 16 = 5 * 3 + 1.
    assert [len(batch) for batch in generation.batches] == [3, 3, 3, 3, 3, 1]
    assert [match.entry for match in matches] == ["x"]


def scan(
    *views: View,
    path: str = "0",
    exact: tuple[Signal, ...] = (),
    contents: tuple[Scan, ...] = (),
) -> Scan:
    """Return a complete scan of a picture."""
    return Scan(
        path=path, kind="jpeg", size=1, exact=exact, views=views, contents=contents
    )


def matches_of(
    entries: Sequence[Entry] | Mapping[str, Sequence[Entry]],
    *scans: Scan,
    quality_of: Callable[[bytes], int] = lambda _plane: 100,
    thresholds: Thresholds | None = None,
) -> tuple[Match, ...]:
    """Match scans against entries of the set ``s``, or of several."""
    sets = entries if isinstance(entries, Mapping) else {"s": entries}
    return match_scans(
        ListedGeneration(sets),
        scans,
        thresholds=thresholds or Thresholds(),
        quality_of=quality_of,
    )


def test_match_says_what_matched_and_where() -> None:
    """A perceptual match carries view, variant, geometry, distance and quality."""
    item = seen(flipped(VALUE, [7]), variant=Variant.R90, geometry=Geometry.THUMB512)
    found = matches_of([entry("e", pdq(VALUE))], scan(view(item), path="3!/a.jpg"))

    assert found == (
        Match(
            content="3!/a.jpg",
            set="s",
            entry="e",
            category="A",
            state=EntryState.ACTIVE,
            signal_type=SignalType.PDQ,
            distance=1,
            view="stored",
            variant=Variant.R90,
            geometry=Geometry.THUMB512,
            quality=100,
        ),
    )


def test_exact_match_has_no_view() -> None:
    """An exact match concerns the content and none of its views."""
    (found,) = matches_of([entry("e", *exactly(MD5))], scan(exact=(MD5, SHA1)))

    assert (found.signal_type, found.distance) == (SignalType.MD5, 0)
    assert (found.view, found.variant, found.geometry, found.quality) == (None,) * 4


def test_nearest_signal_of_a_view_is_reported() -> None:
    """Of all variants and geometries of a view, only the nearest match is left."""
    items = (
        seen(flipped(VALUE, range(5))),
        seen(flipped(VALUE, range(2)), variant=Variant.FLIP),
        seen(flipped(VALUE, range(3)), geometry=Geometry.SQUASH512),
        seen(flipped(VALUE, range(2)), variant=Variant.R180),
    )
    (found,) = matches_of([entry("e", pdq(VALUE))], scan(view(*items)))

    assert (found.distance, found.variant) == (2, Variant.FLIP)


def test_each_entry_view_type_and_content_is_reported() -> None:
    """Matches that differ in content, set, entry, type or view are separate."""
    phash = bytes(range(8))
    both = [
        pdq(VALUE),
        EntrySignal(signal=Signal(type=SignalType.PHASH, value=phash)),
    ]
    picture = (seen(VALUE), seen(phash, signal_type=SignalType.PHASH, geometry=None))
    scans = [
        scan(view(*picture), view(*picture, name="white"), path="0"),
        scan(view(*picture), path="1"),
    ]
    sets = {"s": [entry("a", *both), entry("b", *both)], "t": [entry("a", *both)]}
    found = matches_of(sets, *scans)

    assert len(found) == len(set(found)) == 3 * 2 * 3


def test_nested_contents_are_matched() -> None:
    """Contents inside contents are matched like those outside, at any depth."""
    inner = scan(view(seen(VALUE)), path="0!/x!/y", exact=(MD5,))
    middle = scan(path="0!/x", contents=(inner,))
    found = matches_of(
        [entry("e", pdq(VALUE), *exactly(MD5))], scan(contents=(middle,))
    )

    assert [(match.content, match.signal_type) for match in found] == [
        ("0!/x!/y", SignalType.MD5),
        ("0!/x!/y", SignalType.PDQ),
    ]


@pytest.mark.parametrize(
    ("stated", "of_upload", "expected"),
    [
        pytest.param(None, 80, 80, id="only-upload-known"),
        pytest.param(70, 80, 70, id="entry-lower"),
        pytest.param(90, 80, 80, id="upload-lower"),
        pytest.param(80, 80, 80, id="equal"),
        pytest.param(90, 12, 12, id="below-the-floor-is-reported"),
    ],
)
def test_quality_is_the_lower_one(
    stated: int | None, of_upload: int, expected: int
) -> None:
    """A match is as good as the worse of the two pictures, where both are known."""
    (found,) = matches_of(
        [entry("e", pdq(VALUE, quality=stated))],
        scan(view(seen(VALUE))),
        quality_of=lambda _plane: of_upload,
    )

    assert found.quality == expected


def test_quality_is_computed_only_when_a_candidate_asks() -> None:
    """Without a match no quality is computed; with several, one for each view."""
    asked: list[bytes] = []

    def quality_of(plane: bytes) -> int:
        asked.append(plane)
        return 100

    phash = bytes(range(8))
    entries = [
        entry("1", pdq(VALUE)),
        entry("2", pdq(VALUE)),
        entry("3", EntrySignal(signal=Signal(type=SignalType.PHASH, value=phash))),
    ]
    far = seen(flipped(VALUE, range(32)))
    narrow = seen(phash, signal_type=SignalType.PHASH, geometry=None)

    matches_of(entries, scan(view(far)), quality_of=quality_of)
    assert asked == []
    views = (
        view(seen(VALUE), narrow, plane=b"p" * 9),
        view(far, name="w", plane=b"q" * 9),
    )
    matches_of(entries, scan(*views), quality_of=quality_of)
    assert asked == [b"p" * 9]


def test_64_bit_match_has_the_quality_of_its_view() -> None:
    """The view's PDQ quality applies to every type, except exact ones."""
    dhash = bytes(range(8))
    entries = [
        entry("1", EntrySignal(signal=Signal(type=SignalType.DHASH, value=dhash))),
        entry("2", *exactly(MD5)),
    ]
    item = seen(dhash, signal_type=SignalType.DHASH, geometry=None)
    found = matches_of(
        entries, scan(view(item), exact=(MD5,)), quality_of=lambda _plane: 31
    )

    assert [match.quality for match in found] == [None, 31]


def test_signals_are_asked_once() -> None:
    """A signal that an upload shows many times is searched once, with its negative."""
    picture = view(seen(VALUE), seen(VALUE, variant=Variant.MIRROR))
    scans = [scan(picture, path=str(n), exact=(MD5,)) for n in range(4)]
    generation = ListedGeneration({"s": [entry("e", pdq(VALUE), *exactly(MD5))]})
    found = match_scans(
        generation, scans, thresholds=Thresholds(), quality_of=lambda _plane: 60
    )

    assert [len(batch) for batch in generation.batches] == [3]
    assert len(found) == 4 * 2


def test_types_that_no_entry_has_are_not_asked() -> None:
    """A generation of digests alone is never searched for pictures."""
    generation = ListedGeneration({"s": [entry("e", *exactly(SHA1))]})
    scans = [scan(view(seen(VALUE)), exact=(MD5, SHA1)), scan(view(seen(VALUE)))]
    found = match_scans(
        generation, scans, thresholds=Thresholds(), quality_of=lambda _plane: 60
    )

    assert [match.signal_type for match in found] == [SignalType.SHA1]
    assert [[query.signal for query in batch] for batch in generation.batches] == [
        [SHA1]
    ]


def test_no_scans_no_matches() -> None:
    """An upload without content matches nothing."""
    assert matches_of([entry("e", pdq(VALUE))]) == ()


def test_match_exact_finds_every_entry() -> None:
    """The early look-up reports each entry that holds one of the digests."""
    sets = {"s": [entry("a", *exactly(MD5, SHA1))], "t": [entry("b", *exactly(SHA1))]}
    found = match_exact(ListedGeneration(sets), "7", (MD5, SHA1))

    assert [(m.content, m.set, m.entry, m.signal_type) for m in found] == [
        ("7", "s", "a", SignalType.MD5),
        ("7", "s", "a", SignalType.SHA1),
        ("7", "t", "b", SignalType.SHA1),
    ]
    assert match_exact(ListedGeneration(sets), "7", ()) == ()


def test_thresholds_come_from_the_settings() -> None:
    """Each type is compared with its own threshold, inclusive."""
    entries = [entry("e", pdq(VALUE))]
    at_limit = scan(view(seen(flipped(VALUE, range(40)))))

    assert matches_of(entries, at_limit) == ()
    assert matches_of(entries, at_limit, thresholds=Thresholds(pdq=39)) == ()
    assert len(matches_of(entries, at_limit, thresholds=Thresholds(pdq=40))) == 1


def inverted(value: bytes, mask: int | None = None) -> bytes:
    """Return a value with all bits turned over, or those of a mask."""
    every = (1 << 8 * len(value)) - 1
    return (int.from_bytes(value) ^ (every if mask is None else mask)).to_bytes(
        len(value)
    )


@given(value=st.binary(min_size=32, max_size=32), flips=st.sets(st.integers(0, 255)))
def test_negative_is_found_within_its_threshold(value: bytes, flips: set[int]) -> None:
    """A view whose complement is within the threshold matches, and no other view."""
    shown = flipped(inverted(value), sorted(flips))
    found = matches_of([entry("e", pdq(value))], scan(view(seen(shown))))
    thresholds = Thresholds()
    expected = [(len(flips), True)] if len(flips) <= thresholds.pdq_complement else []
    if 256 - len(flips) <= thresholds.pdq:
        expected = [(256 - len(flips), False)]

    assert [(match.distance, match.complement) for match in found] == expected


@pytest.mark.parametrize(
    ("kind", "mask", "limit"),
    [
        pytest.param(SignalType.PHASH, (1 << 63) - 1, 6, id="phash-but-the-mean"),
        pytest.param(SignalType.DHASH, None, 4, id="dhash"),
        pytest.param(SignalType.AHASH, None, 4, id="ahash"),
        pytest.param(SignalType.WHASH, None, 4, id="whash"),
    ],
)
def test_negative_is_found_by_every_type(
    kind: SignalType, mask: int | None, limit: int
) -> None:
    """All bits of a negative differ, except the one with the mean in pHash."""
    value = bytes(range(7, 15))
    # PDQ of the same view stands beside it, because alone it must be nearer.
    narrow = EntrySignal(signal=Signal(type=kind, value=value))
    entries = [entry("e", narrow, pdq(VALUE))]

    for flips, expected in ((limit, [(limit, True)]), (limit + 1, [])):
        shown = flipped(inverted(value, mask), range(flips))
        item = seen(shown, signal_type=kind, geometry=None, variant=Variant.FLIP)
        matches = matches_of(entries, scan(view(seen(VALUE), item)))
        found = [match for match in matches if match.signal_type is kind]
        assert [(match.distance, match.complement) for match in found] == expected


NARROW = tuple(
    kind for kind in SignalType if not kind.is_exact and kind is not SignalType.PDQ
)
SHORT = bytes(range(7, 15))


def narrow(kind: SignalType) -> EntrySignal:
    """Return a 64-bit signal of an entry."""
    return EntrySignal(signal=Signal(type=kind, value=SHORT))


def shown(kind: SignalType, bits: int) -> ViewSignal:
    """Return the same of a view, of which some bits differ."""
    value = flipped(SHORT, range(bits))
    return seen(value, signal_type=kind, geometry=None)


@pytest.mark.parametrize("kind", NARROW)
def test_64_bit_match_alone_is_nearer_or_is_left_out(kind: SignalType) -> None:
    """At a million entries one alone would be a match by chance for every upload."""
    lone = [entry("e", narrow(kind))]

    for bits, expected in ((LONE_BITS, 1), (LONE_BITS + 1, 0)):
        assert len(matches_of(lone, scan(view(shown(kind, bits))))) == expected


@pytest.mark.parametrize("kind", NARROW)
def test_64_bit_match_alone_says_nothing_of_an_entry_with_pdq(kind: SignalType) -> None:
    """PDQ would have found it: the same bits of another type are chance."""
    both = [entry("e", narrow(kind), pdq(VALUE))]
    unlike = seen(flipped(VALUE, range(60)))
    low = [entry("e", narrow(kind), pdq(VALUE, quality=49))]

    assert matches_of(both, scan(view(unlike, shown(kind, 0)))) == ()
    assert len(matches_of(low, scan(view(unlike, shown(kind, 0))))) == 1


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        (SignalType.PHASH, SignalType.DHASH, 2),
        (SignalType.PHASH, SignalType.WHASH, 2),
        (SignalType.AHASH, SignalType.WHASH, 0),
    ],
)
def test_two_64_bit_types_in_one_view_support_each_other(
    one: SignalType, other: SignalType, count: int
) -> None:
    """Unless both see the same in a picture; of another view there is no support."""
    items = (shown(one, 4), shown(other, 4))
    for more in ((), (pdq(VALUE),)):
        both = [entry("e", narrow(one), narrow(other), *more)]
        views = (view(items[0]), view(items[1], name="white"))

        assert len(matches_of(both, scan(view(*items)))) == count
        assert matches_of(both, scan(*views)) == ()


def test_value_of_all_geometries_is_asked_once() -> None:
    """A small picture has one value in three geometries: it is searched once."""
    generation = ListedGeneration(
        {
            "s": [
                entry("any", pdq(VALUE)),
                entry("thumb", pdq(VALUE, geometry=Geometry.THUMB512)),
                entry("squash", pdq(VALUE, geometry=Geometry.SQUASH512)),
            ]
        }
    )
    two = [Geometry.FULL, Geometry.THUMB512]
    picture = scan(view(*(seen(VALUE, geometry=shape) for shape in two)))
    found = match_scans(
        generation, [picture], thresholds=Thresholds(), quality_of=lambda _plane: 60
    )

    assert [len(batch) for batch in generation.batches] == [2]
    assert [(match.entry, match.geometry) for match in found] == [
        ("any", Geometry.FULL),
        ("thumb", Geometry.THUMB512),
    ]


def test_each_view_keeps_its_own_threshold() -> None:
    """A value that two views share is compared with each one's threshold."""
    near = seen(flipped(VALUE, range(20)))
    views = [view(near, name=name) for name in ("trim:1", "stored", "frame:2/alpha")]
    strict = Thresholds(pdq_trim=19, pdq_alpha=20)
    found = matches_of([entry("e", pdq(VALUE))], scan(*views), thresholds=strict)

    assert [match.view for match in found] == ["stored", "frame:2/alpha"]


@pytest.mark.parametrize(
    ("name", "complement", "pdq_bits", "phash_bits"),
    [
        pytest.param("stored", False, 31, 8, id="stored"),
        pytest.param("white", False, 31, 8, id="white"),
        pytest.param("icc", False, 31, 8, id="icc"),
        pytest.param("frame:3/black", False, 31, 8, id="frame"),
        pytest.param("alpha", False, 12, 6, id="alpha"),
        pytest.param("raw", False, 11, 6, id="raw"),
        pytest.param("trim:2", False, 10, 6, id="trim"),
        pytest.param("frame:3/white/trim:1", False, 10, 6, id="trimmed-frame"),
        pytest.param("raw/trim:1", False, 10, 6, id="lowest-applies"),
        pytest.param("stored", True, 13, 6, id="complement"),
        pytest.param("frame:3/trim:1", True, 10, 6, id="complement-of-trimmed"),
    ],
)
def test_thresholds_by_view(
    name: str, complement: bool, pdq_bits: int, phash_bits: int
) -> None:
    """Views that no viewer shows, and negatives, have thresholds of their own."""
    thresholds = Thresholds(pdq_alpha=12, pdq_raw=11, pdq_trim=10, pdq_complement=13)

    assert thresholds.bits(SignalType.PDQ, name, complement=complement) == pdq_bits
    assert thresholds.bits(SignalType.PHASH, name, complement=complement) == phash_bits
    assert thresholds.bits(SignalType.DHASH, name, complement=complement) == 4
    assert thresholds.bits(SignalType.MD5, name, complement=complement) == 0


def test_derived_thresholds_never_exceed_the_plain_one() -> None:
    """An operator who lowers the threshold of a type lowers it for every view."""
    thresholds = Thresholds(pdq=9, phash=3)

    for name in ("alpha", "raw", "trim:1"):
        assert thresholds.bits(SignalType.PDQ, name) == 9
        assert thresholds.bits(SignalType.PHASH, name) == 3
    assert thresholds.bits(SignalType.PDQ, complement=True) == 9


@pytest.mark.parametrize(
    "name", ["pdq_alpha", "pdq_raw", "pdq_trim", "pdq_complement", "phash_derived"]
)
def test_thresholds_of_views_stop_at_the_limit_of_their_type(name: str) -> None:
    """The threshold of a view may be anything from 0 to the limit of its type."""
    limit = THRESHOLD_LIMITS[SignalType(name.partition("_")[0])]
    assert getattr(Thresholds(**{name: limit}), name) == limit
    with pytest.raises(ValueError, match=f"{name} must be from 0 to {limit} bits"):
        Thresholds(**{name: limit + 1})


def test_default_thresholds_are_those_of_the_contract() -> None:
    """These are the values for an operator who sets nothing."""
    thresholds = Thresholds()
    bits = {kind.value: thresholds.bits(kind) for kind in SignalType}

    assert bits == {
        "md5": 0,
        "sha1": 0,
        "sha256": 0,
        "pdq": 31,
        "phash": 8,
        "dhash": 4,
        "ahash": 4,
        "whash": 4,
    }


@pytest.mark.parametrize("signal_type", list(THRESHOLD_LIMITS))
def test_thresholds_stop_at_their_limit(signal_type: SignalType) -> None:
    """A threshold may be anything from 0 to the limit of its type."""
    limit = THRESHOLD_LIMITS[signal_type]
    for bits in (0, limit):
        assert Thresholds(**{signal_type.value: bits}).bits(signal_type) == bits
    for bits in (-1, limit + 1):
        with pytest.raises(ValueError, match=f"{signal_type.value} must be from 0 to"):
            Thresholds(**{signal_type.value: bits})
