"""Records by chance, and the lines that a log makes of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st

from uploadfilter.decisions.files.segments import Segment
from uploadfilter.decisions.records.chain import Draft, Tail
from uploadfilter.decisions.records.lasting import (
    Change,
    ChangeRecord,
    ReasonsTotal,
    UploadsTotal,
)
from uploadfilter.decisions.records.records import (
    CheckpointRecord,
    ContentRecord,
    CopyRecord,
    DecisionRecord,
    MatchRecord,
    OutcomeRecord,
    Record,
    SegmentRecord,
    ShedRecord,
    UnsearchedRecord,
)
from uploadfilter.decisions.records.summaries import SummaryRecord
from uploadfilter.model import (
    Action,
    EntryState,
    MatchKind,
    Mode,
    Reason,
    SignalType,
    Verdict,
)

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)

times = st.builds(
    lambda day, us: NOON + timedelta(days=day, microseconds=us),
    st.integers(-2, 2),
    st.one_of(st.just(0), st.integers(0, 10**11)),
)
reasons = st.sampled_from(
    [Reason.EXEMPT, Reason.TRUNCATED, Reason.OVERLOADED, Reason.NEAR_MATCH]
)
matches = st.builds(
    MatchRecord,
    content=st.just("0"),
    set=st.sampled_from(["unit7", "other"]),
    entry=st.sampled_from(["a", "b"]),
    category=st.sampled_from(["1", "2", "3", "é|+"]),
    state=st.sampled_from(EntryState),
    signal_type=st.sampled_from(SignalType),
    distance=st.just(0),
    view=st.none(),
    variant=st.none(),
    geometry=st.none(),
    quality=st.none(),
    kind=st.sampled_from(MatchKind),
    chance=st.one_of(st.none(), st.floats(0, 3)),
)
contents = st.just(
    (ContentRecord(path="0", kind="jpeg", size=9, reason=None, views=("stored",)),)
)
decisions = st.builds(
    DecisionRecord,
    time=times,
    id=st.just("20261125-5f0c8e1b2a3d4c5e6f70"),
    instance=st.just("main"),
    mode=st.sampled_from(Mode),
    generation=st.one_of(st.none(), st.integers(1, 3)),
    verdict=st.sampled_from(Verdict),
    action=st.sampled_from(Action),
    effect=st.sampled_from(Action),
    reason=st.one_of(st.none(), reasons),
    status=st.sampled_from([None, 403, 503]),
    client=st.sampled_from([None, "c1", "c2"]),
    method=st.just("POST"),
    size=st.integers(0, 10**12),
    duration_ms=st.floats(0, 10**7),
    contents=contents,
    matches=st.lists(matches, max_size=4).map(tuple)
    | st.lists(matches, min_size=12, max_size=20).map(tuple),
    reasons=st.lists(reasons, max_size=2).map(tuple),
    would=st.sampled_from(Action),
    would_reason=st.one_of(st.none(), reasons),
    route=st.sampled_from([None, "default", "images"]),
    cpu_ms=st.floats(0, 10**5),
)
rows = st.builds(
    UploadsTotal,
    mode=st.sampled_from(Mode),
    route=st.sampled_from(["default", None]),
    verdict=st.sampled_from(Verdict),
    action=st.sampled_from(Action),
    effect=st.sampled_from(Action),
    reason=reasons,
    would=st.sampled_from(Action),
    would_reason=reasons,
    status=st.just(400),
    uploads=st.integers(1, 99),
    bytes=st.integers(0, 99),
    cpu_us=st.integers(0, 99),
)
summaries = st.builds(
    SummaryRecord,
    time=times,
    client=st.none(),
    prefix=st.none(),
    since=times,
    until=times,
    uploads=st.lists(rows, max_size=2).map(tuple),
    reasons=st.lists(
        st.builds(ReasonsTotal, reason=reasons, uploads=st.integers(1, 9)), max_size=2
    ).map(tuple),
)
others = st.one_of(
    st.builds(
        OutcomeRecord,
        time=times,
        decision=st.just("d"),
        outcome=st.sampled_from([201, 500, "aborted"]),
    ),
    st.builds(
        CopyRecord,
        time=times,
        decision=st.just("d"),
        generation=st.just(1),
        matches=st.lists(matches, max_size=2).map(tuple),
    ),
    st.builds(UnsearchedRecord, time=times, minute=times, count=st.integers(1, 9)),
    st.builds(
        ShedRecord,
        time=times,
        minute=times,
        client=st.none(),
        reason=reasons,
        status=st.just(503),
        count=st.integers(1, 9),
    ),
    st.builds(CheckpointRecord, time=times),
    st.builds(
        ChangeRecord, time=times, change=st.sampled_from(Change), at=times, by=st.none()
    ),
)
records = st.one_of(decisions, decisions, summaries, others)


def lines_of(found: list[Record]) -> list[bytes]:
    """Return the lines that a log makes of records."""
    draft = Draft(Tail())
    for record in found:
        draft.add(record)
    return draft.data().split(b"\n")[:-1]


def head(number: int = 1, *, instance: str = "main") -> SegmentRecord:
    """Return the head of a segment."""
    return SegmentRecord(
        time=NOON,
        instance=instance,
        number=number,
        predecessor=None,
        matches=0,
        awaiting=(),
    )


def write_segment(directory: Path, lines: list[bytes], *, torn: bytes = b"") -> Segment:
    """Write lines as the only segment of a log, and return it."""
    segment = Segment(1, NOON.date())
    directory.mkdir(parents=True, exist_ok=True)
    data = b"".join(line + b"\n" for line in lines) + torn
    (directory / segment.name).write_bytes(data)
    return segment
