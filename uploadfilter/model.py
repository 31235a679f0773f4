"""Define the terms of the product as frozen values, which all other modules work on.

Rules this module keeps: values only (no I/O, no behaviour that could fail after
construction), ``bytes`` inside and hex only at the rim, one ``StrEnum`` for everything
that is logged or configured, and the glossary's words (``docs/glossary.md``) and no
others. It may be imported from every floor and imports only ``outlines.py``.

To add a signal type, add its name and width here, its class in ``signals/`` and its
line in ``signals/registry.py``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from uploadfilter.outlines import Outline

FULL_WINDOW = "full"
"""The window of a signal that was made from the whole picture."""

NESTED = "!/"
"""Separates the path of a content from the name of a content nested in it."""

QUALITY_FLOOR = 50
"""Lowest PDQ quality (0 to 100) of a signal that may match.

Below it the bits say little about the picture; ThreatExchange's guidance is to ignore
such hashes (github.com/facebook/ThreatExchange, pdq/README.md, "quality").
"""


class SignalType(StrEnum):
    """How signals of a kind are computed and compared."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    PDQ = "pdq"
    PHASH = "phash"
    DHASH = "dhash"
    AHASH = "ahash"
    WHASH = "whash"

    @property
    def width_bytes(self) -> int:
        """Length of a value of this type, in bytes."""
        return _WIDTH_BYTES[self]

    @property
    def is_exact(self) -> bool:
        """True if values are compared by equality, false if by Hamming distance."""
        return self in EXACT_TYPES


EXACT_TYPES = (SignalType.MD5, SignalType.SHA1, SignalType.SHA256)
PERCEPTUAL_TYPES = tuple(it for it in SignalType if it not in EXACT_TYPES)
_WIDTH_BYTES = {
    SignalType.MD5: 16,
    SignalType.SHA1: 20,
    SignalType.SHA256: 32,
    SignalType.PDQ: 32,
    SignalType.PHASH: 8,
    SignalType.DHASH: 8,
    SignalType.AHASH: 8,
    SignalType.WHASH: 8,
}


class Geometry(StrEnum):
    """How a tool shrinks a picture before it computes PDQ."""

    FULL = "full"
    SQUASH512 = "squash512"
    THUMB512 = "thumb512"


class Variant(StrEnum):
    """One of the eight ways to turn and mirror a view.

    ``r90`` is the picture turned 90 degrees counter-clockwise
    (``numpy.rot90(plane, 1)``); ``mirror`` swaps left and right, ``flip`` top and
    bottom; ``transpose`` mirrors at the main diagonal, ``transverse`` at the other.
    """

    UPRIGHT = "upright"
    R90 = "r90"
    R180 = "r180"
    R270 = "r270"
    MIRROR = "mirror"
    FLIP = "flip"
    TRANSPOSE = "transpose"
    TRANSVERSE = "transverse"


class MatchKind(StrEnum):
    """How near an entry is, and by which rule it was found.

    ``within`` is an exact match, or a distance within the threshold of the type.
    ``altered`` and ``near`` are beyond the threshold: an altered copy of the listed
    picture, judged against a background of ordinary pictures. Chance explains an
    ``altered`` match practically never, and a ``near`` one seldom.
    """

    WITHIN = "within"
    ALTERED = "altered"
    NEAR = "near"


class EntryState(StrEnum):
    """Whether an entry may reject; revoked and suppressed entries are never found."""

    ACTIVE = "active"
    MONITORED = "monitored"


class Mode(StrEnum):
    """Whether the action of the policy is carried out or only recorded."""

    MONITOR = "MONITOR"
    ENFORCE = "ENFORCE"


class Verdict(StrEnum):
    """The conclusion from the evidence."""

    MATCH = "MATCH"
    NO_MATCH = "NO_MATCH"
    INCONCLUSIVE = "INCONCLUSIVE"


class Action(StrEnum):
    """The policy's choice for an upload; also the type of an effect, what was done."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    RETRY_LATER = "RETRY_LATER"


class Preset(StrEnum):
    """The predefined policies, the mildest first."""

    MATCHES_ONLY = "matches_only"
    BALANCED = "balanced"
    STRICT = "strict"


class Reason(StrEnum):
    """Why a verdict is inconclusive, or why an upload was not inspected to its end.

    The groups matter to ``decisions/policy.py``: effects of a content on a scanner,
    incomplete evidence, faults of the request, and failures of the filter itself.
    """

    # The content has this effect on a scanner.
    UNDECODABLE = "undecodable"
    TRUNCATED = "truncated"
    TOO_MANY_PIXELS = "too_many_pixels"
    OUT_OF_TIME = "out_of_time"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    TOO_MANY_CONTENTS = "too_many_contents"
    TOO_MANY_SIGNALS = "too_many_signals"
    TOO_MANY_VIEWS = "too_many_views"
    TOO_MANY_FRAMES = "too_many_frames"
    VIDEO_UNFINISHED = "video_unfinished"
    KEY_FRAME_UNSEEN = "key_frame_unseen"
    TOO_MANY_JPEG_SCANS = "too_many_jpeg_scans"
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_COMPRESSED = "too_compressed"
    TOO_DEEP = "too_deep"
    SEARCH_UNFINISHED = "search_unfinished"
    ENCRYPTED = "encrypted"
    NOT_INSPECTED = "not_inspected"

    # The evidence is incomplete.
    LOW_QUALITY = "low_quality"
    NEAR_MATCH = "near_match"
    EVIDENCE_UNFINISHED = "evidence_unfinished"

    # The request is at fault.
    MALFORMED_REQUEST = "malformed_request"
    AMBIGUOUS_REQUEST = "ambiguous_request"
    MALFORMED_FORM = "malformed_form"
    UNSUPPORTED_CODING = "unsupported_coding"
    PIECEWISE_UPLOAD = "piecewise_upload"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    ABORTED = "aborted"
    NOT_ACCEPTED = "not_accepted"

    # The filter itself failed.
    NO_REFERENCE_SET = "no_reference_set"
    NO_SCANNER = "no_scanner"
    OVERLOADED = "overloaded"
    SPOOL_FULL = "spool_full"
    LOG_UNWRITABLE = "log_unwritable"
    INTERNAL_ERROR = "internal_error"

    # The client has used up its share.
    TOO_MANY_UPLOADS = "too_many_uploads"
    MATCH_BUDGET = "match_budget"

    # The operator excluded the upload from inspection.
    EXEMPT = "exempt"

    # What `scan` could not open; never the reason of an upload.
    UNREADABLE = "unreadable"


INCAPACITY = frozenset(
    {
        Reason.NO_REFERENCE_SET,
        Reason.NO_SCANNER,
        Reason.OVERLOADED,
        Reason.SPOOL_FULL,
        Reason.LOG_UNWRITABLE,
        Reason.INTERNAL_ERROR,
        Reason.TOO_MANY_UPLOADS,
        Reason.MATCH_BUDGET,
    }
)
"""The reasons that the upload did not cause: the client may try again later."""

EXEMPTIONS = frozenset({Reason.EXEMPT})
"""The reasons for which an upload is forwarded without a verdict."""

REFUSALS = frozenset(
    {
        Reason.MALFORMED_REQUEST,
        Reason.AMBIGUOUS_REQUEST,
        Reason.MALFORMED_FORM,
        Reason.UNSUPPORTED_CODING,
        Reason.TOO_LARGE,
        Reason.TOO_SLOW,
        Reason.ABORTED,
        Reason.NOT_ACCEPTED,
    }
)
"""The reasons for which a request is refused, whatever the policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A fingerprint of content.

    >>> Signal(type=SignalType.MD5, value=bytes(15))
    Traceback (most recent call last):
    ValueError: a md5 signal has 16 bytes, not 15

    Attributes:
        type: How the value was computed and how it is compared.
        value: Raw value, most significant byte first, ``type.width_bytes`` long.
    """

    type: SignalType
    value: bytes

    def __post_init__(self) -> None:
        """Refuse a value of the wrong length, which no signal type can produce."""
        if len(self.value) != self.type.width_bytes:
            raise ValueError(
                f"a {self.type} signal has {self.type.width_bytes} bytes, "
                f"not {len(self.value)}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySignal:
    """One signal of an entry, with the facts that its maker gave.

    Attributes:
        signal: Type and value.
        quality: 0 to 100; ``None`` is unknown and treated as sufficient.
        geometry: How the maker's tool shrank the picture; ``None`` is unknown, and
            the entry is then compared in all three.
        window: Part of the picture it was made from; ``full`` is the whole, and
            ``film:37`` one of 37 frames.
    """

    signal: Signal
    quality: int | None = None
    geometry: Geometry | None = None
    window: str = FULL_WINDOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item of a hash set.

    >>> signal = Signal(type=SignalType.PDQ, value=bytes(32))
    >>> entry = Entry(
    ...     id="a17",
    ...     category="1",
    ...     signals=(EntrySignal(signal=signal, quality=87),),
    ... )
    >>> entry.signals[0].window
    'full'

    Attributes:
        id: Unique within its set; at most 128 characters.
        category: The issuer's word for the kind of content.
        signals: At least one; several of a type are allowed.
        exact_only: If true, its perceptual signals are never matched.
    """

    id: str
    category: str
    signals: tuple[EntrySignal, ...]
    exact_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSignal:
    """A perceptual signal of one view, in one variant and geometry.

    Attributes:
        signal: Type and value.
        variant: How the view was turned or mirrored.
        geometry: How it was shrunk; ``None`` where the type has only one way.
    """

    signal: Signal
    variant: Variant
    geometry: Geometry | None


VARIANTS = tuple(Variant)
"""The variants, in the order of their values in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRow:
    """The signals of one type and geometry of a view, ordered by variant.

    A view has at least 32 signals, and most uploads match nothing. So the values stay
    one string of bytes from the decoder to the search, and become objects only when a
    caller reads one.

    >>> row = SignalRow(type=SignalType.PHASH, values=bytes(16))
    >>> [signal.variant.value for signal in row]
    ['upright', 'r90']

    Attributes:
        type: How they were computed.
        values: One to eight values, concatenated in the order of ``VARIANTS``.
        geometry: How the view was shrunk; ``None`` where the type has only one way.
        first: The variant of the first value.
    """

    type: SignalType
    values: bytes
    geometry: Geometry | None = None
    first: Variant = Variant.UPRIGHT

    def __post_init__(self) -> None:
        """Refuse a length that no row can have."""
        count, rest = divmod(len(self.values), _WIDTH_BYTES[self.type])
        most = _MOST_OF_A_ROW[self.first]
        if rest or not 0 < count <= most:
            raise ValueError(
                f"a row of {self.type} signals that begins with {self.first} has 1 to "
                f"{most} values, not {len(self.values)} bytes"
            )

    def __len__(self) -> int:
        """Return the number of its signals."""
        return len(self.values) // _WIDTH_BYTES[self.type]

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variant of each value."""
        start = len(VARIANTS) - _MOST_OF_A_ROW[self.first]
        return VARIANTS[start : start + len(self)]

    def __iter__(self) -> Iterator[ViewSignal]:
        """Yield its signals."""
        width = _WIDTH_BYTES[self.type]
        for place, variant in enumerate(self.variants):
            value = self.values[place * width : (place + 1) * width]
            signal = Signal(type=self.type, value=value)
            yield ViewSignal(signal=signal, variant=variant, geometry=self.geometry)


_MOST_OF_A_ROW = {
    variant: len(VARIANTS) - place for place, variant in enumerate(VARIANTS)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One way a picture can be shown, with its signals.

    Attributes:
        name: ``stored``, ``white``, ``frame:3/black``, ... (``docs/glossary.md``).
        rows: Its signals: PDQ in three geometries and eight variants, pHash in eight
            variants, and further requested types; PDQ in full geometry comes first.
        plane: PDQ's filtered luma plane in full geometry, 64 x 64 float32 in native
            byte order, row by row; the quality is computed from it when needed.
        aspect: Width of the picture divided by its height; ``None`` if not known.
    """

    name: str
    rows: tuple[SignalRow, ...]
    plane: bytes
    aspect: float | None = None

    @property
    def signals(self) -> tuple[ViewSignal, ...]:
        """Its signals one by one; the upright PDQ in full geometry comes first."""
        return tuple(signal for row in self.rows for signal in row)

    @property
    def signal_count(self) -> int:
        """The number of its signals."""
        return sum([len(row.values) // _WIDTH_BYTES[row.type] for row in self.rows])

    def value(self, signal_type: SignalType) -> bytes | None:
        """Return the first (upright, full-geometry) value of a type, if any."""
        for row in self.rows:
            if row.type is signal_type:
                return row.values[: _WIDTH_BYTES[signal_type]]
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The result of scanning one content, complete or with a reason.

    >>> member = Scan(path="0!/a.png", kind="png", size=9, reason=Reason.TRUNCATED)
    >>> scan = Scan(path="0", kind="zip", size=99, contents=(member,))
    >>> [(it.path, it.reasons) for it in scan.walk()]
    [('0', ()), ('0!/a.png', (<Reason.TRUNCATED: 'truncated'>,))]

    Attributes:
        path: The content's path: an ordinal in an upload, a file path in ``scan``;
            nested contents follow after ``!/``.
        kind: The kind by its first bytes: ``jpeg``, ``png``, ``zip``, ``data``, ...
        size: Length in bytes.
        exact: md5, sha1 and sha256, in this order. Those of a top-level content are
            computed outside the scanner.
        views: Every view that was decoded.
        reason: The most important reason why it is incomplete; ``None`` if complete.
        contents: Scans of nested contents.
        dropped: Number of places with the magic of a picture inside this content that
            did not decode: magic occurs by chance.
        further: The other reasons why it is incomplete, each once: none hides another.
        seen_percent: Of a video that was looked into, the share of its seconds in which
            a frame was seen, 0 to 100; ``None`` for any other content.
    """

    path: str
    kind: str
    size: int
    exact: tuple[Signal, ...] = ()
    views: tuple[View, ...] = ()
    reason: Reason | None = None
    contents: tuple["Scan", ...] = ()
    dropped: int = 0
    further: tuple[Reason, ...] = ()
    seen_percent: int | None = None

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """All reasons why the scan is incomplete."""
        return () if self.reason is None else (self.reason, *self.further)

    def walk(self) -> Iterator["Scan"]:
        """Yield this scan and all nested ones, outermost first."""
        yield self
        for nested in self.contents:
            yield from nested.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An entry within the threshold of a signal, or one beyond it that is evidence.

    >>> match = Match(
    ...     content="0!/a.png",
    ...     set="unit7",
    ...     entry="a17",
    ...     category="1",
    ...     state=EntryState.ACTIVE,
    ...     signal_type=SignalType.SHA256,
    ...     distance=0,
    ... )
    >>> match.kind
    <MatchKind.WITHIN: 'within'>

    Attributes:
        content: ``Scan.path`` of the content that matched.
        set: Name of the hash set.
        entry: Id of the entry within it.
        category: The entry's category.
        state: Whether the entry may reject.
        signal_type: The type that matched.
        distance: Bits that differ; 0 for exact types. Of an altered copy, from the
            guess of the original that fits best.
        view: Name of the view; ``None`` for exact types.
        variant: How the view was turned; ``None`` for exact types.
        geometry: Geometry of the upload's signal; ``None`` where there is none.
        quality: Lower one of the entry's (if known) and the view's PDQ quality;
            ``None`` for exact types.
        complement: True if the entry matches the negative of the view.
        kind: The rule that found it; everything but ``within`` is PDQ.
        chance: How many entries of this reference set are expected to be as near to
            this upload by chance; 0 or more. ``None`` for exact types, and where it
            was not computed.
        outline: The part of the original that an altered copy shows, and its place in
            the view turned as ``variant`` says; ``None`` where it was not looked for.
    """

    content: str
    set: str
    entry: str
    category: str
    state: EntryState
    signal_type: SignalType
    distance: int
    view: str | None = None
    variant: Variant | None = None
    geometry: Geometry | None = None
    quality: int | None = None
    complement: bool = False
    kind: MatchKind = MatchKind.WITHIN
    chance: float | None = None
    outline: Outline | None = None
