"""Find the reference entries that the signals of an upload match.

The reference set is reached through ``Generation``. One implementation uses LMDB
(``reference/files/generation.py``); the tests use a plain list of entries. Both pass
the same suite (``tests/conformance/generations.py``).

Rules this module keeps: it is pure; it finds every entry within the threshold and
nothing else, except that a 64-bit match alone must be nearer (``LONE_BITS``). The
policy decides which matches may reject (``decisions/policy.py``), so monitored entries
and low qualities are reported here.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Protocol

from uploadfilter.model import (
    EntryState,
    Geometry,
    Match,
    Scan,
    Signal,
    SignalType,
    Variant,
    View,
)
from uploadfilter.reference.search.films import FilmSearch

THRESHOLD_LIMITS: Mapping[SignalType, int] = MappingProxyType(
    {
        # Of 7 million pairs of different photographs (benchmarks, `recall`) one was
        # within this limit, at 44 bits; none of their trimmed views and negatives was.
        SignalType.PDQ: 48,
        # At 12 of 64 bits a million random entries hit every tenth picture.
        SignalType.PHASH: 12,
        # Unrelated pictures had distances down to 12 bits with these three types.
        SignalType.DHASH: 10,
        SignalType.AHASH: 10,
        SignalType.WHASH: 10,
    }
)
"""Highest threshold of each perceptual type, in bits."""

LONE_BITS = 2
"""Most bits that may differ in a 64-bit match alone, of an entry that has no PDQ.

Of 9.0 x 10^7 pairs of different pictures, 513 were within 8 bits in pHash: with a
million entries, each upload would have six such matches by chance (ADR 0092). Beside an
entry's PDQ such a match alone means nothing at all, and is left out.
"""

KIN: Mapping[SignalType, SignalType] = MappingProxyType(
    {SignalType.WHASH: SignalType.AHASH}
)
"""Types that see the same in a picture support each other as little as a type supports
itself: aHash and wHash both compare the brightness of 8 x 8 fields with the brightness
of the whole picture (``decisions/policy.py``)."""

SLICE_QUERIES = 4096
"""Queries that are searched at a time: the most signals of one content. An upload may
have sixteen times as many, and as many complements; a search of all at once would hold
all their candidates in memory."""

_DERIVED_ATOMS = frozenset({"alpha", "raw", "trim"})
"""First words of the names of views that viewers never show: a plane of transparency,
colours as a wrong tool reads them, a picture without its border."""

_COMPLEMENT_MASKS: Mapping[SignalType, int] = MappingProxyType(
    {
        SignalType.PDQ: (1 << 256) - 1,
        # The first bit, the mean of the picture, is the largest coefficient: always
        # set.
        SignalType.PHASH: (1 << 63) - 1,
        SignalType.DHASH: (1 << 64) - 1,
        SignalType.AHASH: (1 << 64) - 1,
        SignalType.WHASH: (1 << 64) - 1,
    }
)
"""The bits that differ between a picture and its negative.

For a picture without equal coefficients all of these bits differ in PDQ, and all but
one in pHash, because its median moves by one place.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Most bits that may differ in a match, inclusive, for each perceptual type.

    Derived views and complements are compared as well, which multiplies the chances of
    a false match. Viewers never show such a view, so fewer alterations are likely
    between it and a listed picture. Where several thresholds apply (the complement of a
    trimmed view), the lowest one is used.

    >>> thresholds = Thresholds()
    >>> thresholds.bits(SignalType.PDQ), thresholds.bits(SignalType.SHA256)
    (31, 0)
    >>> thresholds.bits(SignalType.PDQ, "trim:1", complement=True) < 31
    True

    Attributes:
        pdq: Of 256 bits; the makers of PDQ recommend 31.
        phash: Of 64 bits; at 8, ten million entries match 0.3 % of all pictures by
            chance.
        dhash: Of 64 bits; re-encoding changes up to 4, and it separates worse than
            pHash.
        ahash: Of 64 bits; as ``dhash``.
        whash: Of 64 bits; as ``dhash``.
        pdq_alpha: PDQ of a plane of transparency (``alpha``), which is usually a
            silhouette.
        pdq_raw: PDQ of colours as a wrong tool reads them (``raw``).
        pdq_trim: PDQ of a picture without its border (``trim:1``).
        pdq_complement: PDQ of the negative of any view. With a million entries, a
            search for it at 23 costs a third of a search for the view itself at 31.
        phash_derived: pHash of the views ``alpha``, ``raw`` and ``trim:N``, and of the
            negative of any view.
    """

    pdq: int = 31
    phash: int = 8
    dhash: int = 4
    ahash: int = 4
    whash: int = 4
    pdq_alpha: int = 31
    pdq_raw: int = 31
    pdq_trim: int = 31
    pdq_complement: int = 23
    phash_derived: int = 6

    def __post_init__(self) -> None:
        """Refuse a threshold outside 0 to the limit of its type."""
        for item in fields(self):
            limit = THRESHOLD_LIMITS[SignalType(item.name.partition("_")[0])]
            bits: int = getattr(self, item.name)
            if not 0 <= bits <= limit:
                raise ValueError(
                    f"{item.name} must be from 0 to {limit} bits, not {bits}"
                )

    def bits(
        self, signal_type: SignalType, view: str = "", *, complement: bool = False
    ) -> int:
        """Return how many bits may differ; 0 for exact types.

        Args:
            signal_type: The type.
            view: ``View.name``; an ordinary view if it is left out.
            complement: Whether the search is for the negative of the view.
        """
        if signal_type.is_exact:
            return 0
        bits = int(getattr(self, signal_type.value))
        if signal_type not in {SignalType.PDQ, SignalType.PHASH}:
            return bits
        derived = _derived_atoms(view)
        if complement:
            derived.add("complement")
        if derived and signal_type is SignalType.PHASH:
            return min(bits, self.phash_derived)
        return min([bits, *(int(getattr(self, f"pdq_{atom}")) for atom in derived)])


def _derived_atoms(view: str) -> set[str]:
    """Return the words of a view's name that mark a view no viewer shows."""
    return {atom.partition(":")[0] for atom in view.split("/")} & _DERIVED_ATOMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One signal to search for.

    Attributes:
        signal: Type and value.
        threshold: Most bits that may differ, inclusive; 0 or more. Exact types are
            compared by equality, whatever this says.
        geometry: How the picture of the upload was shrunk; ``None`` means unknown, and
            is compared with entries of every geometry.
    """

    signal: Signal
    threshold: int
    geometry: Geometry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An entry that a query found, through one of its signals.

    Attributes:
        set: Name of the hash set.
        entry: Id of the entry within it.
        category: The entry's category.
        state: Whether the entry may reject.
        distance: Bits that differ; 0 for exact types.
        quality: The quality of the signal as the set states it, 0 to 100; ``None`` if
            it states none, and for exact types.
        geometry: The geometry of the signal as the set states it; ``None`` if it states
            none.
        has_pdq: Whether PDQ may find the entry, too. Only candidates of other
            perceptual types need it.
        value: The perceptual signal that was found, ``type.width_bytes`` long; empty
            for exact types, of which the reference set keeps keyed hashes only.
        film_frames: Of how many frames of a film it is one; 0 if it is of a picture.
    """

    set: str
    entry: str
    category: str
    state: EntryState
    distance: int
    quality: int | None = None
    geometry: Geometry | None = None
    has_pdq: bool = False
    value: bytes = b""
    film_frames: int = 0


class Generation(Protocol):
    """One numbered, immutable state of the reference set."""

    @property
    def number(self) -> int:
        """The number: 1 for the first, and higher after every change."""

    @property
    def signal_types(self) -> frozenset[SignalType]:
        """The types with at least one signal."""

    @property
    def entry_count(self) -> int:
        """How many entries it holds, over all hash sets."""

    def search(self, queries: Sequence[Query]) -> tuple[tuple[Candidate, ...], ...]:
        """Find every signal that each of the queries matches.

        Exact types match by equality. Perceptual signals match within the query's
        threshold, unless the entry is matched exactly only, the quality of its signal
        is known and below ``QUALITY_FLOOR``, or both geometries are known and differ.
        An entry with several matching signals is found several times.

        Args:
            queries: In any order, types mixed, repetitions allowed.

        Returns:
            For each query, in the order asked, its candidates in no stated order.
        """


def match_exact(
    generation: Generation, path: str, exact: Iterable[Signal]
) -> tuple[Match, ...]:
    """Look up the digests of one content, before anything is decoded.

    Returns:
        One match for each entry and signal type, in the order of ``exact``.
    """
    search = _Search.of(generation, Thresholds())
    search.add_exact(path, exact)
    return search.matches(_no_quality)


def match_scans(
    generation: Generation,
    scans: Sequence[Scan],
    *,
    thresholds: Thresholds,
    quality_of: Callable[[bytes], int],
) -> tuple[Match, ...]:
    """Match every signal of an upload, in batches of ``SLICE_QUERIES`` searches.

    For every perceptual signal the complement is searched for as well, in all variants
    and geometries: a negative can be mirrored as easily as any other picture.

    Args:
        generation: The generation to search.
        scans: The contents of the upload, nested ones included.
        thresholds: Most bits that may differ, by type and view.
        quality_of: Computes PDQ's quality, 0 to 100, from ``View.plane``; called at
            most once for each view, and only for views with a match.

    Returns:
        One match for each content, set, entry, signal type and view: the one with the
        smallest distance; a 64-bit match that stands alone in its view only if its
        entry has no PDQ and at most ``LONE_BITS`` differ. Among equal distances the
        first in the order of ``View.signals`` is taken, and a signal before its
        complement. Of a listed film only if enough of it is shown (``films.py``).
    """
    search = _Search.of(generation, thresholds)
    for scan in (inner for outer in scans for inner in outer.walk()):
        search.add_exact(scan.path, scan.exact)
        for view in scan.views:
            search.add_view(scan.path, view)
    return search.matches(quality_of)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Signals of the upload that differ only in variant, and their place.

    Attributes:
        content: ``Scan.path`` of the content.
        type: Type of the signals.
        threshold: Most bits that may differ.
        view: The view; ``None`` for exact types.
        geometry: How the view was shrunk.
        complement: Whether the signals are those of the negative of the view.
    """

    content: str
    type: SignalType
    threshold: int = 0
    view: View | None = None
    geometry: Geometry | None = None
    complement: bool = False

    def takes(self, found: Candidate) -> bool:
        """Tell whether a candidate of a wider query belongs to these signals."""
        return found.distance <= self.threshold and (
            self.geometry is found.geometry or None in (self.geometry, found.geometry)
        )

    def match(self, found: Candidate, variant: Variant | None) -> Match:
        """Return the match with an entry; its quality is so far that of the entry."""
        return Match(
            content=self.content,
            set=found.set,
            entry=found.entry,
            category=found.category,
            state=found.state,
            signal_type=self.type,
            distance=found.distance,
            view=self.view.name if self.view else None,
            variant=variant,
            geometry=self.geometry,
            quality=found.quality,
            complement=self.complement,
        )


_Asker = tuple[_Asked, Variant | None]
_MatchKey = tuple[str, str, str, SignalType, str | None]


@dataclass(slots=True)
class _Search:
    """The queries of one upload, each once, and the signals that need each."""

    generation: Generation
    thresholds: Thresholds
    types: frozenset[SignalType]
    asked: dict[tuple[SignalType, bytes], list[_Asker]] = field(default_factory=dict)

    @classmethod
    def of(cls, generation: Generation, thresholds: Thresholds) -> "_Search":
        """Begin a search; it leaves out types of which no entry has a signal."""
        return cls(generation, thresholds, generation.signal_types)

    def add_exact(self, content: str, signals: Iterable[Signal]) -> None:
        """Add the digests of a content."""
        for signal in signals:
            if signal.type in self.types:
                asked = _Asked(content=content, type=signal.type)
                self._add((signal.type, signal.value), (asked, None))

    def add_view(self, content: str, view: View) -> None:
        """Add all signals of a view, and then their complements."""
        rows = [row for row in view.rows if row.type in self.types]
        for complement in (False, True):
            for row in rows:
                asked = _Asked(
                    content=content,
                    type=row.type,
                    threshold=self.thresholds.bits(
                        row.type, view.name, complement=complement
                    ),
                    view=view,
                    geometry=row.geometry,
                    complement=complement,
                )
                own = row.values
                values = complement_of(row.type, own) if complement else own
                width = row.type.width_bytes
                for place, variant in enumerate(row.variants):
                    value = values[place * width : (place + 1) * width]
                    self._add((row.type, value), (asked, variant))

    def _add(self, key: tuple[SignalType, bytes], asker: _Asker) -> None:
        askers = self.asked.get(key)
        if askers is None:
            self.asked[key] = [asker]
        else:
            askers.append(asker)

    def matches(self, quality_of: Callable[[bytes], int]) -> tuple[Match, ...]:
        """Search, and keep the nearest match of each entry, type and view."""
        nearest: dict[_MatchKey, tuple[Match, _Asked]] = {}
        films: FilmSearch[tuple[Match, _Asked]] = FilmSearch()
        with_pdq: set[tuple[str, str]] = set()
        for askers, candidates in self._found():
            for candidate in candidates:
                if candidate.has_pdq:
                    with_pdq.add((candidate.set, candidate.entry))
                for asked, variant in askers:
                    if asked.takes(candidate):
                        match = asked.match(candidate, variant)
                        if frames := candidate.film_frames:
                            films.add((match, asked), match, frames, candidate.value)
                        else:
                            _keep_nearer(nearest, match, asked)
        for match, asked in films.enough():
            _keep_nearer(nearest, match, asked)
        kept = _without_lone([*nearest.values()], with_pdq)
        return _with_quality(kept, quality_of)

    def _found(self) -> Iterator[tuple[list[_Asker], tuple[Candidate, ...]]]:
        asked = list(self.asked.items())
        for start in range(0, len(asked), SLICE_QUERIES):
            part = asked[start : start + SLICE_QUERIES]
            found = self.generation.search([_query(*group) for group in part])
            yield from zip((askers for _, askers in part), found, strict=True)


def complement_of(signal_type: SignalType, values: bytes) -> bytes:
    """Return the values of the negatives of joined values."""
    width = signal_type.width_bytes
    mask = _COMPLEMENT_MASKS[signal_type].to_bytes(width) * (len(values) // width)
    negative = int.from_bytes(values) ^ int.from_bytes(mask)
    return negative.to_bytes(len(values))


def _query(key: tuple[SignalType, bytes], askers: Sequence[_Asker]) -> Query:
    """Return one query that finds the candidates of all signals of one value.

    A picture of up to 512 pixels has the same value in every geometry.
    """
    geometries = {asked.geometry for asked, _ in askers}
    return Query(
        signal=Signal(type=key[0], value=key[1]),
        threshold=max(asked.threshold for asked, _ in askers),
        geometry=geometries.pop() if len(geometries) == 1 else None,
    )


def _keep_nearer(
    nearest: dict[_MatchKey, tuple[Match, _Asked]], match: Match, asker: _Asked
) -> None:
    key = (match.content, match.set, match.entry, match.signal_type, match.view)
    known = nearest.get(key)
    if known is None or match.distance < known[0].distance:
        nearest[key] = (match, asker)


def _without_lone(
    found: Sequence[tuple[Match, _Asked]], with_pdq: Collection[tuple[str, str]]
) -> list[tuple[Match, _Asked]]:
    """Leave out the 64-bit matches that mean nothing, because they stand alone.

    A match stands alone if no other type matches the same entry in the same view.
    """
    types: dict[tuple[str, str, str, str | None], set[SignalType]] = {}
    for match, _ in found:
        kin = KIN.get(match.signal_type, match.signal_type)
        types.setdefault(_subject(match), set()).add(kin)
    return [
        (match, asker)
        for match, asker in found
        if match.signal_type.is_exact
        or match.signal_type is SignalType.PDQ
        or len(types[_subject(match)]) > 1
        or (match.distance <= LONE_BITS and (match.set, match.entry) not in with_pdq)
    ]


def _subject(match: Match) -> tuple[str, str, str, str | None]:
    return match.content, match.set, match.entry, match.view


def _with_quality(
    nearest: Iterable[tuple[Match, _Asked]], quality_of: Callable[[bytes], int]
) -> tuple[Match, ...]:
    """Fill in the PDQ quality of the upload's view where it is the lower one."""
    of_plane: dict[bytes, int] = {}
    filled = []
    for match, asker in nearest:
        view = asker.view
        if view is None:
            filled.append(match)
            continue
        # A plane is 16 KiB, but equal planes are nearly always one object, so that
        # hashing and comparing them is cheap beside computing a quality.
        if view.plane not in of_plane:
            of_plane[view.plane] = quality_of(view.plane)
        quality = of_plane[view.plane]
        known = quality if match.quality is None else min(match.quality, quality)
        filled.append(replace(match, quality=known))
    return tuple(filled)


def _no_quality(_plane: bytes) -> int:
    raise AssertionError("an exact signal has no plane")
