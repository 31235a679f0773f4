"""Gather an operator's feedback for an issuer from the decision logs.

Rules this module keeps: a match is counted by its day, its entry and nothing else;
canaries and matches with other sets are left out; days for which matches may be missing
are stated.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from uploadfilter.decisions.files.period import period_of
from uploadfilter.decisions.files.reading import Filters, read
from uploadfilter.decisions.files.totalling import changes_of
from uploadfilter.decisions.records.lasting import Change, ChangeRecord
from uploadfilter.decisions.records.records import CopyRecord, DecisionRecord
from uploadfilter.errors import FeedbackError
from uploadfilter.model import Action, MatchKind
from uploadfilter.signedsets import feedback
from uploadfilter.signedsets.feedback import EntryLine, FeedbackHeader, Number

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

MOST_ENTRIES: Final = 1_000_000
"""Entries that may have matched in one period, some 400 MB: more of them cannot be
matches of known pictures."""


@dataclass(slots=True)
class _Counted:
    days: dict[date, int] = field(default_factory=dict)
    exact: int = 0
    rejected: int = 0
    suppressed: int = 0
    objections: int = 0
    asked: int = 0


@dataclass(slots=True)
class GatheredFeedback:
    """The data of the logs about one set in a period.

    Attributes:
        numbers: Sequences of the set that came into force up to the end of the period,
            by day.
        gaps: Days for which matches may be missing.
        omitted: Uploads that matched more entries than a record lists.
    """

    numbers: dict[int, date] = field(default_factory=dict)
    gaps: list[tuple[date, date]] = field(default_factory=list)
    omitted: int = 0
    _entries: dict[str, _Counted] = field(default_factory=dict)

    def entry(self, entry_id: str) -> _Counted:
        """Return the counts of an entry.

        Raises:
            FeedbackError: There are too many entries.
        """
        found = self._entries.get(entry_id)
        if found is None:
            if len(self._entries) >= MOST_ENTRIES:
                raise FeedbackError(
                    f"more than {MOST_ENTRIES:,} entries matched in this period",
                    hint="Choose a shorter period.",
                )
            found = self._entries[entry_id] = _Counted()
        return found

    def lines(self, quarantined: Collection[str] = ()) -> Iterator[EntryLine]:
        """Yield a line for each entry, sorted by id."""
        held = set(quarantined)
        for entry_id in sorted({*self._entries, *held}):
            known = self._entries.get(entry_id) or _Counted()
            yield EntryLine(
                id=entry_id,
                days=known.days,
                exact=known.exact,
                rejected=known.rejected,
                suppressed=known.suppressed,
                quarantined=entry_id in held,
                objections=known.objections,
                asked=known.asked,
            )


def gathered(
    logs: Iterable[Path], name: str, since: date, to: date
) -> GatheredFeedback:
    """Count the matches of one set in the logs of all proxies of a machine.

    Args:
        logs: The directories of the logs.
        name: Name of the set at this operator.
        since: First day that is counted, UTC.
        to: Last day that is counted, UTC.

    Raises:
        LogError: A log cannot be read.
        FeedbackError: There are too many entries.
    """
    found, taken = GatheredFeedback(), set[str]()
    for log in logs:
        filters = Filters(
            since=_midnight(since),
            until=_midnight(to + timedelta(days=1)),
            set=name,
        )
        for record in read(log, filters=filters):
            if isinstance(record, DecisionRecord | CopyRecord):
                _count(found, name, record)
        for change in changes_of(log):
            # Each proxy has every change of the reference set in its log.
            if change.change is Change.OBJECTION:
                # Each is in one log, once.
                _object(found, name, change, since, to)
            if change.mark is not None and change.mark.hash not in taken:
                taken.add(change.mark.hash)
                _take(found, name, change, since, to)
        period = period_of(log)
        for gap in period.gone if period else ():
            begun = max(gap.since or since, since)
            if gap.matches and begun <= min(gap.until, to):
                found.gaps.append((begun, min(gap.until, to)))
    return found


def written(
    signer: "Signer", header: FeedbackHeader, lines: Iterable[EntryLine]
) -> Iterator[bytes]:
    """Yield the lines of a file of feedback, its signature at the end."""
    digest = hashlib.sha256()
    first = feedback.header_line(header)
    digest.update(first)
    yield first
    for entry in lines:
        line = feedback.entry_line(entry)
        digest.update(line)
        yield line
    signature = signer.sign(feedback.signed_bytes(digest.digest()))
    yield feedback.signature_line(signature.signature)


def numbers_of(found: GatheredFeedback) -> tuple[Number, ...]:
    """Return the newest sequences that came into force, in order."""
    newest = sorted(found.numbers)[-feedback.MOST_NUMBERS :]
    return tuple(Number(sequence=at, day=found.numbers[at]) for at in newest)


def _count(
    found: GatheredFeedback, name: str, record: DecisionRecord | CopyRecord
) -> None:
    day = record.time.astimezone(UTC).date()
    is_rejected = False
    if isinstance(record, DecisionRecord):
        found.omitted += bool(record.matches_omitted)
        is_rejected = record.effect is Action.REJECT
    is_exact: dict[str, bool] = {}
    for match in record.matches:
        if match.set == name and match.kind is not MatchKind.NEAR:
            known = is_exact.get(match.entry, False)
            is_exact[match.entry] = known or match.signal_type.is_exact
    for entry_id, exact in is_exact.items():
        counted = found.entry(entry_id)
        counted.days[day] = counted.days.get(day, 0) + 1
        counted.exact += exact
        counted.rejected += is_rejected


def _take(
    found: GatheredFeedback, name: str, change: ChangeRecord, since: date, to: date
) -> None:
    day = change.at.astimezone(UTC).date()
    match change.change:
        case Change.SUPPRESS:
            of, _, entry_id = change.subject.partition("/")
            if of == name and since <= day <= to:
                found.entry(entry_id).suppressed += 1
        case Change.IMPORT:
            sequence = change.details.get("sequence")
            if change.subject == name and day <= to and isinstance(sequence, int):
                # A set may be imported again, for another category: the first day
                # counts.
                found.numbers.setdefault(sequence, day)
        case _:
            pass


def _object(
    found: GatheredFeedback, name: str, change: ChangeRecord, since: date, to: date
) -> None:
    """Count an objection by its entry: nothing about the upload or the uploader."""
    entry_id = change.details.get("entry")
    is_ours = change.details.get("set") == name and isinstance(entry_id, str)
    if not is_ours or not since <= change.at.astimezone(UTC).date() <= to:
        return
    counted = found.entry(str(entry_id))
    counted.objections += change.details.get("state") == "received"
    counted.asked += change.details.get("switched_off") is True


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
