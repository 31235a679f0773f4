"""The state after a crash, and the recovery of a log."""

from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.decisions.children import start, write_until_killed
from tests.decisions.logs import (
    ACCEPTED,
    DAY_S,
    NOON,
    REJECTED,
    Clock,
    decision,
    outcome,
    segment_paths,
    unsynced,
    write_log,
)
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.reading import read
from uploadfilter.decisions.files.recovery import TORN_LIMIT, RecoveryReport
from uploadfilter.decisions.files.verify import verify
from uploadfilter.decisions.records.records import (
    UNKNOWN,
    DecisionRecord,
    OutcomeRecord,
)
from uploadfilter.errors import LogCorruptError

LOST_IN_A_CRASH = st.one_of(
    st.binary(min_size=1, max_size=300),
    st.integers(1, 9000).map(bytes),
    st.just(b'{"record":"decision"}\n'),
)


def reopen(directory: Path, now: float = NOON) -> RecoveryReport:
    """Open a log, append to it, and return the repairs."""
    with DecisionLog.open(
        directory, instance="main", clock=Clock(now), sync=unsynced
    ) as log:
        log.append(decision("after")).result()
        return log.recovery


def test_crash_at_any_byte_of_a_group_leaves_a_log_that_goes_on(
    tmp_path: Path,
) -> None:
    """Cut at every byte of the last group, the log opens, verifies and continues."""
    write_log(
        tmp_path / "whole",
        [[decision("a", ACCEPTED)], [outcome("a"), outcome("other")]],
    )
    files = [
        (path.name, path.read_bytes()) for path in segment_paths(tmp_path / "whole")
    ]
    cuts = [(at, size) for at in (1, 2) for size in range(len(files[at][1]) + 1)]

    for at, size in cuts:
        directory = tmp_path / f"{at}-{size}"
        directory.mkdir(0o700)
        name, content = files[at]
        for before, whole in files[:at]:
            (directory / before).write_bytes(whole)
        (directory / name).write_bytes(content[:size])
        with DecisionLog.open(
            directory, instance="main", clock=Clock(NOON + DAY_S), sync=unsynced
        ) as log:
            torn = sum(path.stat().st_size for path in log.recovery.torn)

        lines = content[:size].count(b"\n")
        report = verify(directory)
        assert report.ok, (at, size, report)
        assert report.totals == report.totals_checked == 1
        assert torn == size - sum(map(len, content.splitlines(keepends=True)[:lines]))
        assert log.recovery.torn_bytes == torn
        is_out = at == 2 and lines >= 2
        assert log.recovery.unknown_outcomes == (() if is_out else ("a",))


@given(rest=LOST_IN_A_CRASH)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_garbage_at_the_end_is_set_aside(
    tmp_path_factory: pytest.TempPathFactory, rest: bytes
) -> None:
    """Bytes after the last record that a crash left are kept, but not in the log."""
    directory = tmp_path_factory.mktemp("log")
    write_log(directory, [[decision("a"), decision("b")]])
    path = segment_paths(directory)[0]
    before = path.read_bytes()
    path.write_bytes(before + rest)

    report = reopen(directory)

    assert path.read_bytes().startswith(before)
    assert (directory / f"{path.name}.torn").read_bytes() == rest
    assert report.torn == (directory / f"{path.name}.torn",)
    assert verify(directory).ok


def test_second_crash_keeps_what_the_first_one_left(tmp_path: Path) -> None:
    """A torn file grows; nothing that was set aside is lost."""
    write_log(tmp_path, [[decision("a")]])
    path = segment_paths(tmp_path)[0]
    for rest in (b"one", b"two"):
        path.write_bytes(path.read_bytes() + rest)
        reopen(tmp_path)

    torn = tmp_path / f"{path.name}.torn"
    assert torn.read_bytes() == b"onetwo"
    assert torn.stat().st_mode & 0o777 == 0o600


def test_lost_outcome_becomes_unknown(tmp_path: Path) -> None:
    """An accepted upload whose fate a crash hid is recorded as unknown, once."""
    write_log(
        tmp_path,
        [
            [decision("old", ACCEPTED), decision("told", ACCEPTED)],
            [outcome("told"), decision("new", ACCEPTED), decision("no", REJECTED)],
        ],
    )

    report = reopen(tmp_path, NOON + DAY_S)

    assert report.unknown_outcomes == ("old", "new")
    assert not report.is_clean
    unknown = [
        record.decision
        for record in read(tmp_path)
        if isinstance(record, OutcomeRecord) and record.outcome == UNKNOWN
    ]
    assert unknown == ["old", "new"]
    assert reopen(tmp_path, NOON + DAY_S).is_clean


def test_log_whose_only_head_is_torn_begins_anew(tmp_path: Path) -> None:
    """A crash in the very first write leaves a log that begins with number 1."""
    (tmp_path / "00000001-20261125.jsonl").write_bytes(b'{"record":"segm')

    report = reopen(tmp_path)

    assert report.torn_bytes == 15
    assert [record.seq for record in read(tmp_path)] == [1, 2]
    assert verify(tmp_path).ok


def test_changed_record_is_not_set_aside(tmp_path: Path) -> None:
    """Recovery repairs crashes; changes by people stay where `verify` finds them."""
    write_log(tmp_path, [[decision("a"), decision("b"), decision("c")]])
    path = segment_paths(tmp_path)[0]
    path.write_bytes(path.read_bytes().replace(b'"id":"b"', b'"id":"x"'))

    assert reopen(tmp_path).torn_bytes == 0
    assert not verify(tmp_path).ok


def test_more_damage_than_a_crash_can_do_is_refused(tmp_path: Path) -> None:
    """Many bytes after a damaged line are evidence, and must not be cut off."""
    write_log(tmp_path, [[decision("a")]])
    path = segment_paths(tmp_path)[0]
    size = path.stat().st_size + TORN_LIMIT + 1
    with path.open("r+b") as file:
        file.truncate(size)

    with pytest.raises(LogCorruptError, match="more than"):
        reopen(tmp_path)
    assert path.stat().st_size == size


def test_segment_without_head_is_refused(tmp_path: Path) -> None:
    """Without its head nothing shows the earlier records."""
    write_log(tmp_path, [[decision("a")]])
    path = segment_paths(tmp_path)[0]
    path.write_bytes(path.read_bytes().split(b"\n", 1)[1])

    with pytest.raises(LogCorruptError, match="does not begin with its head"):
        reopen(tmp_path)


def test_other_files_in_the_directory_do_not_matter(tmp_path: Path) -> None:
    """Notes of an operator and impossible dates are not segments."""
    write_log(tmp_path, [[decision("a")]])
    for name in ("README", "00000009-20261399.jsonl", "00000009-20261125.jsonl.torn"):
        (tmp_path / name).write_text("x")

    assert reopen(tmp_path).is_clean
    assert verify(tmp_path).ok


def test_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    """After SIGKILL every record whose future was resolved is in the log."""
    directory = tmp_path / "log"
    with start(write_until_killed, directory) as child:
        assert child.stdout is not None
        durable = list(islice(child.stdout, 50))
        child.kill()
        durable += child.stdout.readlines()
    acknowledged = [line.strip() for line in durable if line.endswith("\n")]

    report = reopen(directory)

    recorded = [r.id for r in read(directory) if isinstance(r, DecisionRecord)]
    assert set(acknowledged) <= set(recorded)
    assert list(report.unknown_outcomes) == recorded[:-1]
    assert verify(directory).ok


def test_crash_between_rotation_and_head_keeps_what_is_open(tmp_path: Path) -> None:
    """The empty file of a segment that never began is taken away again."""
    write_log(tmp_path, [[decision("a", ACCEPTED)]])
    (tmp_path / "00000002-20261126.jsonl").touch()

    report = reopen(tmp_path)

    assert report.unknown_outcomes == ("a",)
    assert [path.name for path in segment_paths(tmp_path)] == [
        "00000001-20261125.jsonl"
    ]


def test_head_says_what_recovery_needs(tmp_path: Path) -> None:
    """The newest segment alone tells which outcomes are missing."""
    write_log(tmp_path, [[decision("a", ACCEPTED)], [decision("b")]])
    segment_paths(tmp_path)[0].write_text("no longer readable")

    assert reopen(tmp_path, NOON + DAY_S).unknown_outcomes == ("a",)
