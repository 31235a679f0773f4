"""Feedback: an operator's counts for the issuer of a signed set, entry by entry.

It is a file of lines of JSON: a header, one line for each entry with counts, sorted by
id, and a signature over all of it. ``hashsets/FORMAT.md``, section 10.

Rules this module keeps: it is pure; a file discloses nothing about an upload or its
sender, and no time finer than a day; files with any number of entries are added up line
by line, in the memory of one line of each file.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise
from typing import Annotated, Final, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from uploadfilter.errors import FeedbackError
from uploadfilter.signedsets.metadata import KEY_NAME
from uploadfilter.signedsets.operations import MOST_ID_CHARACTERS

FORMAT: Final = 1
"""Grows when a present reader would misunderstand the file."""

MOST_LINE_BYTES: Final = 64 << 10
"""Longest line: an entry that matched on each of ``MOST_DAYS`` days has 8,000 bytes, a
header with ``MOST_NUMBERS`` numbers 40,000."""

MOST_DAYS: Final = 366
"""Longest period: records of matches are kept for a year."""

MOST_NUMBERS: Final = 1000
"""Sequences of a set that came into force in one period; two a day are 732."""

MOST_GAPS: Final = 100
MOST_COUNT: Final = (1 << 53) - 1
"""Largest whole number that every JSON parser keeps exactly."""

_DOMAIN: Final = b"uploadfilter feedback 1\n"
"""The signed bytes begin with this: a signature by this key is valid only for
feedback."""

_Count: TypeAlias = Annotated[int, Meta(ge=0, le=MOST_COUNT)]
_Digest: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Name: TypeAlias = Annotated[str, Meta(pattern=rf"\A{KEY_NAME.pattern}\Z")]

_T = TypeVar("_T", bound=msgspec.Struct)


class Number(msgspec.Struct, frozen=True, kw_only=True):
    """A sequence of the set that came into force.

    Attributes:
        day: The day on which the operator put it in force, UTC.
    """

    sequence: int
    day: date


class FeedbackHeader(
    msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}
):
    """The header of a file of feedback.

    Attributes:
        feedback: ``FORMAT``.
        set: The operator's name for the set.
        root: SHA-256 of the root that the operator trusts, in hex; it identifies the
            set.
        operator: The operator's name for itself; the issuer uses its own name for it.
        public: The operator's public key, 64 hex digits.
        since: First day that is counted, UTC.
        to: Last day that is counted, UTC.
        entries: Number of lines of entries that follow.
        numbers: Sequences that came into force up to the last day, in order; the newest
            ones.
        gaps: Periods for which matches may be missing, each with first and last day.
        omitted: Uploads that matched more entries than a record lists.
    """

    feedback: Literal[1]
    set: str
    root: _Digest
    operator: _Name
    public: _Digest
    since: date
    to: date
    entries: _Count
    numbers: Annotated[tuple[Number, ...], Meta(max_length=MOST_NUMBERS)] = ()
    gaps: Annotated[tuple[tuple[date, date], ...], Meta(max_length=MOST_GAPS)] = ()
    omitted: _Count = 0

    def __post_init__(self) -> None:
        """Refuse counts that cannot be added up."""
        if not 0 < self.days <= MOST_DAYS:
            raise ValueError(f"the period is not 1 to {MOST_DAYS} days")
        if any(a >= b for a, b in pairwise([0, *(it.sequence for it in self.numbers)])):
            raise ValueError("the numbers go back")

    @property
    def days(self) -> int:
        """How many days are counted."""
        return (self.to - self.since).days + 1

    def overlaps(self, other: "FeedbackHeader") -> bool:
        """Tell whether both files count the same day of one set at one operator."""
        return (
            (self.public, self.root) == (other.public, other.root)
            and self.since <= other.to
            and other.since <= self.to
        )

    def in_force(self, sequence: int) -> date | None:
        """Return the day on which a sequence, or a later one, came into force."""
        days = (it.day for it in self.numbers if it.sequence >= sequence)
        return next(days, None)


class EntryLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The counts of one entry.

    Attributes:
        days: Uploads that matched it, by day; days without a match are left out.
        exact: How many of these matched by equality.
        rejected: How many of these were rejected.
        suppressed: How often the operator switched it off as wrong.
        quarantined: Whether the operator has it in quarantine.
        objections: How many uploaders objected to a rejection by it.
        asked: How often a reviewer of the operator asked to withdraw it.
    """

    id: Annotated[str, Meta(min_length=1, max_length=MOST_ID_CHARACTERS)]
    days: dict[date, Annotated[int, Meta(ge=1, le=MOST_COUNT)]] = {}
    exact: _Count = 0
    rejected: _Count = 0
    suppressed: _Count = 0
    quarantined: bool = False
    objections: _Count = 0
    asked: _Count = 0

    def __post_init__(self) -> None:
        """Refuse counts that cannot be added up."""
        if not self.id.isprintable():
            raise ValueError("an entry cannot have the id")
        if max(self.exact, self.rejected) > self.matches:
            raise ValueError("more are exact, or rejected, than match")

    @property
    def matches(self) -> int:
        """The number of uploads that matched it."""
        return sum(self.days.values())


class _Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    signature: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySum:
    """The counts of all operators together for one entry.

    Attributes:
        days: Uploads that matched it, by day.
        exact: How many of these matched by equality.
        rejected: How many of these were rejected.
        operators: Number of operators at which it matched.
        suppressed_by: Number of operators that switched it off.
        quarantined_by: Number of operators that have it in quarantine.
        objections: How many uploaders objected.
        asked_by: Number of operators that asked to withdraw it.
        days_to_first: Days from the day on which an operator put it in force to the
            first match there, the fewest of all operators; ``None`` if that is not
            known.
    """

    id: str
    days: Mapping[date, int]
    exact: int
    rejected: int
    operators: int
    suppressed_by: int
    quarantined_by: int
    days_to_first: int | None
    objections: int = 0
    asked_by: int = 0

    @property
    def matches(self) -> int:
        """The number of uploads that matched it."""
        return sum(self.days.values())


def header_line(header: FeedbackHeader) -> bytes:
    """Return the first line of a file."""
    return msgspec.json.encode(header) + b"\n"


def entry_line(entry: EntryLine) -> bytes:
    """Return the line of an entry."""
    ordered = dict(sorted(entry.days.items()))
    return msgspec.json.encode(msgspec.structs.replace(entry, days=ordered)) + b"\n"


def signature_line(signature: str) -> bytes:
    """Return the last line of a file.

    Args:
        signature: Ed25519 over ``signed_bytes``, in hex.
    """
    return msgspec.json.encode(_Signature(signature)) + b"\n"


def signed_bytes(digest: bytes) -> bytes:
    """Return the bytes to be signed.

    Args:
        digest: SHA-256 of all lines before the signature, with their line ends.
    """
    return _DOMAIN + digest


def parse_header(line: bytes) -> FeedbackHeader:
    """Read the first line of a file.

    Raises:
        FeedbackError: The line is not a header.
    """
    return _parsed(line, FeedbackHeader, "its first line is not a header")


def parse_entry(line: bytes, header: FeedbackHeader) -> EntryLine:
    """Read the line of an entry.

    Raises:
        FeedbackError: The line is malformed, or counts a day outside of the period.
    """
    entry = _parsed(line, EntryLine, "the line of an entry cannot be used")
    if any(not header.since <= day <= header.to for day in entry.days):
        raise _damaged(f"it counts a day of {entry.id!r} outside of its period")
    return entry


def parse_signature(line: bytes) -> str:
    """Read the last line of a file.

    Raises:
        FeedbackError: The line is not a signature.
    """
    return _parsed(line, _Signature, "it does not end with a signature").signature


def check_together(headers: Sequence[FeedbackHeader], today: date) -> None:
    """Check that files can be added up: no day is counted twice, or in the future.

    Args:
        headers: The headers of all files, verified.
        today: The day by the issuer's clock, UTC.

    Raises:
        FeedbackError: The files cannot be added up.
    """
    for header in headers:
        # Days end at other times elsewhere only by the error of clocks.
        if header.to > today:
            raise FeedbackError(
                f"the feedback of {header.operator!r} counts days that have not "
                f"come yet, up to {header.to}",
                hint="Is the clock of this machine right? If it is, ask the operator.",
            )
    ordered = sorted(headers, key=lambda it: (it.public, it.root, it.since))
    for one, other in pairwise(ordered):
        if one.overlaps(other):
            raise FeedbackError(
                f"two files of {one.operator!r} count the same days: {one.since} to "
                f"{one.to}, and {other.since} to {other.to}",
                hint="Leave one of them out, or ask the operator for files whose days "
                "follow each other.",
            )


def summed(
    files: Iterable[tuple[FeedbackHeader, Iterable[EntryLine]]],
    listed: Mapping[str, int],
) -> Iterator[EntrySum]:
    """Add up the counts of files, entry by entry, in the order of their ids.

    Args:
        files: For each file the header and its entries, sorted by id.
        listed: For each entry, the sequence of the set that listed it, if known.
    """
    streams = [_tagged(header, lines) for header, lines in files]
    merged = heapq.merge(*streams, key=lambda it: it[1].id)
    for entry_id, group in groupby(merged, key=lambda it: it[1].id):
        yield _sum_of(entry_id, list(group), listed.get(entry_id))


def _tagged(
    header: FeedbackHeader, lines: Iterable[EntryLine]
) -> Iterator[tuple[FeedbackHeader, EntryLine]]:
    return ((header, line) for line in lines)


def _sum_of(
    entry_id: str, said: Sequence[tuple[FeedbackHeader, EntryLine]], listed: int | None
) -> EntrySum:
    days: dict[date, int] = {}
    first: list[int] = []
    for header, line in said:
        for day, count in line.days.items():
            days[day] = days.get(day, 0) + count
        began = None if listed is None else header.in_force(listed)
        if began is not None and line.days and min(line.days) >= began:
            first.append((min(line.days) - began).days)
    return EntrySum(
        id=entry_id,
        days=dict(sorted(days.items())),
        exact=sum(line.exact for _, line in said),
        rejected=sum(line.rejected for _, line in said),
        operators=len({header.public for header, line in said if line.days}),
        suppressed_by=len({header.public for header, line in said if line.suppressed}),
        quarantined_by=len(
            {header.public for header, line in said if line.quarantined}
        ),
        days_to_first=min(first, default=None),
        objections=sum(line.objections for _, line in said),
        asked_by=len({header.public for header, line in said if line.asked}),
    )


def _parsed(line: bytes, kind: type[_T], what: str) -> _T:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as exc:
        raise _damaged(f"{what} ({exc})") from exc


def _damaged(what: str) -> FeedbackError:
    return FeedbackError(
        f"the file is not feedback that can be counted: {what}",
        hint="No line of it was counted. Ask the operator for the file again.",
    )
