"""A compressed log is the same log: for every reader, and to the byte.

Only the size on disk may differ. Damage of a compressed file is an
error or a finding that names the file; it never makes a log shorter in silence.
"""

import gzip
import io
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.decisions.files.trees import compare, end_of, tree_of
from tests.decisions.logs import (
    DAY_S,
    NOON,
    REJECTED,
    compress_segments,
    decision,
    outcome,
    upload_segments,
    write_log,
)
from uploadfilter.decisions.files.compressed import (
    MOST_RATIO,
    SLACK_BYTES,
    CompressedReader,
)
from uploadfilter.decisions.files.period import period_of
from uploadfilter.decisions.files.proving import prove
from uploadfilter.decisions.files.reading import Filters, follow, read
from uploadfilter.decisions.files.retention import prune
from uploadfilter.decisions.files.segments import (
    lines,
    opened,
    read_head,
    segments,
    size_of,
)
from uploadfilter.decisions.files.settings import LogSettings
from uploadfilter.decisions.files.totalling import changes_of, parts_of
from uploadfilter.decisions.files.verify import verify
from uploadfilter.decisions.records.sequence import LogFault
from uploadfilter.errors import LogCorruptError
from uploadfilter.reporting.gathered import ReportDays
from uploadfilter.reporting.gathering import GatherOptions, gather

SMALL = LogSettings(segment_bytes=4096)
SPAN = ReportDays(date(2026, 11, 25), date(2026, 12, 1))

Answers = dict[str, object]


@contextmanager
def reader(data: bytes) -> Iterator[io.BufferedReader]:
    """Open a compressed form of some bytes."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        yield io.BufferedReader(CompressedReader(file, "1.gz"), 100)


def unpacked(data: bytes) -> bytes:
    """Return what a reader gets from a compressed form."""
    with reader(data) as file:
        return file.read()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return a log of some days, with a match, outcomes, totals and a tree."""
    directory = tmp_path / "instances" / "main" / "log"
    day = [it for at in range(12) for it in (decision(f"d{at}"), outcome(f"d{at}"))]
    match = [decision("m", REJECTED)]
    write_log(
        directory, [[decision("first"), *day], [*match, *day], day], settings=SMALL
    )
    tree_of(directory).grow(end_of(directory))
    return directory


def answers(directory: Path) -> Answers:
    """Return what every reader of a log answers."""
    (counted,) = gather([directory], SPAN, GatherOptions())
    return {
        "segments": segments(directory),
        "heads": [read_head(directory, it) for it in segments(directory)],
        "sizes": [size_of(directory, it).plain for it in segments(directory)],
        "records": list(read(directory)),
        "followed": list(follow(directory, wait=lambda: False)),
        "found": list(read(directory, filters=Filters(id="d3"))),
        "verified": verify(directory),
        "tree": compare(directory),
        "proofs": [prove(directory, name) for name in ("d0", "m", "d11")],
        "totals": list(parts_of(directory)),
        "changes": list(changes_of(directory)),
        "period": period_of(directory),
        "report": (counted.records, counted.end, counted.said),
    }


@pytest.mark.parametrize("which", ["all", "old", "one", "newest too"])
def test_every_reader_answers_alike(log: Path, which: str) -> None:
    """Whatever is compressed: the old segments, one of them, or all."""
    before = answers(log)
    found = segments(log)
    chosen = {"all": found[:-1], "old": found[:3], "one": found[2:3]}
    made = compress_segments(log, chosen.get(which, found))

    assert answers(log) == before
    assert all(path.exists() for path in made)


def test_both_forms_are_one_segment(log: Path) -> None:
    """A crash leaves both; the plain one counts, also if the other is damaged."""
    before = answers(log)
    shutil.copytree(log, log.with_name("copy"))
    for path in compress_segments(log):
        shutil.copy(log.with_name("copy") / path.stem, log)
        path.write_bytes(b"half")

    assert answers(log) == before


def test_log_goes_on_after_its_newest_segment_was_compressed(log: Path) -> None:
    """It is unpacked, and lines are appended; the old bytes stay."""
    before = [log.joinpath(it.name).read_bytes() for it in segments(log)]
    compress_segments(log, segments(log))

    write_log(log, [[decision("later")]], start=NOON + 2 * DAY_S, settings=SMALL)

    assert verify(log).ok
    tree_of(log).grow(verify(log).end)
    assert compare(log).ok
    assert b'"later"' in prove(log, "later").record
    newest = segments(log)[len(before) - 1]
    assert (log / newest.name).read_bytes().startswith(before[-1])
    assert not (log / newest.compressed_name).exists()


def test_log_with_a_damaged_newest_segment_is_not_continued(log: Path) -> None:
    """It would go on from an older end."""
    path = compress_segments(log, segments(log)[-1:])[0]
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(LogCorruptError, match=path.name):
        write_log(log, [[]], start=NOON + 3 * DAY_S)


def test_reader_that_follows_goes_on_in_the_compressed_form(log: Path) -> None:
    """Its offset means the same byte."""
    shutil.copytree(log, log.with_name("whole"))
    newest = segments(log)[-1]
    path = log / newest.name
    whole = path.read_bytes()
    cut = whole.index(b"\n", len(whole) // 2) + 1
    path.write_bytes(whole[:cut])
    waits = 0

    def wait() -> bool:
        nonlocal waits
        waits += 1
        path.write_bytes(whole)
        compress_segments(log, [newest])
        return waits == 1

    found = [record.seq for record in follow(log, wait=wait)]

    assert found == [record.seq for record in read(log.with_name("whole"))]


def test_retention_deletes_both_forms(log: Path) -> None:
    """It names the files that it deleted."""
    copy = log.with_name("copy")
    shutil.copytree(log, copy)
    made = {path.name for path in compress_segments(log)}
    deleted = prune(log, now=NOON + 2 * DAY_S)
    write_log(log, [[decision("x")]], start=NOON + 800 * DAY_S)
    write_log(log, [[decision("y")]], start=NOON + 801 * DAY_S)
    (log / prune_name(copy)).write_bytes((copy / prune_name(copy)).read_bytes())

    assert deleted == ()
    deleted = prune(log, now=NOON + 801 * DAY_S)
    assert prune_name(copy) in deleted
    assert set(deleted) & made
    assert not [path for path in log.iterdir() if path.name in deleted]


def prune_name(directory: Path) -> str:
    """Return the file of the first segment with uploads."""
    return upload_segments(directory)[0].name


def _cut_end(data: bytes) -> bytes:
    return data[:-5]


def _cut_half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _flip(data: bytes) -> bytes:
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1 :]


def _add(data: bytes) -> bytes:
    return data + b"more"


def _empty(_data: bytes) -> bytes:
    return b""


DAMAGES = [_cut_end, _cut_half, _flip, _add, _empty]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_said_by_every_reader(
    log: Path, damage: Callable[[bytes], bytes]
) -> None:
    """An error with the file's name, or a finding; nobody gets fewer records."""
    (path,) = compress_segments(log, upload_segments(log)[1:2])
    path.write_bytes(damage(path.read_bytes()))

    found = verify(log).findings
    assert LogFault.UNREADABLE in {it.problem for it in found}
    assert any(path.name in it.why for it in found)
    with pytest.raises(LogCorruptError, match=path.name) as caught:
        list(read(log))
    assert "copy" in caught.value.hint
    with pytest.raises(LogCorruptError, match=path.name):
        list(read(log, filters=Filters(id="no such")))
    with pytest.raises(LogCorruptError, match=path.name):
        prove(log, "no such")
    assert b'"first"' in prove(log, "first").record


def test_damaged_file_does_not_hide_damage_after_it(log: Path) -> None:
    """The check goes on with the next file."""
    path = compress_segments(log, segments(log)[2:3])[0]
    path.write_bytes(path.read_bytes()[:-5])
    last = log / segments(log)[-1].name
    last.write_bytes(last.read_bytes().replace(b'"size":10', b'"size":11', 1))

    problems = {it.problem for it in verify(log).findings}

    assert problems >= {LogFault.UNREADABLE, LogFault.CHANGED}


def test_tree_is_compared_beyond_a_damaged_file(log: Path) -> None:
    """The records of other files are checked, and the damage is a finding."""
    path = compress_segments(log, segments(log)[2:3])[0]
    whole = compare(log)
    path.write_bytes(path.read_bytes()[:500])

    report = compare(log)

    assert not report.ok
    assert path.name in report.findings[0].why
    assert 0 < report.checked < whole.checked


@given(
    data=st.binary(min_size=1, max_size=2000),
    steps=st.lists(st.tuples(st.integers(0, 2500), st.integers(0, 300)), max_size=8),
)
def test_seeking_reads_the_same_bytes(
    data: bytes, steps: list[tuple[int, int]]
) -> None:
    """Forwards, backwards and beyond the end, as in the plain file."""
    plain = io.BytesIO(data)
    with reader(gzip.compress(data)) as file:
        for offset, count in steps:
            at = plain.seek(min(offset, len(data)))
            file.seek(at)
            assert file.read(count) == plain.read(count)
        assert file.seek(0, io.SEEK_END) == len(data)


@given(
    data=st.binary(min_size=1, max_size=2000),
    cut=st.floats(0, 1, exclude_max=True),
)
def test_no_cut_goes_unnoticed(data: bytes, cut: float) -> None:
    """Wherever the file ends before its end."""
    made = gzip.compress(data)

    with pytest.raises(LogCorruptError, match=r"'1\.gz'"):
        unpacked(made[: int(len(made) * cut)])


@given(data=st.binary(min_size=1, max_size=500), change=st.data())
def test_no_changed_byte_changes_a_record(data: bytes, change: st.DataObject) -> None:
    """A reader gets the original, or an error."""
    made = bytearray(gzip.compress(data))
    at = change.draw(st.integers(0, len(made) - 1))
    made[at] ^= change.draw(st.integers(1, 255))

    try:
        found = unpacked(bytes(made))
    except LogCorruptError:
        return
    assert found == data


def test_gzip_of_others_is_read(log: Path) -> None:
    """An operator may have compressed old files himself, in any number of members."""
    before = list(read(log))
    for segment in segments(log)[:-1]:
        data = (log / segment.name).read_bytes()
        parts = (data[:700], data[700:])
        packed = b"".join(gzip.compress(part) for part in parts)
        (log / segment.compressed_name).write_bytes(packed)
        (log / segment.name).unlink()

    assert list(read(log)) == before
    assert verify(log).ok


def test_bomb_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    """A file of an unknown origin costs no more than its size allows."""
    path = tmp_path / "00000001-20261125.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as bomb:
        for _ in range(40):
            bomb.write(bytes(4 * 1024 * 1024))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with opened(tmp_path, segments(tmp_path)[0]) as file:
        with pytest.raises(LogCorruptError, match=f"more than {MOST_RATIO} times"):
            file.seek(0, io.SEEK_END)
        file.seek(0)
        with pytest.raises(LogCorruptError, match=f"more than {MOST_RATIO} times"):
            sum(line.is_whole for line in lines(file))

        assert file.tell() <= SLACK_BYTES + MOST_RATIO * path.stat().st_size + 2**18
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 4 * SLACK_BYTES // 1024
