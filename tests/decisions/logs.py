"""Logs to test with: a clock that is set, records, and a log written in one go."""

import gzip
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.segments import Segment, read_head, segments
from uploadfilter.decisions.files.settings import LogSettings
from uploadfilter.decisions.files.totalling import parts_of
from uploadfilter.decisions.judgement import Judgement
from uploadfilter.decisions.records.lasting import DayTotals
from uploadfilter.decisions.records.making import DecisionFacts, decision_record
from uploadfilter.decisions.records.records import (
    DecisionRecord,
    OutcomeRecord,
    Record,
    moment,
)
from uploadfilter.model import (
    Action,
    EntryState,
    Match,
    Mode,
    Reason,
    SignalType,
    Verdict,
)

NOON = 1_795_608_000.0
"""2026-11-25 12:00:00 UTC."""

DAY_S = 86_400.0

ACCEPTED = Judgement(
    verdict=Verdict.NO_MATCH,
    action=Action.ACCEPT,
    effect=Action.ACCEPT,
    reason=None,
    would=Action.ACCEPT,
    would_reason=None,
)
REJECTED = Judgement(
    verdict=Verdict.MATCH,
    action=Action.REJECT,
    effect=Action.REJECT,
    reason=None,
    would=Action.REJECT,
    would_reason=None,
)
REFUSED = Judgement(
    verdict=Verdict.INCONCLUSIVE,
    action=Action.REJECT,
    effect=Action.REJECT,
    reason=Reason.MALFORMED_FORM,
    would=Action.REJECT,
    would_reason=Reason.MALFORMED_FORM,
)
LISTED = Match(
    content="0",
    set="demo",
    entry="entry-1",
    category="known",
    state=EntryState.ACTIVE,
    signal_type=SignalType.SHA256,
    distance=0,
)


def unsynced(file: int) -> None:
    """Leave a file to the kernel, where a test is not about durability."""


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return seconds since the epoch."""
        return self.now


def decision(
    name: str = "d", judgement: Judgement = REFUSED, *, now: float = NOON
) -> DecisionRecord:
    """Return a decision that awaits an outcome only if it was accepted."""
    is_match = judgement.verdict is Verdict.MATCH
    return decision_record(
        DecisionFacts(
            id=name,
            mode=Mode.ENFORCE,
            generation=1,
            judgement=judgement,
            status=None if judgement.effect is Action.ACCEPT else 403,
            client=None,
            method="POST",
            size=10,
            duration_s=0.001,
            matches=(LISTED,) if is_match else (),
        ),
        now=now,
        instance="main",
    )


def outcome(name: str, status: int | str = 201) -> OutcomeRecord:
    """Return the outcome of a decision."""
    return OutcomeRecord(time=moment(NOON), decision=name, outcome=status)


def write_log(
    directory: Path,
    days: Sequence[Sequence[Record]],
    *,
    start: float = NOON,
    settings: LogSettings | None = None,
) -> None:
    """Write a log of some days; before each of them but the first stand the totals.

    Records bear the time at which they are written.
    """
    clock = Clock(start)
    with DecisionLog.open(
        directory,
        instance="main",
        clock=clock,
        settings=settings or LogSettings(),
        sync=unsynced,
    ) as log:
        for records in days:
            now = moment(clock.now)
            for future in [log.append(replace(it, time=now)) for it in records]:
                future.result()
            clock.now += DAY_S


def upload_paths(directory: Path) -> list[Path]:
    """Return the files with uploads in them, oldest first: not those that last."""
    return [directory / segment.name for segment in upload_segments(directory)]


def upload_segments(directory: Path) -> list[Segment]:
    """Return the segments with uploads in them, oldest first: not those that last."""
    return [
        segment
        for segment in segments(directory)
        if not read_head(directory, segment).is_lasting
    ]


def segment_paths(directory: Path) -> list[Path]:
    """Return the files of a log's segments, oldest first."""
    return [directory / segment.name for segment in segments(directory)]


def compress_segments(
    directory: Path, found: Sequence[Segment] | None = None
) -> list[Path]:
    """Compress segments, all but the newest by default; return the new files."""
    made = []
    for segment in segments(directory)[:-1] if found is None else found:
        plain = directory / segment.name
        packed = directory / segment.compressed_name
        packed.write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
        made.append(packed)
    return made


def totals_of(directory: Path) -> list[DayTotals]:
    """Return everything that was counted; a day may come more than once."""
    return [part.totals for part in parts_of(directory)]
