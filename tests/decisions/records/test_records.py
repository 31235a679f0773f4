"""Records as lines of JSON: their shape, and the values that never stand in them."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.decisions.evidence import match, scan
from tests.decisions.logs import ACCEPTED, LISTED, NOON, REJECTED, decision, outcome
from uploadfilter.decisions.judgement import Judgement
from uploadfilter.decisions.records.making import (
    CONTENTS_RECORDED,
    MATCHES_RECORDED,
    DecisionFacts,
    content_records,
    decision_record,
    match_records,
)
from uploadfilter.decisions.records.records import (
    ABORTED,
    LINE_LIMIT,
    Checkpoint,
    CheckpointRecord,
    DecisionRecord,
    Record,
    SegmentRecord,
    ShedRecord,
    decode,
    encode,
    line_hash,
    moment,
    new_decision_id,
)
from uploadfilter.decisions.records.summaries import SummaryRecord
from uploadfilter.errors import LogCorruptError, UsageError
from uploadfilter.model import (
    EntryState,
    Match,
    MatchKind,
    Mode,
    Reason,
    Scan,
    Signal,
    SignalType,
    View,
)
from uploadfilter.outlines import Outline

SHA256 = Signal(type=SignalType.SHA256, value=bytes(32))

RECORDS: list[Record] = [
    SegmentRecord(
        time=moment(NOON),
        instance="main",
        number=1,
        predecessor=None,
        matches=0,
        awaiting=("a",),
    ),
    decision("d", REJECTED),
    outcome("d"),
    outcome("d", ABORTED),
    CheckpointRecord(time=moment(NOON), count=3, head="0" * 64),
    ShedRecord(
        time=moment(NOON),
        minute=moment(NOON),
        client="00ff",
        reason=Reason.OVERLOADED,
        status=503,
        count=7,
    ),
    SummaryRecord(
        time=moment(NOON),
        client=None,
        prefix=None,
        since=moment(NOON),
        until=moment(NOON),
        uploads=(),
        reasons=(),
    ),
]


def record_of(
    method: str = "POST",
    judgement: Judgement = ACCEPTED,
    found: Match = match(SignalType.PDQ),  # noqa: B008 -- a frozen value
) -> DecisionRecord:
    """Return a decision on two contents, one inside the other."""
    view = View(name="stored", rows=(), plane=b"")
    inner = Scan(path="0!/secret name.jpg", kind="jpeg", size=5, views=(view,))
    outer = Scan(
        path="0",
        kind="zip",
        size=9,
        reason=Reason.NOT_INSPECTED,
        contents=(inner,),
    )
    return decision_record(
        DecisionFacts(
            id="20261125-00",
            mode=Mode.ENFORCE,
            generation=7,
            judgement=judgement,
            status=None,
            client="00ff",
            method=method,
            size=9,
            duration_s=0.0123456,
            scans=(outer,),
            matches=(replace(found, content="0!/secret name.jpg"),),
        ),
        now=NOON + 0.25,
        instance="main",
    )


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_record_is_read_as_it_was_written(record: Record) -> None:
    """Every kind survives its line."""
    line = encode(record)

    assert b"\n" not in line
    assert decode(line) == record
    assert list(json.loads(line))[:3] == ["record", "seq", "previous"]


def test_decision_line_is_as_documented() -> None:
    """The wire form: order of keys, capitals, time, numbered contents, no names."""
    assert encode(record_of()).decode() == (
        '{"record":"decision","seq":0,"previous":"' + "0" * 64 + '",'
        '"time":"2026-11-25T12:00:00.250000Z","id":"20261125-00","instance":"main",'
        '"mode":"ENFORCE","generation":7,"verdict":"NO_MATCH","action":"ACCEPT",'
        '"effect":"ACCEPT","reason":null,"status":null,"client":"00ff",'
        '"method":"POST","size":9,"duration_ms":12.346,"contents":['
        '{"path":"0","kind":"zip","size":9,"reason":"not_inspected","views":[],'
        '"dropped":0,"seen_percent":null},'
        '{"path":"0!/0","kind":"jpeg","size":5,"reason":null,"views":["stored"],'
        '"dropped":0,"seen_percent":null}],'
        '"matches":[{"content":"0!/0","set":"s","entry":"a","category":"demo",'
        '"state":"active","signal_type":"pdq","distance":0,"view":"stored",'
        '"variant":"upright","geometry":"full","quality":null,"complement":false,'
        '"kind":"within","chance":null,"outline":null,"frame_s":null}],'
        '"matches_omitted":0,"contents_omitted":0,"reasons":[],'
        '"would":"ACCEPT","would_reason":null,"route":null,"cpu_ms":0.0,'
        '"altered":false,"sealed":null,"pieces":null}'
    )


def test_altered_copy_is_recorded_with_its_chance_and_outline() -> None:
    """The outline is text, so that a record needs no other version to be read."""
    found = replace(
        match(SignalType.PDQ, kind=MatchKind.ALTERED),
        distance=52,
        chance=3e-14,
        outline=Outline(left=0.05, top=0.05),
    )
    record = record_of(found=found)

    (told,) = record.matches
    assert (told.kind, told.chance) == (MatchKind.ALTERED, 3e-14)
    assert told.outline == "crop 0.05 0.05 0 0"
    assert decode(encode(record)) == record


def test_decision_holds_no_name() -> None:
    """The client's name of a file inside an archive is not recorded."""
    assert b"secret" not in encode(record_of())


def test_unusual_method_is_not_recorded() -> None:
    """A method is any word that a client likes."""
    assert b'"method":"OTHER"' in encode(record_of(method="JOHN-SMITH"))


def test_text_with_newline_stays_on_its_line() -> None:
    """The id of an entry comes from outside and may hold anything."""
    line = encode(outcome("a\nb\u2028"))

    assert b"\n" not in line
    assert decode(line) == outcome("a\nb\u2028")


def test_overlong_record_is_refused() -> None:
    """A text that no reader would accept as a line is not written."""
    with pytest.raises(ValueError, match="at most"):
        encode(outcome("a" * LINE_LIMIT))


def test_matches_are_capped_and_counted() -> None:
    """A set of duplicates cannot fill the log; the most telling matches stay."""
    many = [match(state=EntryState.MONITORED)] * MATCHES_RECORDED
    record = decision_record(
        DecisionFacts(
            id="d",
            mode=Mode.ENFORCE,
            generation=1,
            judgement=REJECTED,
            status=403,
            client=None,
            method="POST",
            size=1,
            duration_s=0,
            matches=[*many, LISTED],
        ),
        now=NOON,
        instance="main",
    )

    assert len(record.matches) == MATCHES_RECORDED
    assert record.matches[0].state is EntryState.ACTIVE
    assert record.matches_omitted == 1


def test_match_of_an_unlisted_content_is_not_named() -> None:
    """Without its scan a content is a number, or nothing at all."""
    matches = [match(content="3"), match(content="name.jpg")]

    assert [item.content for item in match_records(matches, ())] == ["3", "?"]


def test_contents_are_numbered_in_depth() -> None:
    """Nested contents follow their container, whatever their scans call them."""
    inner = scan("x", None, scan("y"), scan("z"))

    found = content_records([scan("a"), scan("b", None, inner)])

    assert [item.path for item in found] == ["0", "1", "1!/0", "1!/0!/0", "1!/0!/1"]


def test_carved_pictures_are_named() -> None:
    """The scanner gives them their names; a member of an archive keeps its number."""
    thumb = scan("a!/thumb:1")
    member = replace(scan("a!/embedded:2"), exact=(SHA256,))

    found = content_records([scan("a", None, thumb, member)])

    assert [item.path for item in found] == ["0", "0!/thumb:1", "0!/1"]


def test_telling_contents_are_listed_when_there_are_too_many() -> None:
    """A reason and a match are on record, however many contents there are."""
    names = [f"a!/{number}" for number in range(3 * CONTENTS_RECORDED)]
    nested = [scan(name) for name in names]
    nested[-1] = replace(nested[-1], reason=Reason.ENCRYPTED)

    found = content_records([scan("a", None, *nested)], matched={names[-2]})

    assert len(found) == CONTENTS_RECORDED
    assert found[0].path == "0"
    assert [item.path for item in found[-2:]] == [
        f"0!/{len(names) - 2}",
        f"0!/{len(names) - 1}",
    ]


def test_matched_contents_are_listed_before_those_with_a_reason() -> None:
    """Many unreadable contents cannot push the listed one out of the record."""
    others = [scan(str(number), Reason.TRUNCATED) for number in range(50)]

    found = content_records([*others, scan("50")], matched={"50"}, most=3)

    assert [item.path for item in found] == ["0", "1", "50"]


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(line: bytes) -> None:
    """A line that is not a record gives that error, and nothing else happens."""
    with pytest.raises(LogCorruptError):
        decode(line)


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"record":"dream"}', b"{}", b""])
def test_what_is_not_a_record_is_refused(line: bytes) -> None:
    """Deep nesting and unknown kinds are refused."""
    with pytest.raises(LogCorruptError, match="not a record"):
        decode(line)


def test_unknown_field_is_read_over() -> None:
    """A later version may add fields."""
    line = encode(outcome("d"))[:-1] + b',"new":1}'

    assert decode(line) == outcome("d")


def test_line_hash_is_sha256() -> None:
    """Anybody can check the chain with sha256sum."""
    assert line_hash(b"abc").startswith("ba7816bf8f01cfea")


def test_decision_id_is_a_day_and_hex() -> None:
    """An uploader can read it out on the telephone."""
    assert new_decision_id(NOON, bytes(range(10))) == "20261125-00010203040506070809"


def test_decision_id_refuses_too_little_entropy() -> None:
    """A guessable id would let others ask about an upload."""
    with pytest.raises(ValueError, match="10 bytes, not 2"):
        new_decision_id(NOON, b"ab")


def test_moment_is_utc() -> None:
    """Times do not depend on where the machine stands."""
    assert moment(NOON) == datetime(2026, 11, 25, 12, tzinfo=UTC)


@given(st.integers(0, 2**63), st.binary(min_size=32, max_size=32))
def test_checkpoint_is_parsed_as_it_is_written(records: int, head: bytes) -> None:
    """A checkpoint in the operational log can be given to `verify`."""
    checkpoint = Checkpoint(records, head.hex())

    assert Checkpoint.parse(checkpoint.text()) == checkpoint


@pytest.mark.parametrize("text", ["", "12", "12:", "x:" + "0" * 64, "1:" + "g" * 64])
def test_malformed_checkpoint_is_refused(text: str) -> None:
    """A typing error must not look like a cut log."""
    with pytest.raises(UsageError, match="not a checkpoint"):
        Checkpoint.parse(text)
