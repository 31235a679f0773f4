"""Every way to tamper with a log is found, and its place is named."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.decisions.logs import (
    NOON,
    REJECTED,
    decision,
    segment_paths,
    upload_paths,
    write_log,
)
from uploadfilter.decisions.files.verify import CheckpointState, VerifyReport, verify
from uploadfilter.decisions.records.chain import Draft, Tail
from uploadfilter.decisions.records.records import (
    LINE_LIMIT,
    Checkpoint,
    Record,
    SegmentRecord,
    decode,
    encode,
    line_hash,
    moment,
)
from uploadfilter.decisions.records.sequence import (
    FINDINGS_LIMIT,
    LinePlace,
    LogFault,
    LogFinding,
)
from uploadfilter.errors import LogError

LINES = 12
Edit = Callable[[list[bytes]], list[bytes]]


def log_of(count: int = LINES) -> list[bytes]:
    """Return the lines of a segment: its head, then decisions."""
    draft = Draft(Tail())
    draft.add(
        SegmentRecord(
            time=moment(NOON),
            instance="main",
            number=1,
            predecessor=None,
            matches=0,
            awaiting=(),
        )
    )
    for i in range(2, count + 1):
        draft.add(decision(f"d{i}"))
    return draft.data().splitlines()


LOG = log_of()


def check(
    directory: Path, lines: list[bytes], checkpoint: Checkpoint | None = None
) -> VerifyReport:
    """Verify a log of one segment."""
    directory.mkdir(exist_ok=True)
    text = b"".join(line + b"\n" for line in lines)
    (directory / "00000001-20261125.jsonl").write_bytes(text)
    return verify(directory, checkpoint=checkpoint)


def changed(line: bytes, old: bytes, new: bytes) -> bytes:
    """Return a line with something else in it."""
    assert old in line
    return line.replace(old, new)


def forged(after: bytes, name: str = "forged") -> bytes:
    """Return a record that fits after a line, as a forger would make it."""
    record = decode(after)
    draft = Draft(Tail(seq=record.seq, head=line_hash(after)))
    draft.add(decision(name))
    return draft.data().rstrip()


def test_untouched_log_is_ok(tmp_path: Path) -> None:
    """Nothing is found where nothing is wrong, and the end is told."""
    report = check(tmp_path, LOG)

    assert report == VerifyReport(
        segments=1,
        records=LINES,
        first=1,
        since=moment(NOON),
        until=moment(NOON),
        end=Checkpoint(LINES, line_hash(LOG[-1])),
        gaps=(),
        totals=0,
        totals_checked=0,
        findings=(),
        findings_omitted=0,
        unfinished_bytes=0,
        step_back=None,
        checkpoint=CheckpointState.NOT_GIVEN,
    )


def change(at: int, old: bytes, new: bytes) -> Edit:
    """Change a line, counted from 1."""
    return lambda log: [*log[: at - 1], changed(log[at - 1], old, new), *log[at:]]


def insert(at: int, line: bytes) -> Edit:
    """Insert a line so that it becomes number ``at``."""
    return lambda log: [*log[: at - 1], line, *log[at - 1 :]]


def delete(first: int, last: int) -> Edit:
    """Delete lines."""
    return lambda log: [*log[: first - 1], *log[last:]]


def move(first: int, last: int, to: int) -> Edit:
    """Move lines so that the first of them becomes number ``to``."""

    def edit(log: list[bytes]) -> list[bytes]:
        block = log[first - 1 : last]
        rest = [*log[: first - 1], *log[last:]]
        return [*rest[: to - 1], *block, *rest[to - 1 :]]

    return edit


@pytest.mark.parametrize(
    ("edit", "problem", "line", "first", "last"),
    [
        pytest.param(
            change(5, b'"id":"d5"', b'"id":"dx"'),
            LogFault.CHANGED, 5, 5, 5, id="field",
        ),
        pytest.param(
            change(1, b'"instance":"main"', b'"instance":"fake"'),
            LogFault.CHANGED, 1, 1, 1, id="head",
        ),
        pytest.param(
            change(5, b'"seq":5', b'"seq":55'),
            LogFault.CHANGED, 5, 5, 5, id="its-number",
        ),
        pytest.param(
            change(5, b'"previous":"', b'"previous":"x'),
            LogFault.CHANGED, 5, 5, 5, id="its-predecessor",
        ),
        pytest.param(
            change(5, b'{"record"', b'{{"record"'),
            LogFault.CHANGED, 5, 5, 5, id="no-record-any-more",
        ),
        pytest.param(
            change(LINES, b'{"record"', b'{{"record"'),
            LogFault.CHANGED, LINES, LINES, LINES, id="last-line-no-record",
        ),
        pytest.param(
            change(5, b"}", b"} "), LogFault.CHANGED, 5, 5, 5, id="only-a-blank"
        ),
        pytest.param(delete(5, 5), LogFault.MISSING, 5, 5, 5, id="one-missing"),
        pytest.param(delete(4, 8), LogFault.MISSING, 4, 4, 8, id="some-missing"),
        pytest.param(delete(1, 1), LogFault.MISSING, 1, 1, 1, id="head-missing"),
        pytest.param(
            delete(LINES - 1, LINES - 1),
            LogFault.MISSING,
            LINES - 1,
            LINES - 1,
            LINES - 1,
            id="last-but-one-missing",
        ),
        pytest.param(insert(5, b"hello"), LogFault.INSERTED, 5, None, None, id="text"),
        pytest.param(insert(5, b""), LogFault.INSERTED, 5, None, None, id="blank-line"),
        pytest.param(insert(6, LOG[4]), LogFault.INSERTED, 6, 5, 5, id="line-twice"),
        pytest.param(insert(9, LOG[4]), LogFault.INSERTED, 9, 5, 5, id="old-line"),
        pytest.param(
            insert(LINES + 1, LOG[4]), LogFault.INSERTED, LINES + 1, 5, 5,
            id="old-line-at-the-end",
        ),
        pytest.param(
            insert(5, forged(LOG[3])), LogFault.INSERTED, 5, 5, 5, id="forged"
        ),
        pytest.param(
            insert(5, encode(decision("x"))), LogFault.INSERTED, 5, 0, 0,
            id="unchained",
        ),
        pytest.param(move(5, 5, 6), LogFault.REORDERED, 5, 6, 6, id="swapped"),
        pytest.param(
            move(LINES - 1, LINES - 1, LINES), LogFault.REORDERED, LINES - 1, LINES,
            LINES, id="swapped-at-the-end",
        ),
        pytest.param(move(5, 5, 9), LogFault.REORDERED, 9, 5, 5, id="moved-down"),
        pytest.param(move(9, 9, 5), LogFault.REORDERED, 5, 9, 9, id="moved-up"),
        pytest.param(move(4, 6, 9), LogFault.REORDERED, 9, 4, 6, id="block-moved"),
    ],
)  # fmt: skip
def test_tampering_is_found_in_its_place(
    tmp_path: Path,
    edit: Edit,
    problem: LogFault,
    line: int,
    first: int | None,
    last: int | None,
) -> None:
    """One act of tampering is one finding, with its kind, its line and its records."""
    report = check(tmp_path, edit(LOG))

    assert report.findings == (
        LogFinding(
            problem=problem,
            place=LinePlace("00000001-20261125.jsonl", line),
            first=first,
            last=last,
        ),
    )


def test_findings_stand_in_the_order_of_the_lines(tmp_path: Path) -> None:
    """Several acts are several findings."""
    edited = delete(10, 10)(change(4, b'"id":"d4"', b'"id":"dx"')(LOG))
    report = check(tmp_path, insert(7, b"hello")(edited))

    assert [(item.problem, item.place.line) for item in report.findings] == [
        (LogFault.CHANGED, 4),
        (LogFault.INSERTED, 7),
        (LogFault.MISSING, 11),
    ]


def _spoiled(log: list[bytes]) -> Iterator[list[bytes]]:
    """Yield a log without each of its lines, and with each of them twice."""
    for i in range(len(log) - 1):
        yield [*log[:i], *log[i + 1 :]]
    for i in range(len(log)):
        yield [*log[: i + 1], *log[i:]]


def test_every_deletion_and_repetition_is_found(tmp_path: Path) -> None:
    """No line but the last can go, and none can come twice."""
    for log in _spoiled(LOG):
        assert not check(tmp_path, log).ok


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_changed_byte_but_in_the_last_line_is_found(
    tmp_path: Path, data: st.DataObject
) -> None:
    """One byte is enough; a checkpoint covers the last line too."""
    at = data.draw(st.integers(0, LINES - 1))
    offset = data.draw(st.integers(0, len(LOG[at]) - 1))
    byte = data.draw(st.integers(0, 255))
    line = bytearray(LOG[at])
    assume(line[offset] != byte)
    line[offset] = byte
    log = [*LOG[:at], bytes(line), *LOG[at + 1 :]]
    checkpoint = Checkpoint(LINES, line_hash(LOG[-1]))

    assert at == LINES - 1 or not check(tmp_path, log).ok
    assert not check(tmp_path, log, checkpoint=checkpoint).ok


@given(order=st.permutations(range(LINES)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_other_order_is_found(tmp_path: Path, order: list[int]) -> None:
    """Lines cannot change places."""
    assert check(tmp_path, [LOG[i] for i in order]).ok is (order == sorted(order))


def test_cut_off_tail_needs_a_checkpoint(tmp_path: Path) -> None:
    """The chain cannot prove the loss of its last records; a checkpoint can."""
    checkpoint = Checkpoint(LINES, line_hash(LOG[-1]))

    assert check(tmp_path, LOG[:-2]).ok
    report = check(tmp_path, LOG[:-2], checkpoint=checkpoint)
    (finding,) = report.findings
    assert report.checkpoint is CheckpointState.REFUTED
    assert finding.problem is LogFault.CUT_OFF
    assert (finding.place.line, finding.first, finding.last) == (10, 11, 12)


def test_rewritten_log_needs_a_checkpoint(tmp_path: Path) -> None:
    """A forger of the whole chain cannot match a hash that is kept elsewhere."""
    rewritten = log_of(4)
    while len(rewritten) < LINES:
        rewritten.append(forged(rewritten[-1]))
    checkpoint = Checkpoint(8, line_hash(LOG[7]))

    assert check(tmp_path, rewritten).ok
    report = check(tmp_path, rewritten, checkpoint=checkpoint)
    assert report.checkpoint is CheckpointState.REFUTED
    assert report.findings[0].place.line == 8


@pytest.mark.parametrize("count", [0, 1, 5, LINES])
def test_checkpoint_of_an_earlier_time_is_confirmed(tmp_path: Path, count: int) -> None:
    """A log that has grown since still has its checkpoints in it."""
    head = line_hash(LOG[count - 1]) if count else "0" * 64

    report = check(tmp_path, LOG, checkpoint=Checkpoint(count, head))

    assert report.ok
    assert report.checkpoint is CheckpointState.CONFIRMED


def test_unfinished_line_of_the_writer_is_left_out(tmp_path: Path) -> None:
    """A log may be verified while it is written."""
    check(tmp_path, LOG)
    with segment_paths(tmp_path)[0].open("ab") as file:
        file.write(b'{"record":"dec')

    report = verify(tmp_path)

    assert report.ok
    assert (report.records, report.unfinished_bytes) == (LINES, 14)


def test_overlong_line_does_not_end_the_check(tmp_path: Path) -> None:
    """Records after an invalid line are still checked."""
    edited = change(9, b'"id":"d9"', b'"id":"dx"')(LOG)
    report = check(tmp_path, insert(5, b"x" * (LINE_LIMIT + 1))(edited))

    assert report.unfinished_bytes == 0
    assert not report.ok
    assert report.end.records == LINES


def test_empty_log_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    """Every start of a proxy leaves a record: without any, nothing was checked."""
    report = verify(tmp_path)
    assert [item.problem for item in report.findings] == [LogFault.EMPTY]
    report = verify(tmp_path, checkpoint=(3, "0" * 64))
    assert LogFault.CUT_OFF in {item.problem for item in report.findings}


def test_missing_log_is_an_error(tmp_path: Path) -> None:
    """A mistyped path must not look like a log without findings."""
    with pytest.raises(LogError, match="cannot read the decision log"):
        verify(tmp_path / "none")


def test_findings_are_bounded(tmp_path: Path) -> None:
    """A file full of garbage does not fill the memory."""
    report = check(tmp_path, [*LOG, *[b"x"] * (FINDINGS_LIMIT + 10)])

    assert len(report.findings) == FINDINGS_LIMIT
    assert report.findings_omitted == 10


@pytest.fixture
def days(tmp_path: Path) -> Path:
    """Return a log of four days with three lines each."""
    write_log(
        tmp_path,
        [[decision(f"{day}a"), decision(f"{day}b", REJECTED)] for day in range(4)],
    )
    return tmp_path


def test_chain_goes_across_segments(days: Path) -> None:
    """A head names the last line of the segment before."""
    report = verify(days)

    assert report.ok
    assert (report.segments, report.records) == (7, 18)
    assert (report.totals, report.totals_checked) == (3, 3)


def test_missing_segment_is_found(days: Path) -> None:
    """A segment in the middle cannot go unnoticed while its time is not over."""
    upload_paths(days)[1].unlink()

    (finding,) = verify(days).findings

    assert finding == LogFinding(
        problem=LogFault.MISSING,
        place=LinePlace("00000004-20261127.jsonl", 1),
        first=6,
        last=8,
        why="the last of the files was to be kept until 2026-12-26, with 1 match",
    )


def test_missing_newest_segment_needs_a_checkpoint(days: Path) -> None:
    """Deleting the newest segment is a cut-off tail."""
    end = verify(days).end
    segment_paths(days)[-1].unlink()

    assert verify(days).ok
    assert not verify(days, checkpoint=end).ok


def test_change_in_the_last_line_of_a_segment_is_found(days: Path) -> None:
    """The next head vouches for it."""
    path = upload_paths(days)[1]
    path.write_bytes(path.read_bytes().replace(b'"id":"1b"', b'"id":"xx"'))

    (finding,) = verify(days).findings

    assert (finding.problem, finding.place) == (LogFault.CHANGED, (path.name, 3))


def test_cut_end_of_an_older_segment_is_found(days: Path) -> None:
    """Only the newest segment may end in the middle of a line."""
    path = upload_paths(days)[1]
    path.write_bytes(path.read_bytes()[:-5])

    (finding,) = verify(days).findings

    assert (finding.problem, finding.place) == (LogFault.CHANGED, (path.name, 3))


def test_renamed_segment_is_found(days: Path) -> None:
    """The head says which segment it is."""
    segment_paths(days)[0].rename(days / "00000000-20261125.jsonl")

    (finding,) = verify(days).findings

    assert finding.problem is LogFault.CHANGED
    assert finding.place.line == 1


def test_swapped_segments_are_found(days: Path) -> None:
    """Whole segments cannot change places either."""
    first, second = upload_paths(days)[1:3]
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)

    problems = {item.problem for item in verify(days).findings}

    assert LogFault.REORDERED in problems


def test_record_moved_to_another_segment_is_found(days: Path) -> None:
    """The place of a moved record is where it stands now."""
    first, second = upload_paths(days)[1:3]
    lines = first.read_bytes().splitlines(keepends=True)
    first.write_bytes(b"".join([lines[0], lines[2]]))
    second.write_bytes(second.read_bytes() + lines[1])

    findings = verify(days).findings

    assert (
        LogFinding(
            problem=LogFault.REORDERED, place=LinePlace(second.name, 4), first=7, last=7
        )
        in findings
    )


def test_records_are_those_of_the_log(days: Path) -> None:
    """The end that is told is a checkpoint of the whole log."""
    end = verify(days).end
    line = segment_paths(days)[-1].read_bytes().splitlines()[-1]
    last: Record = decode(line)

    assert end == (last.seq, line_hash(line))
